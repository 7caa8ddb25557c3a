//! The outside over HTTP: the table of routes, and the doors of sockets.

pub mod credential;
pub mod extract;
pub mod origin;
pub mod paging;
pub mod problem;
mod relays;

pub use relays::RelayList;
