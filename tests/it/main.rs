//! Integration tests, through the doors.

mod architecture;
mod auth;
mod cli;
mod support;
mod ws;
