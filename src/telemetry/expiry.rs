//! What is too old, and how it goes.

use std::time::Duration;

use crate::domain::retention::{Spans, Tier};
use crate::domain::rollup::{Level, start_of};
use crate::domain::time::Timestamp;
use crate::store::chunks;
use crate::store::readings::ModuleNumber;
use crate::store::retention::{self, Kept};
use crate::store::rollups;
use crate::store::series::{self, SeriesId};
use crate::store::{Connection, StoreError};
use crate::telemetry::block::length_of;

/// Chunks and blocks that go in one transaction.
pub const SLICE: i64 = 250;

/// Chunks and blocks of one series that go.
#[derive(Debug)]
pub struct Expired {
    series: SeriesId,
    chunks: Vec<chunks::Outline>,
    blocks: Vec<(Tier, rollups::Outline)>,
}

/// Before which moment what is kept for a span goes; none for what is kept for ever.
///
/// A little is kept longer: what is not sealed yet must find what it belongs to.
#[must_use]
pub fn cutoffs(spans: &Spans, now: Timestamp, slack: Duration) -> [Option<i64>; 5] {
    Tier::ALL.map(|tier| spans.of(tier).map(|span| now.minus(span).minus(slack).as_millis()))
}

/// What of a module goes that lies before some moments, at most [`SLICE`] chunks and blocks.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn find(
    conn: &mut Connection,
    module: ModuleNumber,
    cutoffs: &[Option<i64>; 5],
) -> Result<Vec<Expired>, StoreError> {
    let (mut found, mut left) = (Vec::new(), SLICE);
    for one in series::of_module(conn, module)? {
        let mut expired = Expired { series: one.id, chunks: vec![], blocks: vec![] };
        for (tier, cutoff) in Tier::ALL.into_iter().zip(cutoffs) {
            let Some(cutoff) = cutoff.filter(|_| left > 0) else { continue };
            match tier.level() {
                None => expired.chunks = chunks::outlines(conn, one.id, cutoff, left)?,
                Some(level) => {
                    let before = cutoff.saturating_sub(length_of(level));
                    let blocks = rollups::outlines(conn, one.id, level, before, left)?;
                    left -= blocks.len() as i64;
                    expired.blocks.extend(blocks.into_iter().map(|block| (tier, block)));
                }
            }
        }
        left -= expired.chunks.len() as i64;
        if !expired.chunks.is_empty() || !expired.blocks.is_empty() {
            found.push(expired);
        }
        if left <= 0 {
            break;
        }
    }
    Ok(found)
}

impl Expired {
    /// Removes all of it, in the caller's transaction.
    ///
    /// # Errors
    /// [`StoreError`] of the database only.
    pub fn remove(all: &[Self], conn: &mut Connection) -> Result<(), StoreError> {
        let chunks = |one: &Self| one.chunks.iter().map(|chunk| (one.series, chunk.first_ts)).collect::<Vec<_>>();
        let blocks = |one: &Self| {
            let place = |(tier, block): &(Tier, rollups::Outline)| Some((one.series, tier.level()?, block.start));
            one.blocks.iter().filter_map(place).collect::<Vec<_>>()
        };
        chunks::remove(conn, &all.iter().flat_map(chunks).collect::<Vec<_>>())?;
        rollups::remove(conn, &all.iter().flat_map(blocks).collect::<Vec<_>>())?;
        series::raise_raw_from(conn, &all.iter().filter_map(Self::whole_from).collect::<Vec<_>>())?;
        retention::count(conn, &all.iter().map(|one| (one.series, one.change())).collect::<Vec<_>>())
    }

    /// From when on every minute has all its samples: not the one in which the last chunk ends that goes.
    fn whole_from(&self) -> Option<(SeriesId, i64)> {
        let last = self.chunks.iter().map(|chunk| chunk.last_ts).max()?;
        let minute = Level::Minutes.length();
        Some((self.series, start_of(last, minute).saturating_add(minute)))
    }

    fn change(&self) -> Kept {
        let mut gone = Kept::default();
        for chunk in &self.chunks {
            gone.samples -= chunk.samples;
            gone.bytes[Tier::Raw as usize] -= chunk.bytes;
        }
        for (tier, block) in &self.blocks {
            gone.bytes[*tier as usize] -= block.bytes;
        }
        gone
    }
}
