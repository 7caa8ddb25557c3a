//! The outside over HTTP: the application for requests, and the doors of sockets.
//!
//! Actix hands plain requests to the [`application`] and every upgrade, with its raw stream, to `upgrade`.

pub mod address;
mod admission;
pub mod api;
mod application;
mod caller;
pub mod credential;
mod door_maker;
mod doors;
pub mod engine;
pub mod extension;
pub mod extract;
mod files;
pub mod handshake;
mod line;
pub mod middleware;
mod mqtt;
mod open_sockets;
mod openapi;
mod operations;
pub mod origin;
mod pace;
pub mod paging;
mod partings;
pub mod problem;
mod relays;
mod server;
pub mod socket;
mod sse;
mod table;
mod tls;
mod turn_away;
mod upgrade;

pub use admission::{Admission, Verdict};
pub use application::{Services, application};
pub use door_maker::DoorMaker;
pub use doors::DoorOptions;
pub use open_sockets::OpenSockets;
pub use partings::Partings;
pub use relays::RelayList;
pub use server::{ServerOptions, bind, serve};
pub use tls::{TlsError, tls};
