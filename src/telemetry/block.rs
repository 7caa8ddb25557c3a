//! Windows of one series and level as one compressed BLOB; pure.
//!
//! ```text
//! version (1) · for each column: length (4) · numbers      places, counts, min, max, sum, first, last, and in version 2 means
//! ```
//! A block holds up to 360 windows, by their place in it. Columns are compressed by `pco`; lengths are little-endian.
//! Version 2 is for blocks with a sum beyond what numbers reach: they keep the mean of such a window too, else no number.

use std::collections::BTreeMap;

use pco::standalone::{simple_compress, simple_decompress};
use pco::{ChunkConfig, DeltaSpec};

use super::chunk::Unreadable;
use crate::domain::rollup::{Level, Window, start_of};

/// Windows of one block.
const WINDOWS: i64 = 360;
const VERSION: u8 = 1;
const VERSION_WITH_MEANS: u8 = 2;
/// Blocks are rewritten often: what saves little and takes long is left.
const LEVEL: usize = 4;

/// Windows by their beginning.
pub type Windows = BTreeMap<i64, Window>;

/// How long a block of a level is, in milliseconds.
#[must_use]
pub const fn length_of(level: Level) -> i64 {
    level.length() * WINDOWS
}

/// The beginning of the block that holds a moment.
#[must_use]
pub const fn start_of_block(moment: i64, level: Level) -> i64 {
    start_of(moment, length_of(level))
}

/// Packs the windows of the block that begins at `start`.
#[must_use]
pub fn pack(start: i64, level: Level, windows: &Windows) -> Vec<u8> {
    let has_means = windows.values().any(|window| window.beyond.is_some());
    let mut data = vec![if has_means { VERSION_WITH_MEANS } else { VERSION }];
    let places: Vec<u32> = windows.keys().map(|window| place_of(*window - start, level)).collect();
    let counts: Vec<u64> = windows.values().map(|window| window.count).collect();
    add(&mut data, &places);
    add(&mut data, &counts);
    for read in COLUMNS {
        let numbers: Vec<f64> = windows.values().map(read).collect();
        add(&mut data, &numbers);
    }
    if has_means {
        let means: Vec<f64> = windows.values().map(|window| window.beyond.unwrap_or(f64::NAN)).collect();
        add(&mut data, &means);
    }
    data
}

const COLUMNS: [fn(&Window) -> f64; 5] =
    [|window| window.min, |window| window.max, |window| window.sum, |window| window.first, |window| window.last];

fn place_of(since: i64, level: Level) -> u32 {
    u32::try_from(since / level.length()).unwrap_or(0)
}

fn add<T: pco::data_types::Number>(data: &mut Vec<u8>, column: &[T]) {
    let config = ChunkConfig::default().with_compression_level(LEVEL).with_delta_spec(DeltaSpec::TryConsecutive(1));
    // Only a configuration that cannot be is refused, and a test has packed with this one.
    let column = simple_compress(column, &config).unwrap_or_default();
    data.extend(u32::try_from(column.len()).unwrap_or(u32::MAX).to_le_bytes());
    data.extend(column);
}

/// Unpacks the windows of the block that begins at `start`.
///
/// # Errors
/// [`Unreadable`] for what [`pack`] has not packed.
pub fn unpack(start: i64, level: Level, data: &[u8]) -> Result<Windows, Unreadable> {
    let (has_means, rest) = match data {
        [VERSION, rest @ ..] => (false, rest),
        [VERSION_WITH_MEANS, rest @ ..] => (true, rest),
        _ => return Err(Unreadable),
    };
    let (places, rest) = take::<u32>(rest)?;
    let (counts, mut rest) = take::<u64>(rest)?;
    let mut columns = Vec::with_capacity(COLUMNS.len() + 1);
    for _ in 0..COLUMNS.len() + usize::from(has_means) {
        let (column, left) = take::<f64>(rest)?;
        if column.len() != places.len() {
            return Err(Unreadable);
        }
        columns.push(column);
        rest = left;
    }
    if counts.len() != places.len() {
        return Err(Unreadable);
    }
    let [min, max, sum, first, last, means @ ..] = &columns[..] else { return Err(Unreadable) };
    let window = |(at, place): (usize, &u32)| {
        let (min, max, sum, first, last) = (min[at], max[at], sum[at], first[at], last[at]);
        let beyond = means.first().map(|means| means[at]).filter(|mean| !mean.is_nan());
        (start + i64::from(*place) * level.length(), Window { count: counts[at], min, max, sum, first, last, beyond })
    };
    Ok(places.iter().enumerate().map(window).collect())
}

fn take<T: pco::data_types::Number>(data: &[u8]) -> Result<(Vec<T>, &[u8]), Unreadable> {
    let (length, rest) = data.split_first_chunk().ok_or(Unreadable)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Unreadable)?;
    let (column, rest) = rest.split_at_checked(length).ok_or(Unreadable)?;
    Ok((simple_decompress(column).map_err(|_| Unreadable)?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn windows_come_back(
            values in prop::collection::btree_map(0..WINDOWS, prop_oneof![prop::num::f64::NORMAL, Just(f64::MAX)], 0..50),
            level in prop::sample::select(&Level::ALL[..]),
            block in -3..3_i64,
            other in prop_oneof![Just(1.0), Just(f64::MAX)],
        ) {
            let start = block * length_of(level);
            let window = |(place, value): (i64, f64)| (start + place * level.length(), Window::of(value).and(Window::of(other)));
            let windows: Windows = values.into_iter().map(window).collect();
            for moment in windows.keys() {
                prop_assert_eq!(start_of_block(*moment, level), start);
            }
            prop_assert_eq!(unpack(start, level, &pack(start, level, &windows)), Ok(windows));
        }

        #[test]
        fn no_bytes_break_the_reader(data in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(0, Level::Days, &data);
            let _ = unpack(0, Level::Days, &[&[VERSION], &data[..]].concat());
            let _ = unpack(0, Level::Days, &[&[VERSION_WITH_MEANS], &data[..]].concat());
        }
    }

    #[test]
    fn blocks_of_every_level_hold_whole_windows_of_the_next() {
        for pair in Level::ALL.windows(2) {
            assert_eq!(length_of(pair[0]) % pair[1].length(), 0);
        }
    }
}
