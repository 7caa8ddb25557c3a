//! The actor that stores readings and latest states, many in one commit, and knows what is not sealed yet.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::batch::{Answers, Batch};
use super::tail::Tail;
use crate::config;
use crate::domain::ids::ModuleId;
use crate::domain::time::Timestamp;
use crate::observe::Metrics;
use crate::reply::{Reply, promise};
use crate::store::latest::{Commit, CommitError};
use crate::store::readings::{self, Appended, ModuleNumber, RowId};
use crate::store::{Connection, Store, StoreError};

/// More rows than that are not let into the tail: sealing must catch up first.
const UNSEALED_MAX: usize = 4_000_000;
/// More rows of one module are not let in: what it sends too much is not the trouble of others.
const UNSEALED_OF_MODULE_MAX: usize = UNSEALED_MAX / 8;
/// A commit that takes longer hangs; no module waits longer for what is not being written.
const STUCK_AFTER: Duration = Duration::from_secs(10);
/// Which part of `telemetry.commit_interval` nothing must have come for a commit to wait no longer.
const QUIET: u32 = 10;

/// Answered when all that was asked before is stored, or has failed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Flush;

/// Asks which rows of a module are in the tail.
///
/// Never fewer than were acknowledged before; some of them may be sealed already.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Range<RowId>>")]
pub struct TailOf(pub ModuleNumber);

/// Asks which rows are to be sealed now: for each module that has enough of them, or one that has waited for long.
#[derive(Debug, Message)]
#[rtype(result = "Vec<(ModuleNumber, Vec<Range<RowId>>)>")]
pub struct Due;

/// The rows of a module before one of them are sealed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Sealed {
    /// Which module.
    pub module: ModuleNumber,
    /// The first row that is not sealed.
    pub until: RowId,
}

/// Gathers readings and latest states and stores them together.
///
/// Invariant: one commit at a time; what comes meanwhile gathers for the next, the newest state per module and every
/// reading.
/// Invariant: whoever asked is answered exactly once, after the commit that held their readings and their state or a
/// newer one; the tail knows the rows by then.
/// Invariant: what was taken back before its transaction began to write is not stored.
/// Invariant: nothing gathers while a commit hangs.
/// Invariant: of each module in `full` there are `unsealed_of_module_max` rows or more in the tail.
pub struct Collector {
    store: Store,
    options: config::Telemetry,
    metrics: Metrics,
    tail: Tail,
    full: HashMap<ModuleId, ModuleNumber>,
    unsealed_of_module_max: usize,
    batch: Batch,
    flushes: Vec<oneshot::Sender<()>>,
    turn: Option<SpawnHandle>,
    /// When the first came that waits, and when the last.
    first: Instant,
    last: Instant,
    is_committing: bool,
    stuck_after: Duration,
    is_stuck: bool,
}

impl Collector {
    /// A collector with nothing gathered.
    #[must_use]
    pub fn new(store: Store, options: config::Telemetry, metrics: Metrics, tail: Tail) -> Self {
        let now = Instant::now();
        Self {
            store,
            options,
            metrics,
            tail,
            full: HashMap::new(),
            unsealed_of_module_max: UNSEALED_OF_MODULE_MAX,
            batch: Batch::default(),
            flushes: Vec::new(),
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
            for flushed in self.flushes.drain(..) {
                // Who asked may have gone.
                let _ = flushed.send(());
            }
        } else if self.batch.len() >= self.options.max_batch || !self.flushes.is_empty() {
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
        let write = move |conn: &mut Connection| {
            // Not before: a database that is locked may be so for longer than anybody waits.
            commits.iter_mut().for_each(|commit| commit.readings.retain(|reading| reading.offer.take()));
            readings::append(conn, &commits, next)
        };
        let stored = async move { store.write(write).await };
        let watch = ctx.run_later(self.stuck_after, |collector, _| collector.give_up_waiting());
        ctx.spawn(stored.into_actor(self).map(move |result, collector, ctx| {
            ctx.cancel_future(watch);
            collector.is_committing = false;
            if std::mem::take(&mut collector.is_stuck) {
                tracing::warn!("the commit that hung has ended; readings are taken again");
            }
            answer(answers, result.map(|appended| collector.note(appended)));
            collector.begin_turn(ctx);
        }));
    }

    /// Refuses what has gathered behind a commit that hangs, and from now on all that comes, until it ends.
    fn give_up_waiting(&mut self) {
        self.is_stuck = true;
        let (_, refused) = self.batch.take(usize::MAX);
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

    fn note(&mut self, appended: Vec<(ModuleId, Appended)>) {
        for (id, rows) in appended {
            let module = rows.module;
            self.tail.add(rows);
            if self.tail.rows_of(module) >= self.unsealed_of_module_max {
                self.full.insert(id, module);
            }
        }
        self.metrics.readings_unsealed(self.tail.rows());
    }
}

fn answer(answers: Answers, result: Result<(), StoreError>) {
    let result = result.map_err(|error| {
        tracing::error!(%error, waiting = answers.len(), "readings were not stored");
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
    }
}

impl Handler<Commit> for Collector {
    type Result = Reply<(), CommitError>;

    fn handle(&mut self, commit: Commit, ctx: &mut Self::Context) -> Self::Result {
        if self.is_stuck {
            return Reply::now(Err(CommitError::Stuck));
        }
        if self.batch.waiting() >= self.options.max_waiting || self.tail.rows() >= UNSEALED_MAX {
            return Reply::now(Err(CommitError::Busy));
        }
        if !commit.readings.is_empty() && self.full.contains_key(&commit.module_id) {
            return Reply::now(Err(CommitError::ModuleBehind));
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

impl Handler<TailOf> for Collector {
    type Result = Vec<Range<RowId>>;

    fn handle(&mut self, TailOf(module): TailOf, _: &mut Self::Context) -> Self::Result {
        self.tail.of(module)
    }
}

impl Handler<Due> for Collector {
    type Result = Vec<(ModuleNumber, Vec<Range<RowId>>)>;

    fn handle(&mut self, _: Due, _: &mut Self::Context) -> Self::Result {
        self.tail.due(self.options.seal_after, Timestamp::now())
    }
}

impl Handler<Sealed> for Collector {
    type Result = ();

    fn handle(&mut self, Sealed { module, until }: Sealed, _: &mut Self::Context) {
        self.tail.forget(module, until, Timestamp::now());
        if self.tail.rows_of(module) < self.unsealed_of_module_max {
            self.full.retain(|_, full| *full != module);
        }
        self.metrics.readings_unsealed(self.tail.rows());
    }
}

impl Handler<Flush> for Collector {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Flush, ctx: &mut Self::Context) -> Self::Result {
        let (flushed, has_flushed) = oneshot::channel();
        self.flushes.push(flushed);
        self.begin_turn(ctx);
        // A collector that is gone has nothing left to store.
        Box::pin(async move { has_flushed.await.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests;
