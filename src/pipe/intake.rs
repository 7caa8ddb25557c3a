//! How fast the requests of a connection are taken in.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{fmt, io};

use bytes::{Buf, BytesMut};
use tokio::io::ReadBuf;
use tokio::time::{Sleep, sleep};

use super::requests::Requests;

/// How many requests are taken in before the first of them is begun with. The server keeps each of them taken apart, at
/// some 5 KB, and would take apart all that it is given.
const AHEAD: u64 = 16;
/// How long the rest of a request may take to come while nothing is done for its connection.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Which requests of a connection are begun with and answered; clones tell of the same connection.
#[derive(Debug, Clone, Default)]
pub struct Pace(Rc<Counts>);

/// Invariant: no more requests are ended than begun with.
#[derive(Debug, Default)]
struct Counts {
    begun: Cell<u64>,
    ended: Cell<u64>,
    /// Who reads, if the next request that begins or ends matters to it.
    reader: RefCell<Option<Waker>>,
}

/// A request that is begun with; it ends with this.
#[derive(Debug)]
pub struct Begun(Pace);

impl Pace {
    /// Says that the next request is begun with; it has ended when what this answers is dropped.
    #[must_use]
    pub fn begin(&self) -> Begun {
        self.0.begun.set(self.0.begun.get() + 1);
        self.wake();
        Begun(self.clone())
    }

    fn is_busy(&self) -> bool {
        self.0.begun.get() > self.0.ended.get()
    }

    fn wake(&self) {
        if let Some(reader) = self.0.reader.take() {
            reader.wake();
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let counts = &self.0.0;
        counts.ended.set(counts.ended.get() + 1);
        self.0.wake();
    }
}

/// What of a stream was read, and what of that is given.
///
/// Invariant: no more than [`AHEAD`] requests are given that are not begun with; what was read behind them is held. The rest
/// of a request that keeps its connection from doing anything else comes within [`PATIENCE`], or the stream is over.
#[derive(Default)]
pub struct Intake {
    requests: Requests,
    pace: Pace,
    heads: u64,
    held: BytesMut,
    due: Option<Due>,
}

/// When the rest of the request at hand is overdue.
struct Due {
    at: Pin<Box<Sleep>>,
    /// How many requests had come whole, and how many had ended, when the wait for it began.
    since: (u64, u64),
}

impl Intake {
    /// Where to say which requests are begun with.
    pub const fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Whether nothing more may be given now.
    pub fn is_full(&self) -> bool {
        is_full(&self.requests, self.heads, &self.pace)
    }

    /// Gives of what is held; answers whether there was any.
    pub fn give_held(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        if self.held.is_empty() {
            return false;
        }
        let offered = self.held.len().min(buffer.remaining());
        let given = follow(&mut self.requests, &mut self.heads, &self.pace, &self.held[..offered]);
        buffer.put_slice(&self.held[..given]);
        self.held.advance(given);
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
        true
    }

    /// Holds of what was read into the buffer what may not be given now.
    pub fn keep_back(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let read = &buffer.filled()[before..];
        let given = follow(&mut self.requests, &mut self.heads, &self.pace, read);
        if given < read.len() {
            self.held.extend_from_slice(&read[given..]);
            buffer.set_filled(before + given);
        }
    }

    /// Waits until more may be given, or comes; answers that nothing comes any more when it is overdue.
    pub fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (is_between, is_full) = (self.requests.is_between(), self.is_full());
        if !is_between || is_full {
            self.pace.0.reader.replace(Some(cx.waker().clone()));
        }
        // Where heads are seen that are none, it may be full for ever.
        let is_held_up = is_full && !self.requests.is_unclear();
        if is_between || is_held_up || self.pace.is_busy() {
            self.due = None;
            return Poll::Pending;
        }
        let since = (self.requests.ended(), self.pace.0.ended.get());
        let due = match &mut self.due {
            Some(due) if due.since == since => due,
            other => other.insert(Due { at: Box::pin(sleep(PATIENCE)), since }),
        };
        let is_over = due.at.as_mut().poll(cx);
        if is_over.is_ready() {
            tracing::debug!(requests = self.heads, "the rest of a request did not come in time; its connection ends");
        }
        is_over.map(Ok)
    }
}

fn is_full(requests: &Requests, heads: u64, pace: &Pace) -> bool {
    heads.saturating_sub(pace.0.begun.get()) >= AHEAD && !requests.is_beyond()
}

/// Follows bytes as far as they may be given; answers how many.
fn follow(requests: &mut Requests, heads: &mut u64, pace: &Pace, bytes: &[u8]) -> usize {
    let mut given = 0;
    while given < bytes.len() {
        let (taken, is_head) = requests.follow(&bytes[given..]);
        given += taken;
        *heads += u64::from(is_head);
        if is_head && is_full(requests, *heads, pace) {
            break;
        }
    }
    given
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake").field("requests", &self.requests).field("held", &self.held.len()).finish()
    }
}
