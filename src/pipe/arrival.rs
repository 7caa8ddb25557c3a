//! A connection that comes in by one door and is served behind another.

use std::net::IpAddr;

use actix::Message;
use bytes::Bytes;

use super::Stream;

/// A WebSocket whose handshake is done, for whoever speaks the protocol in it; its stream may come from another thread.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Arrival {
    /// The connection.
    pub stream: Stream,
    /// What came with the handshake.
    pub early: Bytes,
    /// Where the peer is.
    pub from: IpAddr,
}
