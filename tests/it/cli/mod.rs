//! The binary as an operator uses it.

mod crash;
mod module;
mod secrets;
mod start;
mod stop;
mod user;
