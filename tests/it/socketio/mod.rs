//! The door of Socket.IO; what its own clients do there is in `tests/clients`.

mod bad_input;
mod cookies;
mod polls;
mod restart;
mod slow;
mod takeover;
mod tls;

pub use polls::Polls;
