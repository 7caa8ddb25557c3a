//! Whether the client of a session is still there.

use std::time::{Duration, Instant};

use actix::prelude::*;

use super::actor::Engine;
use super::packet;
use crate::pipe::{GONE, TOO_SLOW};

/// How many bytes of the outbox a ping is.
const PING_WAITING: usize = packet::PING.len() + 2;

impl Engine {
    pub(super) fn expect_ping(&mut self, ctx: &mut Context<Self>) {
        let interval = self.parts.options.ping_interval;
        self.is_asked = false;
        self.answer_due = Instant::now() + interval + self.parts.options.ping_timeout;
        let handle = ctx.run_later(interval, |engine, ctx| {
            engine.parts.outbox.send_text(packet::PING);
            engine.is_asked = true;
            engine.expect_pong(Instant::now(), false, ctx);
        });
        self.beat_by(handle, ctx);
    }

    /// Waits for the answer to a ping; one that was held up by what waited before it has only just gone out.
    fn expect_pong(&mut self, asked: Instant, was_held_up: bool, ctx: &mut Context<Self>) {
        let left = self.answer_due.saturating_duration_since(asked);
        let handle = ctx.run_later(left, move |engine, ctx| {
            if engine.parts.outbox.is_ending() {
                // What was said before the end may still be fetched for a while.
                return;
            }
            let (now, ping_timeout) = (Instant::now(), engine.parts.options.ping_timeout);
            let held_up = engine.held_up_for(asked);
            let Some(more) = held_up.or(was_held_up.then_some(ping_timeout)) else {
                return engine.end_silent(ctx);
            };
            engine.answer_due = now + more;
            engine.expect_pong(now, held_up.is_some(), ctx);
        });
        self.beat_by(handle, ctx);
    }

    /// For how long the client's silence says nothing yet, because the ping may wait behind other things: a client that
    /// takes them, if slowly, is there, and one that does not is ended as too slow by whoever sits on top.
    fn held_up_for(&self, asked: Instant) -> Option<Duration> {
        let (options, outbox) = (&self.parts.options, &self.parts.outbox);
        if outbox.is_moving_since(asked) {
            return Some(options.ping_timeout);
        }
        let most = (options.slow_timeout + options.ping_timeout).checked_sub(outbox.stalled_for())?;
        Some(options.ping_timeout.min(most)).filter(|span| self.is_held_up() && !span.is_zero())
    }

    /// Ends the session of a client that did not answer: it is gone, or takes nothing of what waits for it.
    pub(super) fn end_silent(&mut self, ctx: &mut Context<Self>) {
        let counted = if self.is_held_up() { TOO_SLOW } else { GONE };
        // Neither is told: the client may be there after all, and knows of no reason.
        self.end_as(counted, "the client did not answer", ctx);
    }

    fn is_held_up(&self) -> bool {
        self.parts.outbox.waiting() > PING_WAITING
    }

    /// Whether the client should have answered by now, though the timer that says so may be late.
    pub(super) fn is_overdue(&self) -> bool {
        Instant::now() >= self.answer_due && !self.is_held_up()
    }

    fn beat_by(&mut self, handle: SpawnHandle, ctx: &mut Context<Self>) {
        if let Some(earlier) = self.heartbeat.replace(handle) {
            ctx.cancel_future(earlier);
        }
    }

    /// The client is there; to say so unasked does not put off the next question, which also ends a poll.
    pub(super) fn hear(&mut self, ctx: &mut Context<Self>) {
        self.parts.outbox.mark_heard();
        if self.is_asked {
            self.expect_ping(ctx);
        }
    }
}
