//! What stands behind the connections: who may come in, where what they publish goes, what they hear.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures_util::future::{LocalBoxFuture, join_all};
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{Connect, ConnectAckReason, DisconnectReasonCode, PublishAckReason, SubscribeAckReason};
use tokio::sync::{mpsc, oneshot};

use super::places::Places;
use super::session::{Message, Session, SessionBounds, Subscription};
use super::wire::Version;
use crate::pipe::Outbox;

/// The bounds of connections, as clients are told them.
#[derive(Debug, Clone)]
pub struct Terms {
    /// How long a client may take to say who it is.
    pub connect_timeout: Duration,
    /// How long a client may read nothing while something waits.
    pub slow_timeout: Duration,
    /// The largest packet that is taken, in bytes.
    pub max_packet: u32,
    /// How many messages of a client may be unacknowledged; also how much those may weigh of which more is read.
    pub receive_max: u16,
    /// The longest keep-alive, in seconds; clients of version 5 are told it where they ask for more, or for none.
    pub max_keep_alive: u16,
    /// How long a session is remembered at most, in seconds.
    pub max_session_expiry: u32,
    /// How many topics a client may give a number.
    pub topic_aliases: u16,
    /// Whether subscriptions may be shared.
    pub shares_subscriptions: bool,
    /// The bounds of sessions.
    pub session: SessionBounds,
}

/// Somebody who may come in.
pub struct Arrived<G> {
    /// Who.
    pub guest: G,
    /// Whose session it is: a newer connection of the same owner takes over.
    pub owner: String,
    /// Whether the session may outlive the connection.
    pub is_remembered: bool,
}

/// Why somebody may not come in.
#[derive(Debug)]
pub struct Refusal {
    /// The reason code.
    pub reason: ConnectAckReason,
    /// The same in words.
    pub detail: Cow<'static, str>,
}

impl Refusal {
    /// A reason and what to do about it.
    pub fn new(reason: ConnectAckReason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Why a message was not taken.
#[derive(Debug)]
pub struct Refused {
    /// The reason code.
    pub reason: PublishAckReason,
    /// The same in words.
    pub detail: Cow<'static, str>,
    /// Whether it ends the connection even where nothing else can tell: the client does what it never may.
    pub is_grave: bool,
}

/// What may be heard from now on.
#[derive(Debug)]
pub struct Granted {
    /// The quality.
    pub qos: QoS,
    /// What was kept for those who come later.
    pub kept: Vec<Message>,
}

/// What is said to a connection from elsewhere in the house.
#[derive(Debug)]
pub enum Word {
    /// A message, which goes on if the client listens to its topic; `is_own` when the client itself published it.
    Deliver {
        /// The message.
        message: Message,
        /// Whether the client published it.
        is_own: bool,
    },
    /// A message that a group of subscribers shares, for this client out of them; only the broker of the conformance tests says it.
    DeliverShared(Message, Subscription),
    /// The connection ends, for this reason.
    End(DisconnectReasonCode, &'static str),
    /// The hub stops: what is under way is answered until then, while nothing more is read, and the connection ends.
    Stop(Instant),
    /// A newer connection takes over; the session is handed to it, if it is remembered.
    TakeOver(oneshot::Sender<Option<Session>>),
}

/// How to speak to a connection.
pub type Words = mpsc::Sender<Word>;

/// What a connection is told about the other side of itself when it opens.
pub struct Opened<'a> {
    /// How to speak to it.
    pub words: &'a Words,
    /// Its way out.
    pub outbox: &'a Outbox,
    /// Which version it speaks.
    pub version: Version,
}

/// What stands behind the connections of a thread.
pub trait Bridge: Sized + 'static {
    /// Somebody who is connected.
    type Guest: 'static;

    /// The bounds.
    fn terms(&self) -> &Terms;

    /// Whose sessions there are.
    fn places(&self) -> &Places;

    /// Finds out who comes.
    fn admit(&self, connect: &Connect, from: IpAddr) -> impl Future<Output = Result<Arrived<Self::Guest>, Refusal>>;

    /// Somebody's connection is open: what is for them goes there from now on.
    fn open(&self, guest: &mut Self::Guest, opened: Opened<'_>) -> impl Future<Output = Result<(), Refusal>>;

    /// What a message counts as among those of its connection that wait; at least one.
    fn weigh(&self, publish: &Publish) -> usize {
        1 + publish.payload.len() / 1024
    }

    /// Takes a message; answers when it is safe.
    fn publish(&self, guest: &Self::Guest, publish: Publish) -> LocalBoxFuture<'static, Result<(), Refused>>;

    /// Takes messages that came together, in their order; answers each of them when all are safe or refused.
    fn publish_all(
        &self,
        guest: &Self::Guest,
        publishes: Vec<Publish>,
    ) -> LocalBoxFuture<'static, Vec<Result<(), Refused>>> {
        let published: Vec<_> = publishes.into_iter().map(|publish| self.publish(guest, publish)).collect();
        Box::pin(join_all(published))
    }

    /// Nobody waits any more for what somebody has published: it is answered now, as refused where it can be taken back, and
    /// with [`PublishAckReason::UnspecifiedError`] where nobody knows. Who cannot say so is not asked again.
    fn give_up(&self, _guest: &Self::Guest) {}

    /// Lets somebody listen.
    fn subscribe(
        &self,
        guest: &Self::Guest,
        subscription: &Subscription,
        is_new: bool,
    ) -> impl Future<Output = Result<Granted, SubscribeAckReason>>;

    /// Lets somebody listen no more.
    fn unsubscribe(&self, guest: &Self::Guest, filter: &str) -> impl Future<Output = ()>;

    /// Somebody's connection is gone, perhaps because a newer one of theirs takes over.
    fn close(&self, guest: &Self::Guest, is_taken_over: bool);

    /// Notes what happened, for the figures.
    fn note(&self, what: Note);
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// A packet came.
    Received,
    /// Somebody was not let in, for this reason.
    Refused(ConnectAckReason),
    /// A message was not taken, for this reason.
    NotTaken(PublishAckReason),
    /// A subscription was not granted, for this reason.
    NotGranted(SubscribeAckReason),
    /// The hub ended a connection, for this reason.
    Ended(DisconnectReasonCode),
    /// A message for a client was lost: too many wait for it.
    Lost,
}
