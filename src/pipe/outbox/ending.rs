//! How a connection ends, and how that is counted: once, by its reason.

use std::io;
use std::time::Duration;

use super::{Outbox, State, as_change};
use crate::pipe::frame;

/// What is counted for a peer that gives no sign of life; it is never sent (RFC 6455, 7.4.1).
pub const GONE: u16 = 1006;
/// What is counted for a peer that takes too little for too long.
pub const TOO_SLOW: u16 = 4008;

impl Outbox {
    /// Ends the connection, which is counted: what waits goes out, then, on a WebSocket, a close frame with code and reason.
    pub fn close(&self, code: u16, reason: &str) {
        self.close_as(code, code, reason);
    }

    /// Ends the connection as [`Outbox::close`] does, but counts it by another code than the peer is told.
    pub fn close_as(&self, counted: u16, told: u16, reason: &str) {
        if self.0.state.get() == State::Open {
            self.0.flusher.note_end(counted);
            self.part(told, reason);
        }
    }

    /// Ends the connection of a peer that has said goodbye by itself.
    pub fn part(&self, code: u16, reason: &str) {
        if self.0.state.get() != State::Open {
            return;
        }
        if self.0.packing.framing().has_close_frames() && self.is_written() {
            let frame = frame::close(code, reason);
            self.enqueue(frame.len(), |queue| queue.push(frame));
        }
        self.0.state.set(State::Closing);
        self.wake_reader();
    }

    /// Drops the connection of a peer that gives no sign of life, which is counted.
    pub fn give_up(&self) {
        self.drop_as(GONE);
    }

    /// Drops a connection that broke, which is counted: as too slow if its time was over while something waited.
    pub(crate) fn break_off(&self, error: &io::Error) {
        let is_slow = error.kind() == io::ErrorKind::TimedOut && self.waiting() > 0;
        self.drop_as(if is_slow { TOO_SLOW } else { GONE });
    }

    /// Drops a connection of which it is not known how it ended: it is counted as too slow if the peer had taken nothing
    /// of what waits for at least so long.
    pub(crate) fn let_go(&self, slow: Duration) {
        if self.stalled_for() >= slow && self.waiting() > 0 {
            self.drop_as(TOO_SLOW);
        } else {
            self.abort();
        }
    }

    fn drop_as(&self, counted: u16) {
        if self.0.state.get() == State::Open {
            self.0.flusher.note_end(counted);
        }
        self.abort();
    }

    /// Drops the connection at once, with whatever waits.
    pub fn abort(&self) {
        self.0.state.set(State::Closed);
        self.count(-as_change(self.waiting()));
        self.0.flusher.report_soon();
        self.0.queue.borrow_mut().clear();
        self.0.when_low.take();
        self.wake_reader();
    }

    /// Whether the connection takes no more frames.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.0.state.get() != State::Open
    }

    /// Whether the connection is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.state.get() == State::Closed
    }

    /// Whether all has been sent after [`Outbox::close`].
    #[must_use]
    pub fn has_said_goodbye(&self) -> bool {
        self.0.state.get() == State::Closing && self.waiting() == 0
    }
}
