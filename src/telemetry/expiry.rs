//! What is too old, and how it goes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::retention::{Spans, Tier};
use crate::domain::rollup::{Level, start_of};
use crate::domain::time::Timestamp;
use crate::store::expiry::{self, Cutoff, Part};
use crate::store::retention::{self, Kept};
use crate::store::series::{self, SeriesId};
use crate::store::{Connection, StoreError, chunks, rollups};
use crate::telemetry::block::length_of;

/// Chunks and blocks that go in one transaction.
const SLICE: i64 = 250;
/// Modules looked at in one question.
pub const MODULES_AT_ONCE: i64 = 100;

/// Chunks or blocks of a tier that go.
#[derive(Debug)]
pub struct Expired {
    tier: Tier,
    parts: Vec<Part>,
}

/// Before which moment what is kept for a span goes; none for what is kept for ever.
///
/// A little is kept longer: what is not sealed yet must find what it belongs to.
#[must_use]
pub fn cutoffs(spans: &Spans, now: Timestamp, slack: Duration) -> [Option<i64>; 5] {
    Tier::ALL.map(|tier| spans.of(tier).map(|span| now.minus(span).minus(slack).as_millis()))
}

/// Before which moments the chunks or blocks of a tier must end to go, as the store is asked for them: for blocks, whose
/// length it does not know, before which moments they must begin.
pub fn beginnings(tier: Tier, cutoffs: &[Cutoff]) -> Vec<Cutoff> {
    let length = tier.level().map_or(0, |level| length_of(level) - 1);
    cutoffs.iter().map(|(module, cutoff)| (*module, cutoff.saturating_sub(length))).collect()
}

impl Expired {
    /// What of a tier of some modules lies before the moment of each, but no more than goes at once.
    ///
    /// # Errors
    /// [`StoreError`] of the database only.
    pub fn find(conn: &mut Connection, tier: Tier, cutoffs: &[Cutoff]) -> Result<Self, StoreError> {
        let parts = expiry::before(conn, tier, &beginnings(tier, cutoffs), SLICE)?;
        Ok(Self { tier, parts })
    }

    /// Whether there is nothing.
    pub const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Removes it, in the caller's transaction.
    ///
    /// # Errors
    /// [`StoreError`] of the database only.
    pub fn remove(&self, conn: &mut Connection) -> Result<(), StoreError> {
        let mut gone: BTreeMap<SeriesId, Kept> = BTreeMap::new();
        for part in &self.parts {
            let gone = gone.entry(part.series).or_default();
            gone.bytes[self.tier as usize] -= part.bytes;
            gone.samples -= if self.tier == Tier::Raw { part.count } else { 0 };
        }
        match self.tier.level() {
            None => {
                chunks::remove(conn, &self.parts.iter().map(|part| (part.series, part.first)).collect::<Vec<_>>())?;
                series::raise_raw_from(conn, &self.whole_from())?;
            }
            Some(level) => {
                let places = self.parts.iter().map(|part| (part.series, level, part.first));
                rollups::remove(conn, &places.collect::<Vec<_>>())?;
            }
        }
        retention::count(conn, &gone.into_iter().collect::<Vec<_>>())
    }

    /// From when on every minute has all its samples: not the one in which the last chunk of a series ends that goes.
    fn whole_from(&self) -> Vec<(SeriesId, i64)> {
        let minute = Level::Minutes.length();
        let mut whole: BTreeMap<SeriesId, i64> = BTreeMap::new();
        for part in &self.parts {
            let from = whole.entry(part.series).or_insert(i64::MIN);
            *from = (*from).max(start_of(part.last, minute).saturating_add(minute));
        }
        whole.into_iter().collect()
    }
}
