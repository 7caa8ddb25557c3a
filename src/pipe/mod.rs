//! What stands between a socket and the actor beside it: finished frames one way, whole messages the other.
//!
//! Everything here lives on one thread, that of the socket.

mod arrival;
mod chain;
mod flusher;
pub mod frame;
mod framing;
mod gzip;
mod inbound;
mod intake;
mod outbox;
mod paced;
mod packing;
mod queue;
mod requests;
mod rest;
mod stream;

pub use arrival::Arrival;
pub use flusher::{Flusher, Noted};
pub use framing::Framing;
pub use gzip::GzipStream;
pub use inbound::{Closed, Received, ReceivedBinary, ReceivedTexts};
pub use intake::{Begun, PATIENCE, Pace};
pub use outbox::{GONE, Outbox, OutboxOptions, TOO_SLOW};
pub use paced::Paced;
pub use stream::{Bounds, Stream};
