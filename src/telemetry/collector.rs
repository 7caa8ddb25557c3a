//! The actor that stores readings and latest states, many in one commit, and knows what is not sealed yet.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::batch::{Answers, Batch};
use super::recovery::Recovered;
use super::tail::Tail;
use super::unsaved::{States, Unsaved};
use crate::config;
use crate::observe::Metrics;
use crate::reply::{Reply, promise};
use crate::store::latest::{Commit, CommitError};
use crate::store::readings::{self, Appended, ModuleNumber, RowId};
use crate::store::states;
use crate::store::{Connection, Store, StoreError};

mod messages;
mod saving;
mod sealing;
#[cfg(test)]
mod tests;

pub use messages::{Due, Flush, SaveStates, Sealed, TailOf};

/// More rows than that are not let into the tail: sealing must catch up first.
const UNSEALED_MAX: usize = 4_000_000;
/// More rows of one module are not let in: what it sends too much is not the trouble of others.
const UNSEALED_OF_MODULE_MAX: usize = UNSEALED_MAX / 8;
/// A commit that takes longer hangs; no module waits longer for what is not being written.
const STUCK_AFTER: Duration = Duration::from_secs(10);
/// Which part of `telemetry.commit_interval` nothing must have come for a commit to wait no longer.
const QUIET: u32 = 10;

/// Gathers readings and stores them together, and a while later the newest states.
///
/// Invariant: one commit at a time; what comes meanwhile gathers for the next, the newest state per module and every
/// reading.
/// Invariant: whoever asked is answered exactly once, after the commit that held their readings; the tail knows the rows by
/// then. A state is saved with that commit where its readings do not tell it, see `States`, or else a while later.
/// Invariant: no reading that came with a state is given out to be sealed before a state that knows it is saved, so that
/// the readings of the tail tell all that the saved states do not.
/// Invariant: what was taken back before its transaction began to write is not stored.
/// Invariant: nothing gathers while a commit hangs.
/// Invariant: the state of each module in `untold` may hold what was refused, which no reading tells.
/// Invariant: of each module in `full` there are `unsealed_of_module_max` rows or more in the tail.
pub struct Collector {
    store: Store,
    options: config::Telemetry,
    metrics: Metrics,
    tail: Tail,
    unsaved: Unsaved,
    untold: HashSet<ModuleNumber>,
    full: HashSet<ModuleNumber>,
    unsealed_of_module_max: usize,
    batch: Batch,
    flushes: Vec<oneshot::Sender<()>>,
    savers: Vec<oneshot::Sender<()>>,
    is_closing: bool,
    turn: Option<SpawnHandle>,
    /// When the first came that waits, and when the last.
    first: Instant,
    last: Instant,
    is_committing: bool,
    stuck_after: Duration,
    is_stuck: bool,
}

impl Collector {
    /// A collector with nothing gathered but what a start has found.
    #[must_use]
    pub fn new(store: Store, options: config::Telemetry, metrics: Metrics, found: Recovered) -> Self {
        let now = Instant::now();
        metrics.readings_unsealed(found.tail.rows());
        let mut unsaved = Unsaved::default();
        found.unsaved.into_iter().for_each(|(state, first)| unsaved.add(state, first, now));
        Self {
            store,
            options,
            metrics,
            tail: found.tail,
            unsaved,
            untold: HashSet::new(),
            full: HashSet::new(),
            unsealed_of_module_max: UNSEALED_OF_MODULE_MAX,
            batch: Batch::default(),
            flushes: Vec::new(),
            savers: Vec::new(),
            is_closing: false,
            turn: None,
            first: now,
            last: now,
            is_committing: false,
            stuck_after: STUCK_AFTER,
            is_stuck: false,
        }
    }

    /// Commits at once what must not wait, and what may gather company when no more comes for a moment, or it has waited
    /// long enough.
    fn begin_turn(&mut self, ctx: &mut Context<Self>) {
        if self.is_committing {
            return;
        }
        if self.batch.is_empty() {
            answer_all(&mut self.flushes);
            if !self.savers.is_empty() {
                self.save_all(ctx);
            }
        } else if self.batch.len() >= self.options.max_batch || !self.flushes.is_empty() || !self.savers.is_empty() {
            self.commit(ctx);
        } else if self.turn.is_none() {
            self.wait(ctx);
        }
    }

    fn wait(&mut self, ctx: &mut Context<Self>) {
        let longest = self.options.commit_interval;
        let due = (self.last + longest / QUIET).min(self.first + longest);
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return self.commit(ctx);
        }
        self.turn = Some(ctx.run_later(left, |collector, ctx| {
            collector.turn = None;
            collector.wait(ctx);
        }));
    }

    fn commit(&mut self, ctx: &mut Context<Self>) {
        let (mut commits, answers) = self.batch.take(self.options.max_batch);
        self.is_committing = true;
        if let Some(turn) = self.turn.take() {
            ctx.cancel_future(turn);
        }
        let (store, next) = (self.store.clone(), self.tail.next());
        // A failed commit may have reached the disk all the same: its rows are given to nobody else.
        let rows = commits.iter().map(|commit| commit.readings.len()).sum::<usize>();
        self.tail.skip_to(next.saturating_add(RowId::try_from(rows).unwrap_or(RowId::MAX)));
        let mut states = States::of(&commits, self.tail.next(), self.due_states(), |module| self.must_save(module));
        self.begin_saving(&states);
        let offered = states.clone();
        let write = move |conn: &mut Connection| {
            // Not before: a database that is locked may be so for longer than anybody waits.
            states.hasten(&take_offers(&mut commits));
            let appended = readings::append(conn, &commits, next)?;
            states::save(conn, states.saved())?;
            Ok((appended, states))
        };
        let stored = async move { store.write(write).await };
        let watch = ctx.run_later(self.stuck_after, |collector, _| collector.give_up_waiting());
        ctx.spawn(stored.into_actor(self).map(move |result, collector, ctx| {
            ctx.cancel_future(watch);
            let is_stored = result.is_ok();
            answer(answers, collector.end_commit(result, offered, next));
            collector.begin_turn(ctx);
            if is_stored {
                collector.save_due(ctx);
            }
        }));
    }

    fn end_commit(
        &mut self,
        result: Result<(Vec<Appended>, States), StoreError>,
        offered: States,
        first: RowId,
    ) -> Result<(), StoreError> {
        self.is_committing = false;
        if std::mem::take(&mut self.is_stuck) {
            tracing::warn!("the commit that hung has ended; readings are taken again");
        }
        match result {
            Ok((appended, states)) => {
                self.note(appended);
                self.note_states(states, first);
                Ok(())
            }
            Err(error) => {
                self.note_failure(offered);
                Err(error)
            }
        }
    }

    /// Refuses what has gathered behind a commit that hangs, and from now on all that comes, until it ends.
    fn give_up_waiting(&mut self) {
        self.is_stuck = true;
        let (commits, refused) = self.batch.take(usize::MAX);
        self.untold.extend(commits.iter().map(|commit| commit.module));
        let after = self.stuck_after;
        tracing::error!(
            waiting = refused.len(),
            ?after,
            "a commit of readings hangs; others are refused until it ends"
        );
        for waiting in refused {
            waiting.keep(Err(CommitError::Stuck));
        }
    }

    fn refusal(&self, commit: &Commit) -> Option<CommitError> {
        if self.is_stuck {
            Some(CommitError::Stuck)
        } else if self.batch.waiting() >= self.options.max_waiting || self.tail.rows() >= UNSEALED_MAX {
            Some(CommitError::Busy)
        } else {
            let is_full = !commit.readings.is_empty() && self.full.contains(&commit.module);
            is_full.then_some(CommitError::ModuleBehind)
        }
    }

    fn note(&mut self, appended: Vec<Appended>) {
        for rows in appended {
            let module = rows.module;
            self.tail.add(rows);
            if self.tail.rows_of(module) >= self.unsealed_of_module_max {
                self.full.insert(module);
            }
        }
        self.metrics.readings_unsealed(self.tail.rows());
    }
}

/// Takes what is offered; answers of which modules anything was taken back.
fn take_offers(commits: &mut [Commit]) -> Vec<ModuleNumber> {
    let mut taken_back = Vec::new();
    for Commit { module, readings, .. } in commits {
        let before = readings.len();
        readings.retain(|reading| reading.offer.take());
        if readings.len() < before {
            taken_back.push(*module);
        }
    }
    taken_back
}

fn answer_all(asked: &mut Vec<oneshot::Sender<()>>) {
    for asker in asked.drain(..) {
        // Who asked may have gone.
        let _ = asker.send(());
    }
}

fn answer(answers: Answers, result: Result<(), StoreError>) {
    let result = result.map_err(|error| {
        if answers.is_empty() {
            tracing::warn!(%error, "what modules said last was not saved; trying again in a moment");
        } else {
            tracing::error!(%error, waiting = answers.len(), "readings were not stored");
        }
        CommitError::Store(Arc::new(error))
    });
    for waiting in answers {
        waiting.keep(result.clone());
    }
}

impl Actor for Collector {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.options.max_waiting);
        self.look_for_states(ctx);
    }
}

impl Handler<Commit> for Collector {
    type Result = Reply<(), CommitError>;

    fn handle(&mut self, commit: Commit, ctx: &mut Self::Context) -> Self::Result {
        if let Some(refusal) = self.refusal(&commit) {
            if commit.state.is_some() {
                self.untold.insert(commit.module);
            }
            return Reply::now(Err(refusal));
        }
        let (answer, reply) = promise(|| CommitError::Busy);
        self.last = Instant::now();
        if self.batch.is_empty() {
            self.first = self.last;
        }
        self.batch.add(commit, answer);
        self.begin_turn(ctx);
        reply
    }
}
