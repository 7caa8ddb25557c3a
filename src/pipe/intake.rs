//! How fast the requests of a connection are taken in.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{fmt, io, mem};

use bytes::{Buf, BytesMut};
use tokio::io::ReadBuf;
use tokio::time::{Sleep, sleep};

use super::requests::Requests;

/// How long the rest of a request may take to come while nothing is done for its connection.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Which requests of a connection are answered; clones tell of the same connection.
#[derive(Debug, Clone, Default)]
pub struct Pace(Rc<Answers>);

#[derive(Debug, Default)]
struct Answers {
    ended: Cell<u64>,
    /// Who reads, if the next end matters to it.
    reader: RefCell<Option<Waker>>,
}

/// A request that is being answered; its answer ends with this.
#[derive(Debug)]
pub struct Begun(Pace);

impl Pace {
    /// Says that the next request is begun with; its answer has ended when what this returns is dropped.
    #[must_use]
    pub fn begin(&self) -> Begun {
        Begun(self.clone())
    }

    fn ended(&self) -> u64 {
        self.0.ended.get()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let answers = &self.0.0;
        answers.ended.set(answers.ended.get() + 1);
        if let Some(reader) = answers.reader.take() {
            reader.wake();
        }
    }
}

/// What of a stream was read, and what of that is given.
///
/// Invariant: nothing is given behind a request before its answer has ended, not even the end of the stream. The server
/// would read the next head meanwhile, and write the answer at hand as that one asks for it: without a body, of another
/// version, or as the last of the connection.
/// Invariant: no more is held than one read brought. The rest of a request that keeps its connection from doing anything
/// else comes within [`PATIENCE`], or the stream is over; it is over too behind a head of which nobody can tell where its
/// request ends.
#[derive(Default)]
pub struct Intake {
    requests: Requests,
    pace: Pace,
    heads: u64,
    held: BytesMut,
    is_at_end: bool,
    due: Option<Due>,
}

/// When the rest of the request at hand is overdue.
struct Due {
    at: Pin<Box<Sleep>>,
    /// How many requests had come whole, and how many answers had ended, when the wait for it began.
    since: (u64, u64),
}

impl Intake {
    /// Where to say which requests are answered.
    pub const fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Whether anything that was read is not given.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether the stream need not be asked for more.
    pub fn has_more(&self) -> bool {
        self.holds() || self.is_at_end || self.requests.is_unclear()
    }

    /// Gives what may be given of what is held, or the end of the stream.
    pub fn give(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.must_wait() {
            return self.wait(cx);
        }
        if self.requests.is_unclear() {
            tracing::debug!(requests = self.heads, "nobody can tell where a request ends; its connection ends");
        }
        let mut held = mem::take(&mut self.held);
        let given = self.follow(&held[..held.len().min(buffer.remaining())]);
        buffer.put_slice(&held[..given]);
        held.advance(given);
        if !held.is_empty() {
            self.held = held;
        }
        Poll::Ready(Ok(()))
    }

    /// Holds of what was read into the buffer what may not be given now; nothing was read at the end of the stream.
    pub fn take_in(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>, before: usize) -> Poll<io::Result<()>> {
        let read = &buffer.filled()[before..];
        self.is_at_end = read.is_empty();
        let given = self.follow(read);
        self.held.extend_from_slice(&read[given..]);
        buffer.set_filled(before + given);
        if given == 0 && self.must_wait() { self.wait(cx) } else { Poll::Ready(Ok(())) }
    }

    /// Waits until more may be given, or comes; answers that nothing comes any more when it is overdue.
    pub fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_between = self.requests.is_between();
        if !is_between || self.has_more() {
            self.pace.0.reader.replace(Some(cx.waker().clone()));
        }
        if is_between || self.is_busy() {
            self.due = None;
            return Poll::Pending;
        }
        let since = (self.requests.ended(), self.pace.ended());
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

    /// Whether a request is given whose answer has not ended.
    fn is_busy(&self) -> bool {
        self.heads > self.pace.ended()
    }

    fn must_wait(&self) -> bool {
        self.requests.is_between() && !self.requests.is_beyond() && self.is_busy()
    }

    /// Follows bytes as far as they may be given; answers how many.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut given = 0;
        while given < bytes.len() && !self.must_wait() && !self.requests.is_unclear() {
            let (taken, is_head) = self.requests.follow(&bytes[given..]);
            given += taken;
            self.heads += u64::from(is_head);
        }
        given
    }
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake").field("requests", &self.requests).field("held", &self.held.len()).finish()
    }
}
