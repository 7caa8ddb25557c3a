//! The bounded way out of one connection: frames wait here until they leave in one write.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::flusher::Flusher;
use super::frame::{self, Deflation};
use super::packing::Packing;
use super::queue::Queue;
use super::{Framing, Stream};
use crate::domain::event::{Dialect, Event};

mod drain;
mod ending;
#[cfg(test)]
mod tests;

pub use ending::{GONE, TOO_SLOW};

/// The marks of an outbox.
#[derive(Debug, Clone, Copy)]
pub struct OutboxOptions {
    /// Bytes waiting from which on the client is behind.
    pub high_water: usize,
    /// Bytes waiting down to which it must drain to be served again.
    pub low_water: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// A close frame is the last thing in the queue.
    Closing,
    Closed,
}

/// How frames leave.
enum Way {
    /// They are written to a stream.
    Written(Stream),
    /// Whoever carries them away asks for them: a response body, a poll.
    Taken,
}

/// A handle on one connection's way out; cloning it gives the same one.
///
/// Invariant: `queue` never grows because of events past `high_water` by more than one frame or one snapshot; whoever
/// pushes events asks [`Outbox::is_high`] first.
#[derive(Clone)]
pub struct Outbox(Rc<Inner>);

struct Inner {
    way: RefCell<Way>,
    packing: Packing,
    queue: RefCell<Queue>,
    /// The task that owns the reading side, or takes the frames; woken when a write would block, a frame can be taken or
    /// the state changes.
    reader: RefCell<Waker>,
    when_low: RefCell<Option<Box<dyn FnOnce()>>>,
    /// Who waits for room, see [`Outbox::room`].
    for_room: RefCell<Vec<Waker>>,
    /// Whether somebody is to be called or woken when less waits.
    is_awaited: Cell<bool>,
    flusher: Flusher,
    options: OutboxOptions,
    state: Cell<State>,
    is_dirty: Cell<bool>,
    next_write: Cell<Instant>,
    last_progress: Cell<Instant>,
    last_heard: Cell<Instant>,
}

impl Outbox {
    /// An outbox of WebSocket frames that drains into the stream.
    #[must_use]
    pub fn new(stream: Stream, flusher: Flusher, options: OutboxOptions) -> Self {
        Self::with_way(Way::Written(stream), Framing::WebSocket, flusher, options)
    }

    /// An outbox of Engine.IO packets that drains into the stream.
    #[must_use]
    pub fn of_engine(stream: Stream, flusher: Flusher, options: OutboxOptions) -> Self {
        Self::with_way(Way::Written(stream), Framing::Engine, flusher, options)
    }

    /// An outbox of MQTT packets that drains into the stream, which may be a WebSocket's.
    #[must_use]
    pub fn of_mqtt(stream: Stream, is_socket: bool, flusher: Flusher, options: OutboxOptions) -> Self {
        let framing = if is_socket { Framing::MqttSocket } else { Framing::Mqtt };
        Self::with_way(Way::Written(stream), framing, flusher, options)
    }

    /// An outbox whose frames somebody takes, see [`Outbox::poll_take`].
    #[must_use]
    pub fn taken(framing: Framing, flusher: Flusher, options: OutboxOptions) -> Self {
        Self::with_way(Way::Taken, framing, flusher, options)
    }

    fn with_way(way: Way, framing: Framing, flusher: Flusher, options: OutboxOptions) -> Self {
        let now = Instant::now();
        Self(Rc::new(Inner {
            way: RefCell::new(way),
            packing: Packing::new(framing),
            queue: RefCell::default(),
            reader: RefCell::new(Waker::noop().clone()),
            when_low: RefCell::new(None),
            for_room: RefCell::default(),
            is_awaited: Cell::new(false),
            flusher,
            options,
            state: Cell::new(State::Open),
            is_dirty: Cell::new(false),
            next_write: Cell::new(now),
            last_progress: Cell::new(now),
            last_heard: Cell::new(now),
        }))
    }

    /// Compresses messages from now on, if the peer and we have agreed on that.
    pub fn agree_on(&self, deflation: Option<Deflation>) {
        self.0.packing.agree_on(deflation);
    }

    /// Whether the peer and we have agreed to compress messages.
    #[must_use]
    pub fn may_deflate(&self) -> bool {
        self.0.packing.may_deflate()
    }

    /// Who writes what waits here.
    #[must_use]
    pub fn flusher(&self) -> &Flusher {
        &self.0.flusher
    }

    /// Sends a text message.
    pub fn send_text(&self, text: &str) {
        self.send_packed(self.0.packing.framing().text(text));
    }

    /// Sends a binary message over a WebSocket.
    pub fn send_binary(&self, bytes: &[u8]) {
        self.send_packed(frame::binary(bytes));
    }

    /// Sends a finished packet of MQTT, unless it is empty.
    pub fn send_packet(&self, packet: Bytes) {
        if !packet.is_empty() {
            self.send_packed(packet);
        }
    }

    fn send_packed(&self, plain: Bytes) {
        self.send(self.0.packing.message(plain));
    }

    /// Sends an event in a frame that all who hear it share: the packed one if this peer can read that.
    pub fn send_event(&self, event: &Event, dialect: &Dialect) {
        let frame = self.0.packing.event(event, dialect);
        if !frame.is_empty() && self.0.state.get() == State::Open {
            self.enqueue(frame.len(), |queue| queue.push_shared(frame, self.0.flusher.shelf()));
        }
    }

    /// Asks the peer for a sign of life, or keeps what lies between from closing a quiet connection.
    pub fn send_ping(&self) {
        if let Some(ping) = self.0.packing.framing().ping() {
            self.send(ping);
        }
    }

    /// Sends a finished frame; after [`Outbox::close`] it goes nowhere.
    pub fn send(&self, frame: Bytes) {
        if self.0.state.get() != State::Open {
            return;
        }
        self.enqueue(frame.len(), |queue| queue.push(frame));
    }

    /// Whether so much waits that events must not be added.
    #[must_use]
    pub fn is_high(&self) -> bool {
        self.waiting() >= self.0.options.high_water
    }

    /// Waits until less waits than the high-water mark, or no more frames are taken; for whoever answers a peer's questions.
    pub async fn room(&self) {
        poll_fn(|cx| self.poll_room(cx)).await;
    }

    /// Ready when less waits than the high-water mark, or no more frames are taken.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_high() || self.is_ending() {
            return Poll::Ready(());
        }
        let mut waiting = self.0.for_room.borrow_mut();
        waiting.retain(|waker| !waker.will_wake(cx.waker()));
        waiting.push(cx.waker().clone());
        self.0.is_awaited.set(true);
        Poll::Pending
    }

    /// How many bytes wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.queue.borrow().waiting()
    }

    /// For how long frames have waited without one byte leaving; zero when none waits.
    #[must_use]
    pub fn stalled_for(&self) -> Duration {
        if self.waiting() == 0 { Duration::ZERO } else { self.0.last_progress.get().elapsed() }
    }

    /// Whether something has left since then, and more waits.
    #[must_use]
    pub fn is_moving_since(&self, moment: Instant) -> bool {
        self.waiting() > 0 && self.0.last_progress.get() > moment
    }

    /// For how long the peer has sent nothing at all; zero where the reader watches over that.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        if self.0.packing.framing().is_watched() {
            return Duration::ZERO;
        }
        self.0.last_heard.get().elapsed()
    }

    /// Notes that the peer sent something.
    pub(crate) fn mark_heard(&self) {
        self.0.last_heard.set(Instant::now());
    }

    /// Calls back once, when no more than the low-water mark waits; replaces an earlier call-back.
    pub fn when_low(&self, call: impl FnOnce() + 'static) {
        self.0.when_low.replace(Some(Box::new(call)));
        self.0.is_awaited.set(true);
    }

    fn enqueue(&self, length: usize, push: impl FnOnce(&mut Queue)) {
        self.count(as_change(length));
        if !self.0.is_dirty.replace(true) {
            self.0.flusher.add(self.clone());
        }
        let mut queue = self.0.queue.borrow_mut();
        if queue.waiting() == 0 {
            self.0.last_progress.set(self.0.flusher.now());
        }
        push(&mut queue);
    }

    fn count(&self, change: i64) {
        self.0.flusher.count(change);
    }

    fn wake_reader(&self) {
        self.0.reader.borrow().wake_by_ref();
        if self.is_ending() {
            self.wake_for_room();
        }
    }

    fn wake_for_room(&self) {
        self.0.for_room.take().into_iter().for_each(Waker::wake);
    }
}

fn as_change(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("waiting", &self.waiting()).field("state", &self.0.state.get()).finish()
    }
}
