//! How new samples of a series come into its windows: a level is made again from the one below, and only where it was
//! touched; pure.

use std::collections::{BTreeMap, BTreeSet};

use super::segments::Segments;
use crate::domain::rollup::{Level, Window, gather, number_of, start_of};
use crate::store::StoreError;
use crate::store::rollups::Block;
use crate::telemetry::block::{Windows, pack, start_of_block, unpack};

/// The windows of the blocks that are touched, as they are stored.
#[derive(Debug, Default)]
pub struct Stored {
    blocks: BTreeMap<(Level, i64), Windows>,
    /// Bytes that the blocks took, in the order of the tiers.
    bytes: [i64; 5],
}

impl Stored {
    /// Unpacks blocks.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] for a block that cannot be read.
    pub fn of(blocks: &[Block]) -> Result<Self, StoreError> {
        let mut stored = Self::default();
        for block in blocks {
            let Some(level) = Level::ALL.into_iter().find(|level| level.number() == block.level) else { continue };
            let windows = unpack(block.start, level, &block.data);
            let windows = windows.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            stored.bytes[tier_of(block.level)] += i64::try_from(block.data.len()).unwrap_or(i64::MAX);
            stored.blocks.insert((level, block.start), windows);
        }
        Ok(stored)
    }

    fn block(&mut self, level: Level, moment: i64) -> &mut Windows {
        self.blocks.entry((level, start_of_block(moment, level))).or_default()
    }
}

/// The blocks that [`make_again`] works with.
pub fn places(moments: impl IntoIterator<Item = i64>, frozen_until: i64) -> BTreeSet<(Level, i64)> {
    let minutes = touched(moments, frozen_until);
    let of = |level| minutes.iter().map(move |minute| (level, start_of_block(*minute, level)));
    Level::ALL.into_iter().flat_map(of).collect()
}

/// Makes the windows again that hold some moments; answers the blocks that are to be stored, and by how many
/// bytes each tier grows.
///
/// Windows that begin before `frozen_until` stay as they are: not all of their samples may be there any more.
pub fn make_again(
    mut stored: Stored,
    segments: &Segments,
    moments: impl IntoIterator<Item = i64>,
    frozen_until: i64,
) -> (Vec<Block>, [i64; 5]) {
    let minute = Level::Minutes.length();
    let mut windows = touched(moments, frozen_until);
    for start in &windows {
        let points = segments.between(*start, start + minute - 1);
        let values = points.filter_map(|point| Some((point.ts, Window::of(number_of(&point.value)?))));
        set(stored.block(Level::Minutes, *start), *start, gather(values, minute).pop());
    }
    for level in Level::ALL {
        let Some(below) = level.below() else { continue };
        windows = windows.into_iter().map(|start| start_of(start, level.length())).collect();
        for start in &windows {
            let parts = stored.block(below, *start).range(*start..*start + level.length());
            let window = gather(parts.map(|(start, window)| (*start, *window)), level.length()).pop();
            set(stored.block(level, *start), *start, window);
        }
    }
    let mut growth = stored.bytes.map(|bytes| -bytes);
    let blocks: Vec<_> =
        stored.blocks.into_iter().map(|((level, start), windows)| packed(level, start, &windows)).collect();
    for block in &blocks {
        growth[tier_of(block.level)] += i64::try_from(block.data.len()).unwrap_or(i64::MAX);
    }
    (blocks, growth)
}

/// The minutes that are made again.
fn touched(moments: impl IntoIterator<Item = i64>, frozen_until: i64) -> BTreeSet<i64> {
    let minutes = moments.into_iter().map(|moment| start_of(moment, Level::Minutes.length()));
    minutes.filter(|start| *start >= frozen_until).collect()
}

fn set(block: &mut Windows, start: i64, window: Option<(i64, Window)>) {
    match window {
        Some((_, window)) => block.insert(start, window),
        None => block.remove(&start),
    };
}

/// The place of a level among the tiers, behind that of samples.
fn tier_of(level: i64) -> usize {
    usize::try_from(level + 1).unwrap_or(0).min(4)
}

fn packed(level: Level, start: i64, windows: &Windows) -> Block {
    let count = i64::try_from(windows.len()).unwrap_or(i64::MAX);
    // The series is named when it is stored: it may not be there yet.
    Block { series: 0, level: level.number(), start, windows: count, data: pack(start, level, windows) }
}
