//! The outside over HTTP: the table of routes, and the doors of sockets.

pub mod credential;
pub mod origin;
