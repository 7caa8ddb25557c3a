//! Integration tests, through the doors.

mod alarms;
mod architecture;
mod auth;
mod chaos;
mod cli;
mod commands;
mod documents;
mod history;
mod journal;
mod modules;
mod mqtt;
mod operation;
mod socketio;
mod sse;
mod support;
mod webhooks;
mod ws;
