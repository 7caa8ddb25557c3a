//! One connection of Socket.IO: reads packets, and hands them to whoever joined their namespace.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::attachments::{Parcel, Unpacker};
use super::packet::{self, Kind};
use crate::pipe::{Outbox, frame};
use crate::session::engine::{Application, Caller, Message};

/// The close code of a connection whose client broke the protocol.
const PROTOCOL_ERROR: u16 = 1002;

/// Which namespaces there are, and who may join them.
pub trait Namespaces {
    /// Lets somebody join, or refuses with the finished JSON object of CONNECT_ERROR.
    ///
    /// `auth` is the finished JSON object of CONNECT, if there is one. Who is let in is told so over the line.
    fn join(self: Rc<Self>, auth: Option<String>, line: Line)
    -> LocalBoxFuture<'static, Result<Rc<dyn Guest>, String>>;

    /// Learns what the newest request brought to log in with.
    fn called_by(&self, _: Caller) {}
}

/// Who joined a namespace.
pub trait Guest {
    /// Takes an event or an answer; the next one comes when this is done.
    fn take(self: Rc<Self>, parcel: Parcel) -> LocalBoxFuture<'static, ()>;

    /// The client has left, or is gone.
    fn left(&self);
}

/// The way to the client for one namespace.
#[derive(Debug, Clone)]
pub struct Line {
    /// The way out of the connection.
    pub outbox: Outbox,
    /// Which namespace.
    pub namespace: String,
}

impl Line {
    /// Sends a packet with finished JSON, and its attachments.
    pub fn send(&self, kind: Kind, id: Option<u64>, json: &str, attachments: &[Vec<u8>]) {
        let count = Some(attachments.len()).filter(|count| *count > 0);
        let head = packet::head(kind, count, &self.namespace, id);
        self.outbox.send_text(&format!("4{head}{json}"));
        for bytes in attachments {
            self.outbox.send(frame::binary(bytes));
        }
    }
}

/// A connection of Socket.IO.
///
/// Invariant: a client that breaks the protocol is closed; what it sent before counts, what follows does not.
pub struct Connection {
    namespaces: Rc<dyn Namespaces>,
    outbox: Outbox,
    unpacker: RefCell<Unpacker>,
    guests: RefCell<HashMap<String, Rc<dyn Guest>>>,
}

impl Connection {
    /// A connection that nobody has joined; the attachments of a packet have up to `max` bytes together.
    #[must_use]
    pub fn new(namespaces: Rc<dyn Namespaces>, outbox: Outbox, max: usize) -> Self {
        let (unpacker, guests) = (RefCell::new(Unpacker::new(max)), RefCell::default());
        Self { namespaces, outbox, unpacker, guests }
    }

    async fn join(&self, parcel: Parcel) {
        let line = Line { outbox: self.outbox.clone(), namespace: parcel.namespace };
        let auth = Some(parcel.json).filter(|json| !json.is_empty());
        match Rc::clone(&self.namespaces).join(auth, line.clone()).await {
            Ok(guest) if self.outbox.is_closed() => guest.left(),
            Ok(guest) => drop(self.guests.borrow_mut().insert(line.namespace, guest)),
            Err(json) => line.send(Kind::ConnectError, None, &json, &[]),
        }
    }

    fn fail(&self, reason: &str) {
        self.outbox.close(PROTOCOL_ERROR, reason);
    }

    async fn obey(&self, parcel: Parcel) {
        let guest = self.guests.borrow().get(&parcel.namespace).cloned();
        match (guest, parcel.kind) {
            (None, Kind::Connect) => self.join(parcel).await,
            (Some(guest), Kind::Event | Kind::Ack) => guest.take(parcel).await,
            (Some(guest), Kind::Disconnect) => {
                self.guests.borrow_mut().remove(&parcel.namespace);
                guest.left();
            }
            _ => self.fail("a packet does not fit what came before"),
        }
    }
}

impl Application for Connection {
    fn take(self: Rc<Self>, message: Message) -> LocalBoxFuture<'static, ()> {
        if self.outbox.is_ending() {
            return futures_util::future::ready(()).boxed_local();
        }
        let taken = self.unpacker.borrow_mut().take(message);
        async move {
            match taken {
                Ok(Some(parcel)) => self.obey(parcel).await,
                Ok(None) => {}
                Err(error) => self.fail(&error.to_string()),
            }
        }
        .boxed_local()
    }

    fn called_by(&self, caller: Caller) {
        self.namespaces.called_by(caller);
    }

    fn is_idle(&self) -> bool {
        self.guests.borrow().is_empty()
    }

    fn closed(&self) {
        for (_, guest) in self.guests.take() {
            guest.left();
        }
    }
}
