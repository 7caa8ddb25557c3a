//! Pure words and rules of the hub: no actor, no database, no socket.

pub mod account;
pub mod alarm;
pub mod audit;
pub mod command;
pub mod cursor;
pub mod document;
pub mod event;
pub mod grant;
pub mod ids;
pub mod module;
pub mod moments;
pub mod pace;
pub mod problem;
pub mod retention;
pub mod rollup;
pub mod stop;
pub mod telemetry;
mod text;
pub mod time;
pub mod topic;
pub mod webhook;
