//! What a session watches by the clock: its login, and whether its client still reads and answers.

use std::time::Duration;

use actix::prelude::*;

use super::actor::{ASK_TIMEOUT, Session, SessionOptions};
use super::messages::End;
use crate::domain::time::Timestamp;

/// The login has ended.
const LOGIN_ENDED: u16 = 4001;
/// The client takes too little for too long.
const TOO_SLOW: u16 = 4008;

impl SessionOptions {
    /// How often is looked whether a client has stopped reading: a stall that begins behind one look is seen by the next,
    /// before its time is over.
    fn stall_watch(&self) -> Duration {
        self.heartbeat.min(self.slow_timeout)
    }
}

impl Session {
    /// Begins to look whether the client is there and reads; not all of those who came together are asked together.
    pub(super) fn watch_client(&self, ctx: &mut Context<Self>) {
        let (heartbeat, stall_watch) = (self.house.options.heartbeat, self.house.options.stall_watch());
        if stall_watch < heartbeat {
            ctx.run_interval(stall_watch, |session, ctx| {
                session.watch_stall(ctx);
            });
        }
        ctx.run_later(heartbeat.mul_f64(rand::random_range(0.5..1.0)), move |session, ctx| {
            session.beat(ctx);
            ctx.run_interval(heartbeat, Self::beat);
        });
    }

    /// Ends the session in the moment in which its login ends; looked at again by each beat, so that a session has a timer
    /// for that only when the moment is near.
    pub(super) fn watch_expiry(&mut self, ctx: &mut Context<Self>) {
        if let Some(earlier) = self.expiry.take() {
            ctx.cancel_future(earlier);
        }
        let left = self.principal.expires_at.since(Timestamp::now());
        if left > self.house.options.heartbeat * 2 {
            return;
        }
        self.expiry = Some(ctx.run_later(left, |session, ctx| {
            session.end(&End { code: LOGIN_ENDED, reason: "the login has expired", retry_after: None }, ctx);
        }));
    }

    fn beat(&mut self, ctx: &mut Context<Self>) {
        let silence_max = self.house.options.heartbeat * 2 + ASK_TIMEOUT;
        if self.watch_stall(ctx) {
            return;
        }
        if self.expiry.is_none() {
            self.watch_expiry(ctx);
        }
        if self.outbox.waiting() == 0 && self.outbox.silent_for() > silence_max {
            self.outbox.give_up();
        } else {
            // Also behind what waits: who is sent something all the time would otherwise never be asked, and seem gone.
            self.outbox.send_ping();
        }
    }

    /// Ends who reads nothing for too long, now or when its time is over before this is asked again; answers whether it
    /// has ended.
    fn watch_stall(&mut self, ctx: &mut Context<Self>) -> bool {
        let (stalled, most) = (self.outbox.stalled_for(), self.house.options.slow_timeout);
        if stalled >= most {
            self.end(&End { code: TOO_SLOW, reason: "too slow", retry_after: None }, ctx);
            return true;
        }
        if !stalled.is_zero() && most - stalled < self.house.options.stall_watch() {
            ctx.run_later(most - stalled, |session, ctx| {
                session.watch_stall(ctx);
            });
        }
        false
    }
}
