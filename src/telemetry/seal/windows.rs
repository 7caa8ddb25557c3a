//! How new samples of a series come into its windows: a level is made again from the one below, and only where it was
//! touched.

use std::collections::{BTreeMap, BTreeSet};

use super::segments::Segments;
use crate::domain::rollup::{Level, Window, gather, number_of, start_of};
use crate::store::rollups::{self, Block};
use crate::store::series::SeriesId;
use crate::store::{Connection, StoreError};
use crate::telemetry::block::{Windows, pack, start_of_block, unpack};

/// The windows of the blocks that are touched.
#[derive(Debug, Default)]
pub struct Touched {
    blocks: BTreeMap<(Level, i64), Windows>,
    /// Bytes that the blocks took, in the order of the tiers.
    bytes: [i64; 5],
}

/// Makes the windows again that hold some moments; answers the blocks that are to be stored, and by how many
/// bytes each tier grows.
///
/// Windows that begin before `frozen_until` stay as they are: not all of their samples may be there any more.
///
/// # Errors
/// [`StoreError`] of the database, or for a block that cannot be read.
pub fn make_again(
    conn: &mut Connection,
    series: Option<SeriesId>,
    segments: &Segments,
    moments: impl IntoIterator<Item = i64>,
    frozen_until: i64,
) -> Result<(Vec<Block>, [i64; 5]), StoreError> {
    let mut touched = Touched::default();
    let minute = Level::Minutes.length();
    let mut windows: BTreeSet<i64> = moments.into_iter().map(|moment| start_of(moment, minute)).collect();
    windows.retain(|start| *start >= frozen_until);
    for start in &windows {
        let points = segments.between(*start, start + minute - 1);
        let values = points.filter_map(|point| Some((point.ts, Window::of(number_of(&point.value)?))));
        let window = gather(values, minute).pop();
        touched.set(conn, series, Level::Minutes, *start, window.map(|(_, window)| window))?;
    }
    for level in Level::ALL {
        let Some(below) = level.below() else { continue };
        windows = windows.into_iter().map(|start| start_of(start, level.length())).collect();
        for start in &windows {
            let parts = touched.between(conn, series, below, *start, start + level.length() - 1)?;
            let window = gather(parts, level.length()).pop();
            touched.set(conn, series, level, *start, window.map(|(_, window)| window))?;
        }
    }
    let mut growth = touched.bytes.map(|bytes| -bytes);
    let blocks: Vec<_> =
        touched.blocks.into_iter().map(|((level, start), windows)| stored(level, start, &windows)).collect();
    for block in &blocks {
        growth[tier_of(block.level)] += i64::try_from(block.data.len()).unwrap_or(i64::MAX);
    }
    Ok((blocks, growth))
}

impl Touched {
    fn set(
        &mut self,
        conn: &mut Connection,
        series: Option<SeriesId>,
        level: Level,
        start: i64,
        window: Option<Window>,
    ) -> Result<(), StoreError> {
        let block = self.block(conn, series, level, start)?;
        match window {
            Some(window) => block.insert(start, window),
            None => block.remove(&start),
        };
        Ok(())
    }

    /// The windows of a level in a span that lies in one block.
    fn between(
        &mut self,
        conn: &mut Connection,
        series: Option<SeriesId>,
        level: Level,
        from: i64,
        to: i64,
    ) -> Result<Vec<(i64, Window)>, StoreError> {
        let block = self.block(conn, series, level, from)?;
        Ok(block.range(from..=to).map(|(start, window)| (*start, *window)).collect())
    }

    fn block(
        &mut self,
        conn: &mut Connection,
        series: Option<SeriesId>,
        level: Level,
        moment: i64,
    ) -> Result<&mut Windows, StoreError> {
        use std::collections::btree_map::Entry;
        let start = start_of_block(moment, level);
        match self.blocks.entry((level, start)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let stored = match series {
                    Some(series) => rollups::between(conn, series, level, (start, start), 1)?.pop(),
                    None => None,
                };
                if let Some(block) = &stored {
                    self.bytes[tier_of(block.level)] += i64::try_from(block.data.len()).unwrap_or(i64::MAX);
                }
                let windows = stored.map(|block| unpack(start, level, &block.data)).transpose();
                Ok(place
                    .insert(windows.map_err(|error| StoreError::Unavailable(error.to_string()))?.unwrap_or_default()))
            }
        }
    }
}

/// The place of a level among the tiers, behind that of samples.
fn tier_of(level: i64) -> usize {
    usize::try_from(level + 1).unwrap_or(0).min(4)
}

fn stored(level: Level, start: i64, windows: &Windows) -> Block {
    let count = i64::try_from(windows.len()).unwrap_or(i64::MAX);
    // The series is named when it is stored: it may not be there yet.
    Block { series: 0, level: level.number(), start, windows: count, data: pack(start, level, windows) }
}
