//! How a module's events and states leave: one of each at a time.

use std::pin::Pin;
use std::sync::Arc;

use actix::dev::RecipientRequest;
use actix::prelude::*;

use super::super::error::ModuleError;
use super::super::outgoing::Outgoing;
use super::{ANSWER_TIMEOUT, Module, RETRY_AFTER};
use crate::broker::{BrokerError, Publish};
use crate::domain::cursor::Offset;
use crate::domain::event::NewEvent;
use crate::domain::time::Timestamp;
use crate::store::latest::Commit;

/// A commit on its way.
type Sent = Pin<Box<RecipientRequest<Commit>>>;

/// For how long its answer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// Once more if it is being written by then.
    First,
    /// No longer.
    Last,
}

type Published = Result<Result<Offset, BrokerError>, MailboxError>;

impl Module {
    /// Sends off what waits.
    pub(super) fn pump(&mut self, ctx: &mut Context<Self>) {
        self.publish_next(ctx);
        self.commit_next(ctx);
    }

    fn publish_next(&mut self, ctx: &mut Context<Self>) {
        if self.is_publishing {
            return;
        }
        let Some(next) = self.outgoing.pop() else { return };
        let event = match &next {
            Outgoing::Event(event) => NewEvent::clone(event),
            Outgoing::Telemetry => {
                self.progress.begin_publishing();
                self.telemetry_event()
            }
        };
        self.is_publishing = true;
        let sent = self.shared.publish.send(Publish(event)).timeout(ANSWER_TIMEOUT).into_actor(self);
        ctx.spawn(sent.map(move |result, module, ctx| module.published(result, next, ctx)));
    }

    fn telemetry_event(&self) -> NewEvent {
        let (meta, live) = (self.entry.meta.load(), self.entry.live.load());
        NewEvent::telemetry_updated(meta.facts(&self.entry.id), &*live.telemetry)
    }

    fn published(&mut self, result: Published, what: Outgoing, ctx: &mut Context<Self>) {
        let is_telemetry = matches!(what, Outgoing::Telemetry);
        let was_refused = match result {
            Ok(Ok(_)) => false,
            // What was sent may still arrive; telemetry sent twice does no harm, an event would.
            Err(MailboxError::Timeout) => is_telemetry,
            Ok(Err(BrokerError::Full | BrokerError::Journal(_))) => true,
            Ok(Err(BrokerError::Stopped)) | Err(MailboxError::Closed) => false,
        };
        if was_refused {
            tracing::warn!(module.id = %self.entry.id, "the broker takes no event of a module; trying again");
            if is_telemetry {
                self.progress.excuse_publishing(&self.shared);
            }
            if self.farewell.is_none() {
                self.outgoing.put_back(what);
            }
            ctx.run_later(RETRY_AFTER, |module, ctx| module.go_on(ctx));
            return;
        }
        if is_telemetry {
            self.progress.published(&self.shared);
        }
        self.go_on(ctx);
    }

    fn go_on(&mut self, ctx: &mut Context<Self>) {
        self.is_publishing = false;
        self.pump(ctx);
        self.leave_if_removed(ctx);
    }

    fn commit_next(&mut self, ctx: &mut Context<Self>) {
        if self.is_committing || !self.wants_commit || self.farewell.is_some() {
            return;
        }
        self.is_committing = true;
        self.wants_commit = false;
        self.progress.begin_storing();
        let commit = Commit { readings: std::mem::take(&mut self.unsent), ..self.newest_state(true) };
        self.await_commit(Box::pin(self.shared.commit.send(commit)), Patience::First, ctx);
    }

    fn await_commit(&self, mut sent: Sent, patience: Patience, ctx: &mut Context<Self>) {
        let answered = async move { (tokio::time::timeout(ANSWER_TIMEOUT, &mut sent).await, sent) };
        ctx.spawn(answered.into_actor(self).map(move |(answer, sent), module, ctx| {
            let is_late = answer.is_err();
            if let Ok(Ok(result)) = answer {
                return module.committed(result.map_err(ModuleError::from), ctx);
            }
            let is_being_written = module.progress.take_back(&module.shared);
            if is_being_written && is_late && patience == Patience::First {
                return module.await_commit(sent, Patience::Last, ctx);
            }
            module.committed(Err(ModuleError::OutcomeUnknown), ctx);
        }));
    }

    fn committed(&mut self, result: Result<(), ModuleError>, ctx: &mut Context<Self>) {
        self.is_committing = false;
        match result {
            Ok(()) => self.progress.stored(&self.shared),
            Err(error) => self.progress.fail_storing(&error, &self.shared),
        }
        self.pump(ctx);
        self.leave_if_removed(ctx);
    }

    fn newest_state(&self, with_telemetry: bool) -> Commit {
        let live = self.entry.live.load();
        Commit {
            module: self.entry.number,
            state: with_telemetry.then(|| Arc::clone(&live.telemetry)),
            seen_at: live.last_seen.unwrap_or_else(Timestamp::now),
            clock: live.clock.last(),
            readings: Vec::new(),
        }
    }

    /// Has the moment of the last sign of life stored with other things, without waiting for it.
    pub(super) fn store_last_seen(&self) {
        if self.shared.commit.try_send(self.newest_state(false)).is_err() {
            tracing::debug!(module.id = %self.entry.id, "the moment a module was last seen is stored later");
        }
    }
}
