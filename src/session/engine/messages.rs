//! What the doors say to a session of Engine.IO, and what it says to whoever sits on top.

use std::net::IpAddr;
use std::rc::Rc;

use actix::{Message as ActixMessage, Recipient, WeakRecipient};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use tokio::sync::oneshot;

use super::error::EngineError;
use super::packet::Message;
use crate::auth::Credential;
use crate::domain::problem::Problem;
use crate::pipe::frame::{Assembler, Deflation};
use crate::pipe::{Closed, Outbox, Received, ReceivedBinary, Stream};

/// Who sits on a session of Engine.IO.
///
/// It speaks through the session's outbox, in packets of Engine.IO: `4` before every text.
pub trait Application {
    /// Takes a message; the next one comes when this is done.
    fn take(self: Rc<Self>, message: Message) -> LocalBoxFuture<'static, ()>;

    /// Learns what the newest request brought to log in with.
    fn called_by(&self, caller: Caller);

    /// Whether nobody has joined; such sessions end after a while.
    fn is_idle(&self) -> bool;

    /// The session is over; nothing follows.
    fn closed(&self);
}

/// Who sends a request.
#[derive(Clone)]
pub struct Caller {
    /// What the request brings to log in with, or why that cannot be used.
    pub credential: Result<Credential, Problem>,
    /// Where it comes from.
    pub address: IpAddr,
}

/// Asks for all that waits; the answer comes when there is something.
#[derive(Debug, ActixMessage)]
#[rtype(result = "()")]
pub struct Poll {
    /// Takes the payload; dropped when the client is gone.
    pub answer: oneshot::Sender<Result<String, EngineError>>,
}

/// Brings a payload of packets; answered when they have been taken.
#[derive(ActixMessage)]
#[rtype(result = "Result<(), EngineError>")]
pub struct Post {
    /// The payload.
    pub body: Bytes,
    /// What the request brings to log in with.
    pub caller: Caller,
}

/// A request broke off or was too long: the session must end.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "()")]
pub struct Break;

/// A WebSocket wants to take over; answers whether it may try.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "Result<(), EngineError>")]
pub struct Probe;

/// The WebSocket that tried to take over does so no more; of no meaning to a session that it has taken over.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "()")]
pub struct ProbeEnded;

/// A WebSocket takes over.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Upgraded {
    /// Its stream, perhaps of another thread.
    pub stream: Stream,
    /// How messages are compressed on it.
    pub deflation: Option<Deflation>,
    /// What has been read of it but is not whole yet.
    pub assembler: Assembler,
    /// What the request brings to log in with.
    pub caller: Caller,
}

/// The hub stops.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "()")]
pub struct Shut;

/// A WebSocket whose reading side needs an owner.
pub struct Wire {
    /// The way out, attached to the stream.
    pub outbox: Outbox,
    /// What has been read but is not whole yet.
    pub assembler: Assembler,
    /// Who takes texts.
    pub received: Recipient<Received>,
    /// Who takes bytes.
    pub binary: Recipient<ReceivedBinary>,
    /// Who is told of the end.
    pub closed: WeakRecipient<Closed>,
}
