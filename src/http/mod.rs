//! The outside over HTTP: the table of routes, and the doors of sockets.

pub mod address;
pub mod api;
pub mod credential;
pub mod extract;
mod files;
pub mod middleware;
mod openapi;
mod operations;
pub mod origin;
pub mod paging;
pub mod problem;
mod relays;
mod tls;

pub use operations::routes as operation_routes;
pub use relays::RelayList;
pub use tls::{TlsError, tls};
