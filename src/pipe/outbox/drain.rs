//! How what waits in an outbox leaves: written to a stream, or taken by whoever carries it away.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::ReadBuf;

use super::{Outbox, Way, as_change};
use crate::pipe::Stream;
use crate::pipe::queue::Queue;

/// How many frames one write takes along.
const FRAMES_PER_WRITE: usize = 64;

/// Writes as much as goes at once; answers how many bytes went.
fn write_some(stream: &mut Stream, queue: &Queue, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    // By far the most writes are of one frame.
    if let Some(frame) = queue.only() {
        return stream.poll_write(cx, &[IoSlice::new(frame)]);
    }
    let mut slots = [IoSlice::new(&[]); FRAMES_PER_WRITE];
    let filled = queue.slices(&mut slots);
    stream.poll_write(cx, &slots[..filled])
}

impl Outbox {
    /// The earliest moment of the next write, so that writes coalesce.
    pub(in crate::pipe) fn next_write(&self) -> Instant {
        self.0.next_write.get()
    }

    /// Writes what waits from outside the reading task; the task goes on if the socket is full.
    pub(in crate::pipe) fn flush(&self, now: Instant, interval: Duration) {
        self.0.is_dirty.set(false);
        self.0.next_write.set(now + interval);
        if !self.is_written() {
            self.wake_reader();
            return;
        }
        // Nobody takes another waker while this one is lent: only the reading task does, and not in here.
        let drained = self.poll_drain_at(&mut Context::from_waker(&self.0.reader.borrow()), || now);
        if let Poll::Ready(Err(error)) = drained {
            self.break_off(&error);
        } else if self.has_said_goodbye() {
            self.wake_reader();
        }
    }

    /// Writes what waits; ready when nothing waits any more.
    ///
    /// # Errors
    /// When the stream is broken.
    pub(crate) fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_drain_at(cx, Instant::now)
    }

    fn poll_drain_at(&self, cx: &mut Context<'_>, now: impl Fn() -> Instant) -> Poll<io::Result<()>> {
        let result = self.write_queue(cx, now);
        if self.0.is_awaited.get() {
            self.call_when_low();
        }
        result
    }

    fn call_when_low(&self) {
        if !self.0.for_room.borrow().is_empty() && !self.is_high() {
            self.wake_for_room();
        }
        if self.0.when_low.borrow().is_some() && self.waiting() <= self.0.options.low_water {
            let call = self.0.when_low.take();
            if let Some(call) = call {
                call();
            }
        }
        self.0.is_awaited.set(self.0.when_low.borrow().is_some() || !self.0.for_room.borrow().is_empty());
    }

    /// Takes whole frames, as many as fit into `max` bytes and at least one; none when the connection has ended and
    /// nothing waits any more. For an outbox made by [`Outbox::taken`].
    pub fn poll_take(&self, cx: &mut Context<'_>, max: usize) -> Poll<Option<Vec<Bytes>>> {
        self.register_reader(cx.waker());
        let frames = self.0.queue.borrow_mut().take(max);
        if frames.is_empty() {
            return if self.is_ending() { Poll::Ready(None) } else { Poll::Pending };
        }
        let taken: usize = frames.iter().map(Bytes::len).sum();
        self.count(-as_change(taken));
        let now = Instant::now();
        self.0.last_progress.set(now);
        self.0.last_heard.set(now);
        self.call_when_low();
        Poll::Ready(Some(frames))
    }

    /// Goes on over a stream: what waits, and all that follows, is written there.
    pub fn attach(&self, stream: Stream) {
        self.0.way.replace(Way::Written(stream));
        if self.waiting() > 0 && !self.0.is_dirty.replace(true) {
            self.0.flusher.add(self.clone());
        }
    }

    pub(super) fn is_written(&self) -> bool {
        matches!(*self.0.way.borrow(), Way::Written(_))
    }

    fn write_queue(&self, cx: &mut Context<'_>, now: impl Fn() -> Instant) -> Poll<io::Result<()>> {
        let mut way = self.0.way.borrow_mut();
        let Way::Written(stream) = &mut *way else { return Poll::Ready(Ok(())) };
        let mut queue = self.0.queue.borrow_mut();
        while queue.waiting() > 0 {
            match write_some(stream, &queue, cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    queue.advance(written);
                    self.count(-as_change(written));
                    self.0.last_progress.set(now());
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        stream.poll_flush(cx)
    }

    /// Keeps the waker of the reading task.
    pub(crate) fn register_reader(&self, waker: &Waker) {
        let mut reader = self.0.reader.borrow_mut();
        if !reader.will_wake(waker) {
            reader.clone_from(waker);
        }
    }

    /// Reads what is there.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut *self.0.way.borrow_mut() {
            Way::Written(stream) => stream.poll_read(cx, buffer),
            Way::Taken => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Ends our side of the stream.
    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.0.way.borrow_mut() {
            Way::Written(stream) => stream.poll_shutdown(cx),
            Way::Taken => Poll::Ready(Ok(())),
        }
    }
}
