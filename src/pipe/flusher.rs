//! Walks the connections of one thread that have something to say, and lets them write.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::chain::Shelf;
use super::outbox::Outbox;

/// How many connections write before other work of the thread gets its turn.
const SLICE: usize = 128;

/// What a flusher tells of its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// By how much the bytes that wait have changed.
    Waiting(i64),
    /// The hub ended a connection, by this close code; told once for each.
    Ended(u16),
}

/// The flusher of one thread; cloning it gives the same one.
///
/// A frame leaves at once when its connection was quiet; frames that come within the interval leave in one write. Who knows
/// that more is about to come has it wait for that, no longer than the interval, see [`Flusher::hold`].
#[derive(Clone)]
pub struct Flusher(Rc<Inner>);

struct Inner {
    dirty: RefCell<Vec<Outbox>>,
    shelf: Shelf,
    wake: Notify,
    /// Whether it was woken since it last looked for who has something to write.
    is_woken: Cell<bool>,
    /// When it was woken, or began the last slice.
    now: Cell<Instant>,
    interval: Duration,
    /// Until when nothing is written, as more is about to come.
    held_until: Cell<Option<Instant>>,
    /// Bytes that began or ceased to wait since the last report.
    change: Cell<i64>,
    note: Box<dyn Fn(Noted)>,
}

impl Flusher {
    /// Starts the flusher on this thread, where it ends with the thread; after each walk it notes by how much the bytes
    /// that wait have changed.
    #[must_use]
    pub fn start(interval: Duration, note: impl Fn(Noted) + 'static) -> Self {
        let flusher = Self(Rc::new(Inner {
            dirty: RefCell::default(),
            shelf: Shelf::default(),
            wake: Notify::new(),
            is_woken: Cell::new(false),
            now: Cell::new(Instant::now()),
            interval,
            held_until: Cell::new(None),
            change: Cell::new(0),
            note: Box::new(note),
        }));
        // Unconstrained: hundreds of writes in one turn are its work; it yields by itself after each slice.
        actix_rt::spawn(tokio::task::coop::unconstrained(flusher.clone().run()));
        flusher
    }

    /// Notes that a connection has something to write.
    pub(super) fn add(&self, outbox: Outbox) {
        self.0.dirty.borrow_mut().push(outbox);
        if !self.0.is_woken.replace(true) {
            self.look_at_clock();
            self.0.wake.notify_one();
        }
    }

    /// Has what waits now, and what comes meanwhile, written together: until [`Flusher::release`], and never for longer than
    /// the interval from the first of these calls; it is over when the flusher has had its turn.
    pub fn hold(&self) {
        if self.0.held_until.get().is_none() {
            self.0.held_until.set(Some(Instant::now() + self.0.interval));
        }
    }

    /// Nothing more is about to come.
    pub fn release(&self) {
        // Over, but not forgotten: the next one begins when what waited has left.
        if self.0.held_until.get().is_some() {
            self.0.held_until.set(Some(Instant::now()));
            self.0.wake.notify_one();
        }
    }

    /// The frames that connections of this thread were sent last.
    pub(super) fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    /// What time it was when the frames that wait now began to; good for times of seconds, and free.
    pub(super) fn now(&self) -> Instant {
        self.0.now.get()
    }

    fn look_at_clock(&self) -> Instant {
        let now = Instant::now();
        self.0.now.set(now);
        now
    }

    /// Notes that bytes began (or, below zero, ceased) to wait.
    pub(super) fn count(&self, change: i64) {
        self.0.change.set(self.0.change.get() + change);
    }

    /// Notes that the hub ended a connection.
    pub fn note_end(&self, code: u16) {
        (self.0.note)(Noted::Ended(code));
    }

    /// Reports also if nothing is to be written: a connection is gone with what waited for it.
    pub(super) fn report_soon(&self) {
        if self.0.change.get() != 0 {
            self.0.wake.notify_one();
        }
    }

    fn report(&self) {
        match self.0.change.take() {
            0 => {}
            change => (self.0.note)(Noted::Waiting(change)),
        }
    }

    async fn run(self) {
        loop {
            self.wait_for_more().await;
            self.0.is_woken.set(false);
            let dirty = self.0.dirty.take();
            if dirty.is_empty() {
                self.report();
                self.0.wake.notified().await;
                // One more turn of the thread's queue, so that all events of one batch share the write.
                tokio::task::yield_now().await;
                continue;
            }
            let next = self.write_all(dirty).await;
            self.report();
            if let Some(next) = next {
                // A connection that was quiet need not wait for the busy ones.
                let _ = tokio::time::timeout_at(next.into(), self.0.wake.notified()).await;
            }
        }
    }

    /// Waits until nothing more is about to come, or it was waited for long enough.
    async fn wait_for_more(&self) {
        while let Some(until) = self.0.held_until.get() {
            if Instant::now() >= until {
                self.0.held_until.set(None);
                return;
            }
            // Too late: it is looked at above.
            let _ = tokio::time::timeout_at(until.into(), self.0.wake.notified()).await;
        }
    }

    /// Lets those write whose interval is over; answers when the first of the others may.
    async fn write_all(&self, dirty: Vec<Outbox>) -> Option<Instant> {
        let mut now = self.look_at_clock();
        let mut written = 0;
        let mut later = Vec::new();
        for outbox in dirty {
            if outbox.next_write() > now {
                later.push(outbox);
                continue;
            }
            outbox.flush(now, self.0.interval);
            written += 1;
            if written % SLICE == 0 {
                tokio::task::yield_now().await;
                now = self.look_at_clock();
            }
        }
        let next = later.iter().map(Outbox::next_write).min();
        self.0.dirty.borrow_mut().append(&mut later);
        next
    }
}

impl fmt::Debug for Flusher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flusher").field("dirty", &self.0.dirty.borrow().len()).finish()
    }
}
