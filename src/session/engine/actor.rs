//! One session of Engine.IO: its transport, its heartbeat and its end.

use std::any::Any;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use serde::Serialize;
use tokio::sync::oneshot;

use super::directory::Engines;
use super::messages::{Application, Break, Shut, Wire};
use super::packet;
use super::polling::Pending;
use crate::pipe::frame::Assembler;
use crate::pipe::{Closed, Outbox};

/// How long requests of one client may be under way beside each other.
const CROSSING: Duration = Duration::from_millis(200);

/// The bounds of every session.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// How often a client is asked whether it is still there.
    pub ping_interval: Duration,
    /// How long it may take to say so.
    pub ping_timeout: Duration,
    /// How long it may take nothing of what waits for it; whoever sits on top ends it then as too slow.
    pub slow_timeout: Duration,
    /// The longest payload or message, in bytes.
    pub max_payload: usize,
    /// How long a session stays when nobody joins.
    pub join_timeout: Duration,
}

/// What a session is made of.
pub struct Parts {
    /// Its name.
    pub sid: String,
    /// The way out.
    pub outbox: Outbox,
    /// Who sits on top.
    pub application: Rc<dyn Application>,
    /// The bounds.
    pub options: EngineOptions,
    /// Where it is found.
    pub engines: Engines,
    /// Takes the reading side of a WebSocket.
    pub serve: fn(Wire),
    /// Kept until the end.
    pub guard: Box<dyn Any>,
}

/// How packets come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// By HTTP requests.
    Polling,
    /// By HTTP requests, while a WebSocket tries to take over.
    Probing,
    /// By a WebSocket.
    WebSocket,
}

/// A session of Engine.IO.
///
/// Invariant: at most one poll waits, and at most one payload or message is worked on, in the order in which they came.
/// Invariant: packets leave in the order of the outbox, by whatever transport.
pub struct Engine {
    pub(super) parts: Parts,
    pub(super) transport: Transport,
    pub(super) pending: Option<Pending>,
    pub(super) is_posting: bool,
    pub(super) has_left: bool,
    pub(super) probing: Option<SpawnHandle>,
    /// The packet of a WebSocket that waits until the payload before it has been taken.
    pub(super) when_taken: Option<oneshot::Sender<()>>,
    pub(super) heartbeat: Option<SpawnHandle>,
    /// A ping has been sent and not been answered.
    pub(super) is_asked: bool,
    /// When the client must have answered the next ping, or the last one.
    pub(super) answer_due: Instant,
    was_idle: bool,
}

impl Engine {
    /// A session that begins by this transport.
    #[must_use]
    pub fn new(parts: Parts, transport: Transport) -> Self {
        let answer_due = Instant::now() + parts.options.ping_interval + parts.options.ping_timeout;
        Self {
            parts,
            transport,
            pending: None,
            is_posting: false,
            has_left: false,
            probing: None,
            when_taken: None,
            heartbeat: None,
            is_asked: false,
            answer_due,
            was_idle: true,
        }
    }

    /// Starts the session; who is told its name after this finds it, from any thread.
    pub fn begin(self) -> Addr<Self> {
        let (engines, sid) = (self.parts.engines.clone(), self.parts.sid.clone());
        let me = self.start();
        engines.add(&sid, me.clone());
        me
    }

    /// The packet that tells a client of its new session.
    #[must_use]
    #[expect(clippy::expect_used, reason = "strings and numbers can always be written")]
    pub fn open_packet(sid: &str, options: &EngineOptions, transport: Transport) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Open<'a> {
            sid: &'a str,
            upgrades: &'static [&'static str],
            ping_interval: u128,
            ping_timeout: u128,
            max_payload: usize,
        }
        let open = Open {
            sid,
            upgrades: if transport == Transport::Polling { &["websocket"] } else { &[] },
            ping_interval: options.ping_interval.as_millis(),
            ping_timeout: options.ping_timeout.as_millis(),
            max_payload: options.max_payload,
        };
        format!("0{}", serde_json::to_string(&open).expect("a handshake is plain data"))
    }

    /// Hands the reading side of the WebSocket, attached to the outbox, to whoever reads it.
    pub(super) fn read_on(&self, assembler: Assembler, ctx: &Context<Self>) {
        let me = ctx.address();
        (self.parts.serve)(Wire {
            outbox: self.parts.outbox.clone(),
            assembler,
            received: me.clone().recipient(),
            binary: me.clone().recipient(),
            closed: me.downgrade().recipient(),
        });
    }

    /// Ends the session: a waiting poll, or the WebSocket, is told.
    pub(super) fn end(&mut self, reason: &str, ctx: &mut Context<Self>) {
        self.end_as(1000, reason, ctx);
    }

    /// The same, counted by this code.
    pub(super) fn end_as(&mut self, counted: u16, reason: &str, ctx: &mut Context<Self>) {
        self.answer(packet::CLOSE, ctx);
        self.parts.outbox.close_as(counted, 1000, reason);
        ctx.stop();
    }

    /// The client has gone by itself; a poll that crosses its goodbye is answered too.
    pub(super) fn leave(&mut self, ctx: &mut Context<Self>) {
        self.parts.application.closed();
        self.has_left = true;
        if self.transport == Transport::WebSocket || self.answer(packet::NOOP, ctx) {
            ctx.stop();
        } else {
            ctx.run_later(CROSSING, |_, ctx| ctx.stop());
        }
    }

    fn check_idle(&mut self, ctx: &mut Context<Self>) {
        let is_idle = self.parts.application.is_idle();
        if is_idle && self.was_idle {
            return self.end("nobody joined", ctx);
        }
        self.was_idle = is_idle;
        // A client that does not come for the rest of what was said before the end.
        if self.parts.outbox.is_ending() && self.transport != Transport::WebSocket && self.pending.is_none() {
            ctx.stop();
        }
    }
}

impl Actor for Engine {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.expect_ping(ctx);
        ctx.run_interval(self.parts.options.join_timeout, Self::check_idle);
    }

    fn stopped(&mut self, ctx: &mut Self::Context) {
        self.parts.engines.remove(&self.parts.sid);
        self.parts.application.closed();
        self.answer(packet::CLOSE, ctx);
        match self.transport {
            Transport::WebSocket => self.parts.outbox.close(1000, "the session has ended"),
            Transport::Polling | Transport::Probing => self.parts.outbox.abort(),
        }
    }
}

impl Handler<Closed> for Engine {
    type Result = ();

    fn handle(&mut self, _: Closed, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<Break> for Engine {
    type Result = ();

    fn handle(&mut self, _: Break, ctx: &mut Self::Context) {
        self.end("a request broke off", ctx);
    }
}

impl Handler<Shut> for Engine {
    type Result = ();

    fn handle(&mut self, _: Shut, ctx: &mut Self::Context) {
        if self.parts.application.is_idle() {
            self.end("the hub stops", ctx);
        }
    }
}
