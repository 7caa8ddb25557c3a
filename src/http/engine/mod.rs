//! The door of Engine.IO: requests that poll, and WebSockets that begin a session or take one over.

mod people;
mod polling;
mod query;
mod upgrade;

use std::any::Any;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::header::HeaderMap;

pub use people::{PATHS, of_people};
pub use polling::{EngineSource, routes};
pub use upgrade::upgrade;

pub use super::doors::Refused;
use super::handshake::Handshake;
pub use super::partings::Partings;
use super::socket::{Peer, Socket, Texts};
use crate::observe::Metrics;
use crate::pipe::frame::{Assembler, Deflation};
use crate::pipe::{Flusher, Framing, Outbox, OutboxOptions, Stream};
use crate::session::engine::{Application, Caller, Engine, EngineOptions, Engines, Parts, Transport, Wire};

/// How long a session may take to answer a question that it need not think about.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Whose sessions of Engine.IO these are.
pub trait Host {
    /// Lets a session begin, and counts it from now on.
    ///
    /// # Errors
    /// What to answer with.
    fn admit(&self, caller: &Caller) -> Result<Entrance, Refused>;

    /// Who sends a request.
    fn caller(&self, peer: Option<SocketAddr>, headers: &HeaderMap, query: Option<&str>) -> Caller;
}

/// How somebody who may come in does.
pub struct Entrance {
    /// What is kept until the session ends.
    pub guard: Box<dyn Any>,
    /// Seats them on their session.
    pub seat: Box<dyn FnOnce(Outbox, Caller) -> Rc<dyn Application>>,
}

/// What a worker thread needs to open sessions of Engine.IO, and to find those of other threads.
#[derive(Clone)]
pub struct EngineDoor {
    /// Whose sessions they are.
    pub host: Rc<dyn Host>,
    /// The bounds of sessions.
    pub options: EngineOptions,
    /// The bytes from which on messages are compressed, for WebSockets that agree; none for never.
    pub deflate_from: Option<usize>,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// The sessions of all threads.
    pub engines: Engines,
    /// Who lets outboxes write.
    pub flusher: Flusher,
    /// The marks of every outbox.
    pub outbox: OutboxOptions,
    /// Who is being sent away, on all threads.
    pub partings: Partings,
    /// The counters.
    pub metrics: Metrics,
}

impl EngineDoor {
    /// Begins a session by polling; answers the packet that tells of it.
    ///
    /// # Errors
    /// What to answer with.
    pub(super) fn open_polling(&self, caller: Caller) -> Result<String, Refused> {
        let entrance = self.host.admit(&caller)?;
        let outbox = Outbox::taken(Framing::Engine, self.flusher.clone(), self.outbox);
        let (parts, opened) = self.parts(outbox, caller, entrance, Transport::Polling);
        Engine::new(parts, Transport::Polling).begin();
        Ok(opened)
    }

    /// Begins a session over a WebSocket whose handshake is done.
    pub(super) fn open_socket(
        &self,
        stream: Stream,
        deflation: Option<Deflation>,
        early: &[u8],
        caller: Caller,
        entrance: Entrance,
    ) {
        let outbox = Outbox::of_engine(stream, self.flusher.clone(), self.outbox);
        outbox.agree_on(deflation);
        let (parts, opened) = self.parts(outbox.clone(), caller, entrance, Transport::WebSocket);
        outbox.send_text(&opened);
        let engine = Engine::new(parts, Transport::WebSocket).begin();
        let mut assembler = Assembler::new(self.options.max_payload, deflation.is_some());
        assembler.keep(early);
        let (received, binary) = (engine.clone().recipient(), engine.clone().recipient());
        serve(Wire { outbox, assembler, received, binary, closed: engine.downgrade().recipient() });
    }

    pub(super) fn deflation(&self, handshake: &Handshake) -> Option<Deflation> {
        self.deflate_from.and_then(|threshold| handshake.deflation(threshold))
    }

    fn parts(&self, outbox: Outbox, caller: Caller, entrance: Entrance, by: Transport) -> (Parts, String) {
        let sid = Engines::new_sid();
        let opened = Engine::open_packet(&sid, &self.options, by);
        let parts = Parts {
            application: (entrance.seat)(outbox.clone(), caller),
            sid,
            outbox,
            options: self.options,
            engines: self.engines.clone(),
            serve,
            guard: entrance.guard,
        };
        (parts, opened)
    }
}

/// Reads a WebSocket for as long as it lives.
fn serve(wire: Wire) {
    let Wire { outbox, assembler, received, binary, closed } = wire;
    let peer = Peer { texts: Texts::OneByOne(received), binary: Some(binary), closed };
    actix_rt::spawn(Socket::over(outbox, peer, assembler));
}
