//! States are saved a while after the readings that they come from, or when the hub stops.

use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::tail::MANY;
use super::super::unsaved::States;
use super::messages::{Flush, Look, SaveStates};
use super::{Collector, answer_all};
use crate::store::readings::{ModuleNumber, RowId};
use crate::store::states::ModuleState;

/// How long a state waits at most until it is saved: what follows meanwhile is saved with it.
pub(super) const SAVE_AFTER: Duration = Duration::from_secs(5);
/// How often is looked for states that have waited, at most and at least.
pub(super) const LOOK_MAX: Duration = Duration::from_secs(1);
const LOOK_MIN: Duration = Duration::from_millis(10);

impl Collector {
    /// The states that have waited for long enough; all where somebody waits for them.
    pub(super) fn due_states(&self) -> Vec<ModuleState> {
        let now = Instant::now();
        if self.savers.is_empty() {
            self.unsaved.due(self.save_after(), now, self.options.max_batch)
        } else {
            self.unsaved.due(Duration::ZERO, now, usize::MAX)
        }
    }

    /// Whether no state of a module may wait: somebody waits for all, it is not what the readings tell, or sealing would
    /// wait for who brings very much.
    pub(super) fn must_save(&self, module: ModuleNumber) -> bool {
        !self.savers.is_empty() || self.untold.contains(&module) || self.tail.rows_of(module) >= MANY
    }

    /// Sooner than readings would be sealed, which wait for it.
    fn save_after(&self) -> Duration {
        SAVE_AFTER.min(self.options.seal_after / 2)
    }

    /// Saves the states that have waited for long enough; what gathers takes them along.
    pub(super) fn save_due(&mut self, ctx: &mut Context<Self>) {
        let is_free = !self.is_committing && self.batch.is_empty() && !self.is_closing;
        if is_free && self.unsaved.is_due(self.save_after(), Instant::now()) {
            self.commit(ctx);
        }
    }

    /// Saves all states, for whoever waits for that; nothing gathers meanwhile.
    pub(super) fn save_all(&mut self, ctx: &mut Context<Self>) {
        if self.unsaved.is_empty() {
            answer_all(&mut self.savers);
        } else {
            self.commit(ctx);
        }
    }

    /// Has it look again and again for as long as it lives.
    pub(super) fn look_for_states(&self, ctx: &Context<Self>) {
        let (collector, every) = (ctx.address().downgrade(), self.save_after().clamp(LOOK_MIN, LOOK_MAX));
        // A task of its own: one of the actor's would be looked at whenever the actor has anything to do.
        actix::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                let Some(collector) = collector.upgrade() else { return };
                collector.do_send(Look);
            }
        });
    }

    /// Notes which states are being saved: what is refused from now on is not in them.
    pub(super) fn begin_saving(&mut self, states: &States) {
        for state in states.at_once.iter().filter(|state| state.said.is_some()) {
            self.untold.remove(&state.module);
        }
    }

    /// Notes what was saved, and what is to be saved after the readings from `first` on.
    pub(super) fn note_states(&mut self, states: States, first: RowId) {
        self.unsaved.forget(states.due.len());
        states.at_once.into_iter().for_each(|state| self.unsaved.saved(state));
        let now = Instant::now();
        states.later.into_iter().for_each(|state| self.unsaved.add(state, first, now));
    }

    /// Notes that a commit failed; where nothing else gathers, nobody waits for what could not be saved.
    pub(super) fn note_failure(&mut self, states: States) {
        self.untold.extend(states.at_once.iter().chain(&states.later).map(|state| state.module));
        states.at_once.into_iter().for_each(|state| self.unsaved.perhaps_saved(state));
        if self.batch.is_empty() {
            // It is found in the tail at the next start.
            answer_all(&mut self.savers);
        }
    }
}

impl Handler<Flush> for Collector {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Flush, ctx: &mut Self::Context) -> Self::Result {
        let (flushed, has_flushed) = oneshot::channel();
        self.flushes.push(flushed);
        self.is_closing = true;
        self.begin_turn(ctx);
        // A collector that is gone has nothing left to store.
        Box::pin(async move { has_flushed.await.unwrap_or_default() })
    }
}

impl Handler<Look> for Collector {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.save_due(ctx);
    }
}

impl Handler<SaveStates> for Collector {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: SaveStates, ctx: &mut Self::Context) -> Self::Result {
        let (saving, saved) = oneshot::channel();
        self.savers.push(saving);
        self.begin_turn(ctx);
        // A collector that is gone saves nothing any more.
        Box::pin(async move { saved.await.unwrap_or_default() })
    }
}
