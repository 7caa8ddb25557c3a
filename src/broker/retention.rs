//! Keeps the journal from growing for ever: forgets its oldest events, in small slices beside other work.

use std::time::{Duration, Instant};

use super::archive::Archive;
use crate::config::Journal as Limits;
use crate::domain::cursor::Offset;
use crate::domain::time::Timestamp;
use crate::observe::Metrics;
use crate::store::{Store, StoreError, events};

/// How often is looked.
const INTERVAL: Duration = Duration::from_secs(5);
/// How many events one transaction removes, or one call counts.
const SLICE: usize = 500;
const COUNTED_AT_ONCE: usize = 10_000;

/// Removes what is too old or too much.
///
/// Invariant: `kept` is the number of events up to `counted`; only this task removes any.
pub struct Retention {
    store: Store,
    archive: Archive,
    limits: Limits,
    metrics: Metrics,
    kept: usize,
    counted: Offset,
}

impl Retention {
    /// A retention that has counted nothing yet.
    #[must_use]
    pub const fn new(store: Store, archive: Archive, limits: Limits, metrics: Metrics) -> Self {
        Self { store, archive, limits, metrics, kept: 0, counted: 0 }
    }

    /// Looks again and again.
    pub async fn run(mut self) {
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "old events could not be removed; trying again in a moment");
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Removes all that is too old or too much now.
    async fn round(&mut self) -> Result<(), StoreError> {
        self.count().await?;
        loop {
            let started = Instant::now();
            let excess = self.kept.saturating_sub(self.limits.max_events).min(SLICE);
            let max_age = i64::try_from(self.limits.max_age.as_millis()).unwrap_or(i64::MAX);
            let before = Timestamp::from_millis(Timestamp::now().as_millis().saturating_sub(max_age));
            let Some(pruned) = self.store.write(move |conn| events::prune(conn, excess, before, SLICE)).await? else {
                return Ok(());
            };
            self.kept = self.kept.saturating_sub(pruned.events);
            self.metrics.events_kept(self.kept as u64);
            self.archive.raise_floor(pruned.floor);
            self.metrics.events_pruned(pruned.events as u64);
            // As long as the slice took the database is left to others.
            tokio::time::sleep(started.elapsed()).await;
        }
    }

    /// Counts what has come since the last time; after a start all there is.
    async fn count(&mut self) -> Result<(), StoreError> {
        loop {
            let counted = self.counted;
            let places = self.store.read(move |conn| events::places_after(conn, counted, COUNTED_AT_ONCE)).await?;
            self.kept += places.len();
            self.counted = places.last().copied().unwrap_or(self.counted);
            if places.len() < COUNTED_AT_ONCE {
                self.metrics.events_kept(self.kept as u64);
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::ArchiveError;
    use crate::domain::event::{Delivery, NewEvent, json};
    use crate::store::order;
    use crate::store::testing::Scratch;

    struct Bench {
        _scratch: Scratch,
        store: Store,
        archive: Archive,
    }

    impl Bench {
        /// A journal of events that are as many days old as they are places from the end.
        async fn with(events: u64) -> Self {
            let scratch = Scratch::new();
            let store = scratch.store();
            let order = store.write(order::open).await.unwrap();
            let bench = Self { _scratch: scratch, archive: Archive::new(store.clone(), order.epoch, 0), store };
            bench.add(1..=events).await;
            bench
        }

        async fn add(&self, places: std::ops::RangeInclusive<u64>) {
            let epoch = self.archive.epoch();
            let (now, end) = (Timestamp::now().as_millis(), *places.end());
            let event = |place: u64| {
                let at = Timestamp::from_millis(now - ((end - place) as i64) * 86_400_000);
                let (name, delivery, audience) = ("rt_test".parse().unwrap(), Delivery::Each, vec![]);
                NewEvent { name, delivery, audience, data: json(&0), at }.stamped(epoch, place)
            };
            let new: Vec<_> = places.map(event).collect();
            self.store.write(move |conn| events::append(conn, &new)).await.unwrap();
        }

        fn retention(&self, max_events: usize, days: u64) -> Retention {
            let limits = Limits { max_events, max_age: Duration::from_secs(days * 86_400 + 3600) };
            Retention::new(self.store.clone(), self.archive.clone(), limits, Metrics::default())
        }

        async fn first(&self) -> (Offset, Offset) {
            let floor = self.archive.floor();
            (floor, self.archive.after(floor, 1).await.unwrap()[0].offset())
        }
    }

    #[actix::test]
    async fn events_are_kept_by_count_and_by_age() {
        let bench = Bench::with(1700).await;
        let mut by_count = bench.retention(1600, 10_000);
        by_count.round().await.unwrap();
        assert_eq!(bench.first().await, (100, 101));
        bench.add(1701..=1710).await;
        by_count.round().await.unwrap();
        assert_eq!(bench.first().await, (110, 111));

        bench.retention(10_000, 60).round().await.unwrap();

        assert_eq!(bench.first().await, (1639, 1640));
        assert_eq!(bench.store.read(order::pruned).await.unwrap(), 1639);
    }

    #[actix::test]
    async fn what_was_pruned_is_told() {
        let bench = Bench::with(100).await;
        let before = Archive::new(bench.store.clone(), bench.archive.epoch(), 0);
        bench.retention(16, 10_000).round().await.unwrap();

        assert!(matches!(bench.archive.after(83, 10).await, Err(ArchiveError::Pruned)));
        assert_eq!(bench.archive.after(84, 10).await.unwrap().len(), 10);
        // Also to who has not heard of it yet.
        assert!(matches!(before.after(83, 10).await, Err(ArchiveError::Pruned)));
        assert!(bench.archive.after(100, 10).await.unwrap().is_empty());
    }
}
