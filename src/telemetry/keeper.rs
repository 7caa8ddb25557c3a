//! Keeps the history in order beside other work: seals what has waited long enough, and removes what is too old, too
//! much, or of modules that are gone.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Addr, MailboxError};

use super::archivist::SharedPolicy;
use super::collector::{Collector, Due, Sealed, TailOf};
use super::expiry::{Expired, MODULES_AT_ONCE, cutoffs};
use super::quiet::QuietHours;
use super::seal::prepare;
use super::tail::MANY;
use crate::domain::retention::{KEEP_MIN, Tier};
use crate::domain::time::Timestamp;
use crate::observe::Metrics;
use crate::store::expiry::{self, Cutoff};
use crate::store::readings::{self, ModuleNumber, RowId};
use crate::store::retention::{self, KnownModule};
use crate::store::{Connection, Store, StoreError, series};

/// How often is looked for what is to be sealed.
const INTERVAL: Duration = Duration::from_secs(1);
/// After so long of sealing other work has its turn, however much is left.
const SEAL_MAX: Duration = Duration::from_secs(30);
/// How long the collector may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Rows of the tail that go in one transaction.
const ROWS_AT_ONCE: i64 = 2000;
/// How much longer than a reading may wait to be sealed everything is kept.
const LATE: Duration = Duration::from_secs(3600);
/// When there is too much, as much time goes at once, in milliseconds.
const TOO_MUCH_STEP: i64 = 86_400_000;

/// Seals and removes readings module by module, in small slices.
///
/// Invariant: chunks and windows are changed here only, one slice after the other.
pub struct Keeper {
    store: Store,
    collector: Addr<Collector>,
    policy: SharedPolicy,
    options: KeeperOptions,
    metrics: Metrics,
    tidied: Option<Instant>,
    clock: fn() -> Timestamp,
}

/// How much is kept, and what may come late.
#[derive(Debug, Clone, Copy)]
pub struct KeeperOptions {
    /// Bytes of the whole history beyond which the oldest samples go; none for no such bound.
    pub max_bytes: Option<i64>,
    /// How long readings wait at most until they are sealed.
    pub seal_after: Duration,
    /// How often is looked for what is to go.
    pub tidy_interval: Duration,
    /// When what is too old goes.
    pub quiet: QuietHours,
}

/// How far sealing came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sealing {
    /// Nothing is due.
    Done,
    /// There was no time for all of it.
    Behind,
}

/// Why a round was broken off.
#[derive(Debug, thiserror::Error)]
enum KeeperError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the collector does not answer: {0}")]
    Collector(#[from] MailboxError),
}

impl Keeper {
    /// A keeper of what a store holds and a collector adds.
    #[must_use]
    pub const fn new(
        store: Store,
        collector: Addr<Collector>,
        policy: SharedPolicy,
        options: KeeperOptions,
        metrics: Metrics,
    ) -> Self {
        Self { store, collector, policy, options, metrics, tidied: None, clock: Timestamp::now }
    }

    /// Looks again and again.
    pub async fn run(mut self) {
        loop {
            match self.round().await {
                Ok(Sealing::Behind) => continue,
                Ok(Sealing::Done) => {}
                Err(KeeperError::Collector(MailboxError::Closed)) => return,
                Err(error) => tracing::warn!(%error, "the history is not in order; trying again in a moment"),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    async fn round(&mut self) -> Result<Sealing, KeeperError> {
        let sealing = self.seal().await?;
        if self.tidied.is_some_and(|tidied| tidied.elapsed() < self.options.tidy_interval) {
            return Ok(sealing);
        }
        let is_first = self.tidied.is_none();
        if self.remove_gone().await? || is_first {
            self.remove_orphans().await?;
        }
        self.tidied = Some(Instant::now());
        let (now, slack) = ((self.clock)(), self.options.seal_after * 3 + LATE);
        let is_old = |module: &KnownModule| cutoffs(&self.policy.load().of(&module.kind, &module.id), now, slack);
        self.remove_old(is_old, || self.is_quiet()).await?;
        self.remove_too_much().await?;
        Ok(sealing)
    }

    /// Whether what is too old goes now, or waits for the quiet hours.
    fn is_quiet(&self) -> bool {
        self.options.quiet.hold((self.clock)())
    }

    /// Seals what is due, and what has become many meanwhile.
    async fn seal(&self) -> Result<Sealing, KeeperError> {
        let (started, mut failed) = (Instant::now(), HashSet::new());
        loop {
            let mut is_more = false;
            for (module, rows) in self.collector.send(Due).timeout(ANSWER_TIMEOUT).await? {
                if failed.contains(&module) {
                    continue;
                }
                is_more |= count(&rows) >= MANY;
                match self.seal_all(module, rows).await {
                    Ok(()) => {}
                    Err(KeeperError::Store(error))
                        if !matches!(error, StoreError::Full | StoreError::ReadOnly | StoreError::Busy) =>
                    {
                        // The readings of others can be sealed all the same.
                        tracing::warn!(%error, module.number = module, "readings of a module could not be sealed");
                        failed.insert(module);
                    }
                    Err(error) => return Err(error),
                }
                tokio::task::yield_now().await;
            }
            if !is_more {
                return Ok(Sealing::Done);
            }
            if started.elapsed() > SEAL_MAX {
                return Ok(Sealing::Behind);
            }
        }
    }

    /// Seals rows of a module, a part after the other.
    async fn seal_all(&self, module: ModuleNumber, mut rows: Vec<Range<RowId>>) -> Result<(), KeeperError> {
        while !rows.is_empty() {
            let until = self.seal_rows(module, rows.clone()).await?;
            self.collector.send(Sealed { module, until }).timeout(ANSWER_TIMEOUT).await?;
            rows.retain_mut(|run| {
                run.start = run.start.max(until);
                run.start < run.end
            });
        }
        Ok(())
    }

    /// Seals some rows of a module; answers the first that is left.
    async fn seal_rows(&self, module: ModuleNumber, rows: Vec<Range<RowId>>) -> Result<RowId, StoreError> {
        let sealing = self.store.snapshot(move |conn| prepare(conn, module, &rows)).await?;
        let (until, readings) = (sealing.until, sealing.readings);
        self.store.write(move |conn| sealing.store(conn)).await?;
        self.metrics.readings_sealed(readings as u64);
        Ok(until)
    }

    /// Removes of every module what lies before the moments that are given for it, as long as it may; answers whether there
    /// was anything.
    async fn remove_old(
        &self,
        cutoffs: impl Fn(&KnownModule) -> [Option<i64>; 5],
        may: impl Fn() -> bool,
    ) -> Result<bool, KeeperError> {
        let mut after = ModuleNumber::MIN;
        let mut was_there = false;
        while may() {
            let modules = self.store.read(move |conn| retention::modules_after(conn, after, MODULES_AT_ONCE)).await?;
            let Some(last) = modules.last() else { return Ok(was_there) };
            after = last.number;
            let cutoffs: Vec<_> = modules.iter().map(|module| (module.number, cutoffs(module))).collect();
            for (place, tier) in Tier::ALL.into_iter().enumerate() {
                let of_tier = |(module, cutoffs): &(ModuleNumber, [Option<i64>; 5])| Some((*module, cutoffs[place]?));
                let cutoffs: Arc<[Cutoff]> = cutoffs.iter().filter_map(of_tier).collect();
                while !cutoffs.is_empty() && may() && self.remove_slice(tier, &cutoffs).await? {
                    was_there = true;
                }
            }
        }
        Ok(was_there)
    }

    /// Removes one slice; answers whether there was anything. As long as it took the database is left to others.
    async fn remove_slice(&self, tier: Tier, cutoffs: &Arc<[Cutoff]>) -> Result<bool, KeeperError> {
        let cutoffs = Arc::clone(cutoffs);
        let expired = self.store.read(move |conn| Expired::find(conn, tier, &cutoffs)).await?;
        if expired.is_empty() {
            return Ok(false);
        }
        let started = Instant::now();
        self.store.write(move |conn| expired.remove(conn)).await?;
        tokio::time::sleep(started.elapsed()).await;
        // However much there is to remove, sealing does not wait for it.
        self.seal().await?;
        Ok(true)
    }

    /// As long as there is too much, the oldest day of samples goes; when there are no more, that of the finest windows.
    async fn remove_too_much(&self) -> Result<(), KeeperError> {
        let Some(max_bytes) = self.options.max_bytes else { return Ok(()) };
        for tier in Tier::ALL {
            let mut step = TOO_MUCH_STEP;
            loop {
                let (bytes, oldest) = self.store.read(move |conn| bytes_and_oldest(conn, tier)).await?;
                if bytes <= max_bytes {
                    return Ok(());
                }
                let newest = newest_that_goes(tier);
                let Some(oldest) = oldest.filter(|oldest| *oldest < newest) else { break };
                let until = oldest.saturating_add(step);
                tracing::info!(bytes, ?tier, "the history is larger than `history.max_bytes`; its oldest part goes");
                let was_there = self.remove_old(|_| only(tier, until.min(newest)), || true).await?;
                if until >= newest {
                    break;
                }
                // A chunk may span more than one step.
                step = if was_there { TOO_MUCH_STEP } else { step.saturating_mul(2) };
            }
        }
        Ok(())
    }

    /// Removes the history of modules that are gone; answers whether there was any.
    async fn remove_gone(&self) -> Result<bool, KeeperError> {
        let gone = self.store.read(retention::gone).await?;
        let was_there = !gone.is_empty();
        for module in gone {
            for run in self.collector.send(TailOf(module)).timeout(ANSWER_TIMEOUT).await? {
                let mut start = run.start;
                while start < run.end {
                    let end = run.end.min(start + ROWS_AT_ONCE);
                    let rows = start..end;
                    self.store.write(move |conn| readings::remove(conn, std::slice::from_ref(&rows))).await?;
                    start = end;
                }
                self.collector.send(Sealed { module, until: run.end }).timeout(ANSWER_TIMEOUT).await?;
            }
            let all: Arc<[Cutoff]> = [(module, i64::MAX)].into();
            for tier in Tier::ALL {
                while self.remove_slice(tier, &all).await? {}
            }
            self.store.write(move |conn| forget(conn, module)).await?;
        }
        Ok(was_there)
    }

    /// Removes rows of forgotten modules that the collector does not know: nobody knew whether they were written.
    ///
    /// Those that the collector does know, of a commit that came late, get no history when they are sealed.
    async fn remove_orphans(&self) -> Result<(), KeeperError> {
        loop {
            let rows = self.store.read(|conn| readings::orphans(conn, ROWS_AT_ONCE)).await?;
            if rows.is_empty() {
                return Ok(());
            }
            tracing::info!(rows = rows.len(), "readings of modules that are gone were left in the tail; they go");
            let rows: Vec<_> = rows.into_iter().map(|row| row..row + 1).collect();
            self.store.write(move |conn| readings::remove(conn, &rows)).await?;
        }
    }
}

fn count(rows: &[Range<RowId>]) -> usize {
    rows.iter().map(|run| usize::try_from(run.end - run.start).unwrap_or(0)).sum()
}

fn forget(conn: &mut Connection, module: ModuleNumber) -> Result<(), StoreError> {
    series::remove_of(conn, module)?;
    retention::forget(conn, module)
}

/// Before which moment what is too much goes. Windows that others may still be made of stay.
fn newest_that_goes(tier: Tier) -> i64 {
    let spared = if tier == Tier::Raw { Duration::ZERO } else { KEEP_MIN };
    Timestamp::now().minus(spared).as_millis()
}

/// A moment for one tier only.
fn only(tier: Tier, until: i64) -> [Option<i64>; 5] {
    Tier::ALL.map(|one| Some(until).filter(|_| one == tier))
}

/// How many bytes are kept in all, and when the oldest of a tier begins.
fn bytes_and_oldest(conn: &mut Connection, tier: Tier) -> Result<(i64, Option<i64>), StoreError> {
    let bytes = retention::kept(conn)?.iter().map(|(_, kept)| kept.total()).sum();
    let oldest = expiry::first_of_modules(conn, tier)?.into_values().min();
    Ok((bytes, oldest))
}

#[cfg(test)]
mod tests;
