//! Integration tests, through the doors.

mod architecture;
mod auth;
mod support;
mod ws;
