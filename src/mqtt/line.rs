//! One connection as packets: read one after the other, written by its outbox.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rmqtt_codec::v5::Packet;
use tokio::io::ReadBuf;

use super::wire::{Fault, Version, Wire};
use crate::pipe::Outbox;
use crate::pipe::frame::{self, Assembler, Incoming};

/// How much one read takes at most.
const READ_SIZE: usize = 16 * 1024;
/// The longest CONNECT: nobody is known before it.
const CONNECT_MAX: u32 = 16 * 1024;
/// How long a peer may take to close after our goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

thread_local! {
    /// Every connection of a thread reads into this; nothing stays in it between two reads.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_SIZE]);
}

/// What comes from a peer.
#[derive(Debug)]
pub enum Heard {
    /// A packet.
    Packet(Packet),
    /// Something that is none.
    Fault(Fault),
    /// Nothing; but the outbox has room again.
    Room,
    /// Nothing more: the connection is gone, or somebody else ends it.
    Gone,
}

/// The packets of one connection.
///
/// Invariant: while the outbox is high nothing is read: TCP makes the sender wait.
pub struct Line {
    outbox: Outbox,
    wire: Wire,
    buffer: BytesMut,
    frames: Option<Assembler>,
    awaits_room: bool,
}

impl Line {
    /// A connection of which nothing has been read.
    #[must_use]
    pub fn new(outbox: Outbox) -> Self {
        Self { outbox, wire: Wire::new(CONNECT_MAX), buffer: BytesMut::new(), frames: None, awaits_room: false }
    }

    /// A connection inside a WebSocket whose handshake is done; `early` came with it.
    #[must_use]
    pub fn of_socket(outbox: Outbox, max_message: usize, early: &[u8]) -> Self {
        let mut assembler = Assembler::new(max_message, false);
        assembler.keep(early);
        Self { frames: Some(assembler), ..Self::new(outbox) }
    }

    /// The way out.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The version of the peer.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.wire.version()
    }

    /// Takes packets up to `max_in` bytes from now on, and sends none longer than `max_out`.
    pub fn agree_on(&mut self, max_in: u32, max_out: Option<u32>) {
        self.wire.agree_on(max_in, max_out);
    }

    /// Sends a packet, without its words if it is too long for the peer; answers false for one that is so even then, or
    /// that the peer's version does not have: it goes nowhere.
    pub fn send(&mut self, packet: Packet) -> bool {
        let bytes = self.wire.encode(packet);
        bytes.map(|bytes| self.outbox.send_packet(bytes)).is_some()
    }

    /// Whether a packet is one that the peer takes.
    #[must_use]
    pub fn takes(&mut self, packet: &Packet) -> bool {
        self.wire.encode(packet.clone()).is_some()
    }

    /// Whether more may be sent; if not, [`Heard::Room`] tells when.
    pub fn has_room(&mut self) -> bool {
        self.awaits_room = self.outbox.is_high();
        !self.awaits_room
    }

    /// What comes next; nothing is read while `may_read` is false.
    pub async fn hear(&mut self, may_read: bool) -> Heard {
        poll_fn(|cx| self.poll_heard(cx, may_read)).await
    }

    /// What has come already and is whole; nothing is read.
    pub fn hear_more(&mut self) -> Option<Heard> {
        if self.outbox.is_ending() || self.outbox.is_high() {
            return None;
        }
        match self.wire.decode(&mut self.buffer) {
            Ok(packet) => packet.map(Heard::Packet),
            Err(fault) => Some(Heard::Fault(fault)),
        }
    }

    fn poll_heard(&mut self, cx: &mut Context<'_>, may_read: bool) -> Poll<Heard> {
        self.outbox.register_reader(cx.waker());
        if let Poll::Ready(Err(error)) = self.outbox.poll_drain(cx) {
            self.outbox.break_off(&error);
        }
        if self.outbox.is_ending() {
            return Poll::Ready(Heard::Gone);
        }
        ready!(self.outbox.poll_room(cx));
        if std::mem::take(&mut self.awaits_room) {
            return Poll::Ready(Heard::Room);
        }
        if !may_read {
            return Poll::Pending;
        }
        loop {
            match self.wire.decode(&mut self.buffer) {
                Ok(Some(packet)) => return Poll::Ready(Heard::Packet(packet)),
                Err(fault) => return Poll::Ready(Heard::Fault(fault)),
                Ok(None) if self.buffer.is_empty() => self.buffer = BytesMut::new(),
                Ok(None) => {}
            }
            if let Some(last) = ready!(self.poll_more(cx)) {
                return Poll::Ready(last);
            }
        }
    }

    /// Puts more bytes into the buffer; answers what ends the connection, if anything does.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Option<Heard>> {
        let Some(mut frames) = self.frames.take() else {
            let buffer = &mut self.buffer;
            return read(&self.outbox, cx, |bytes| buffer.extend_from_slice(bytes))
                .map(|more| more.is_none().then_some(Heard::Gone));
        };
        let mut next = frames.next_message();
        if matches!(next, Ok(None)) {
            match read(&self.outbox, cx, |bytes| frames.feed(bytes)) {
                Poll::Ready(Some(fed)) => next = fed,
                Poll::Ready(None) => return Poll::Ready(Some(Heard::Gone)),
                Poll::Pending => {
                    self.frames = Some(frames);
                    return Poll::Pending;
                }
            }
        }
        self.frames = Some(frames);
        Poll::Ready(match next {
            Ok(Some(Incoming::Binary(bytes))) => {
                self.buffer.extend_from_slice(&bytes);
                None
            }
            Ok(Some(Incoming::Ping(payload))) => {
                self.outbox.send(frame::pong(&payload));
                None
            }
            Ok(None | Some(Incoming::Pong)) => None,
            Ok(Some(Incoming::Close(_))) => Some(Heard::Gone),
            // MQTT 5, 6.0: every message is binary.
            Ok(Some(Incoming::Text(_))) | Err(_) => Some(Heard::Fault(Fault::Malformed)),
        })
    }

    /// Sends what waits, and closes, which is counted by this code; gives up on a peer that does not read.
    pub async fn close(mut self, last: Option<Packet>, counted: u16) {
        if let Some(packet) = last {
            // To older clients nothing can be said here.
            let _ = self.send(packet);
        }
        self.outbox.close_as(counted, 1000, "");
        let goodbye = poll_fn(|cx| self.poll_goodbye(cx));
        // Whoever does not close in time is cut off.
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        self.outbox.abort();
    }

    fn poll_goodbye(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.outbox.register_reader(cx.waker());
        if let Poll::Ready(Err(_)) = self.outbox.poll_drain(cx) {
            return Poll::Ready(());
        }
        if self.outbox.is_closed() {
            return Poll::Ready(());
        }
        if !self.outbox.has_said_goodbye() {
            return Poll::Pending;
        }
        if ready!(self.outbox.poll_shutdown(cx)).is_err() {
            return Poll::Ready(());
        }
        while ready!(read(&self.outbox, cx, |_| ())).is_some() {}
        Poll::Ready(())
    }
}

/// Reads what is there and hands it over; none at the end of the stream.
fn read<T>(outbox: &Outbox, cx: &mut Context<'_>, take: impl FnOnce(&[u8]) -> T) -> Poll<Option<T>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::new(scratch);
        if let Err(error) = ready!(outbox.poll_read(cx, &mut buffer)) {
            outbox.break_off(&error);
            return Poll::Ready(None);
        }
        let is_over = buffer.filled().is_empty();
        Poll::Ready((!is_over).then(|| take(buffer.filled())))
    })
}

/// A finished packet of the hub's own; for those who send without a line.
#[must_use]
pub fn finished(version: Version, packet: Packet) -> Bytes {
    Wire::speaking(version).encode(packet).unwrap_or_default()
}
