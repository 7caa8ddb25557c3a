//! The binary as an operator uses it.

mod backup;
mod bench;
mod crash;
mod module;
mod secrets;
mod simulate;
mod start;
mod stop;
mod tls;
mod user;
