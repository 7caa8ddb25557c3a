//! Whether a module is there: while a connection is open, or for a while after its last reading over HTTP.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::prelude::*;
use tokio::time::Instant;

use super::super::entry::{Live, Status};
use super::{Attach, ConnectionId, EndLink, Look, Module};
use crate::domain::event::NewEvent;
use crate::domain::time::Timestamp;
use crate::domain::topic::Channel;

/// How soon an actor that could not rest yet looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Module {
    pub(super) fn attach(&mut self, attach: Attach, ctx: &mut Context<Self>) {
        if let Some(stopping) = self.shared.stopping.get() {
            attach.end.do_send(stopping.end(stopping.moments.any()));
            return;
        }
        self.last_work = Instant::now();
        if let Some((_, older)) = self.link.replace((attach.connection, attach.end)) {
            older.do_send(EndLink::REPLACED);
        }
        self.commanding.connect(attach.deliver);
        self.come_online();
        self.set_timer(ctx);
        self.pump(ctx);
        self.greet_device(ctx);
    }

    pub(super) fn detach(&mut self, connection: ConnectionId, ctx: &mut Context<Self>) {
        if self.link.take_if(|(known, _)| *known == connection).is_none() {
            return;
        }
        self.commanding.disconnect();
        self.last_work = Instant::now();
        self.look(ctx);
    }

    pub(super) fn hear_over_http(&mut self, ctx: &mut Context<Self>) {
        self.last_reading = Some(Instant::now());
        // The reading itself tells when it was last seen.
        if self.entry.live.load().status == Status::Offline && self.come_online() {
            self.set_timer(ctx);
        }
    }

    /// Answers whether it was offline.
    fn come_online(&mut self) -> bool {
        let before = self.entry.live.load_full();
        let now = Timestamp::now();
        let was_offline = before.status == Status::Offline;
        self.entry.live.store(Arc::new(Live { status: Status::Online, last_seen: Some(now), ..Live::clone(&before) }));
        if was_offline {
            self.shared.online.fetch_add(1, Ordering::Relaxed);
            self.shared.metrics.module_online();
            self.shared.changed();
            let meta = self.entry.meta.load_full();
            self.push_event(NewEvent::module_online(meta.facts(&self.entry.id), now));
            self.store_last_seen();
        }
        was_offline
    }

    fn go_offline(&mut self, ctx: &mut Context<Self>) {
        if !self.forget_presence() {
            return;
        }
        let (meta, live) = (self.entry.meta.load_full(), self.entry.live.load_full());
        self.push_event(NewEvent::module_offline(meta.facts(&self.entry.id), Timestamp::now(), live.last_seen));
        self.store_last_seen();
        self.pump(ctx);
    }

    /// Tells the owner if the module came or went before it was theirs and after they were told of it.
    pub(super) fn retell_presence(&mut self, told_online: bool, ctx: &mut Context<Self>) {
        let (meta, live) = (self.entry.meta.load_full(), self.entry.live.load_full());
        let Some(owner) = meta.owner.clone() else { return };
        let (facts, now) = (meta.facts(&self.entry.id), Timestamp::now());
        let event = match (live.status, told_online) {
            (Status::Online, false) => NewEvent::module_online(facts, live.last_seen.unwrap_or(now)),
            (Status::Offline, true) => NewEvent::module_offline(facts, now, live.last_seen),
            _ => return,
        };
        self.push_event(NewEvent { audience: vec![Channel::ModulesOf(owner)], ..event });
        self.pump(ctx);
    }

    /// Makes it offline without a word; answers whether it was online.
    pub(super) fn forget_presence(&mut self) -> bool {
        let before = self.entry.live.load_full();
        if before.status == Status::Offline {
            return false;
        }
        self.entry.live.store(Arc::new(Live { status: Status::Offline, ..Live::clone(&before) }));
        self.shared.online.fetch_sub(1, Ordering::Relaxed);
        self.shared.metrics.module_offline();
        self.shared.changed();
        true
    }

    /// Goes offline, or to rest, if it is time.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.link.is_some() {
            return;
        }
        let now = Instant::now();
        if self.online_until().is_none_or(|until| until <= now) {
            self.go_offline(ctx);
            if self.is_idle() && self.last_work + self.shared.options.passivate_after <= now {
                self.is_passivated = true;
                ctx.stop();
                return;
            }
            // What was refused when it came, and has not come again, is still to be stored.
            self.wants_commit |= self.progress.needs_storing();
            self.pump(ctx);
        }
        self.set_timer(ctx);
    }

    /// Until when readings over HTTP keep it online.
    fn online_until(&self) -> Option<Instant> {
        self.last_reading.map(|heard| heard + self.shared.options.presence_timeout)
    }

    /// Looks again when something may be due; while a link is attached nothing is.
    pub(super) fn set_timer(&mut self, ctx: &mut Context<Self>) {
        self.stop_timer();
        if self.link.is_some() {
            return;
        }
        let now = Instant::now();
        let is_online = self.entry.live.load().status == Status::Online;
        let due = match self.online_until() {
            Some(until) if is_online => until,
            _ => (self.last_work + self.shared.options.passivate_after).max(if self.is_idle() {
                now
            } else {
                now + LOOK_AGAIN
            }),
        };
        // A task of its own: one of the actor's would be looked at whenever the actor has anything to do.
        let actor = ctx.address().downgrade();
        self.timer = Some(actix::spawn(async move {
            tokio::time::sleep_until(due).await;
            if let Some(actor) = actor.upgrade() {
                actor.do_send(Look);
            }
        }));
    }

    /// Nothing is due any more.
    pub(super) fn stop_timer(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.abort();
        }
    }
}

impl Handler<Look> for Module {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}
