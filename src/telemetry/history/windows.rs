//! Windows of samples: out of stored roll-ups where there are any, out of samples where something is not sealed yet.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::budget::Budget;
use super::source::{self, Source};
use super::{HistoryError, KeyWindow, Order, Position, Whereabouts, WindowPage, WindowQuery};
use crate::domain::rollup::{Level, Window, gather, number_of, start_of};
use crate::domain::time::Timestamp;
use crate::store::{Connection, rollups};
use crate::telemetry::block::{length_of, start_of_block, unpack};

/// Blocks read at once.
const BLOCKS_AT_ONCE: i64 = 16;

/// A window and its beginning.
type Part = (i64, Window);

/// Reads one page; its windows are whole: the first one holds its beginning, the last one its end.
///
/// # Errors
/// [`HistoryError`] of the database, or when it would take too long.
pub fn page(conn: &mut Connection, place: &Whereabouts, query: &WindowQuery) -> Result<WindowPage, HistoryError> {
    let mut budget = Budget::default();
    let asked = range_of(query);
    let sources = source::sources(conn, place, &query.keys, &asked)?;
    let windows = i64::try_from(query.limit / sources.len().max(1)).unwrap_or(i64::MAX).max(1);
    let end = asked.start().saturating_add(windows.saturating_mul(query.interval)).saturating_sub(1);
    let range = *asked.start()..=end.min(*asked.end());
    let mut items = Vec::new();
    for (key, source) in sources {
        let key: Arc<str> = key.into();
        let parts = match Level::within(query.interval) {
            Some(level) => of_level(conn, &source, level, range.clone(), &mut budget)?,
            None => of_samples(conn, &source, range.clone(), &mut budget)?,
        };
        let windows = gather(parts, query.interval).into_iter();
        let ts = Timestamp::from_millis;
        items.extend(windows.map(|(start, window)| KeyWindow { ts: ts(start), key: Arc::clone(&key), window }));
    }
    items.sort_by(|a: &KeyWindow, b| (a.ts, &a.key).cmp(&(b.ts, &b.key)));
    let next = (end < *asked.end()).then(|| Position { ts: end.saturating_add(1), key: String::new() });
    Ok(WindowPage { items, next })
}

/// From the beginning of the first window to the end of the last, both included.
fn range_of(query: &WindowQuery) -> RangeInclusive<i64> {
    let from = query.after.as_ref().map_or(query.from.as_millis(), |after| after.ts.max(query.from.as_millis()));
    let last = query.to.as_millis().saturating_sub(1);
    if last < from {
        return from..=last;
    }
    start_of(from, query.interval)..=start_of(last, query.interval).saturating_add(query.interval - 1)
}

/// The windows of a level; those with samples that are not sealed yet are made again of what lies below.
fn of_level(
    conn: &mut Connection,
    source: &Source,
    level: Level,
    range: RangeInclusive<i64>,
    budget: &mut Budget,
) -> Result<Vec<Part>, HistoryError> {
    let touched = touched(source, level, &range);
    let mut parts: Vec<Part> = stored(conn, source, level, &range, budget)?;
    if touched.is_empty() {
        return Ok(parts);
    }
    parts.retain(|(start, _)| !touched.contains(start));
    for span in spans(&touched, level.length()) {
        let below = match level.below() {
            Some(below) => of_level(conn, source, below, span, budget)?,
            None => of_samples(conn, source, span, budget)?,
        };
        parts.extend(gather(below, level.length()));
    }
    parts.sort_unstable_by_key(|(start, _)| *start);
    Ok(parts)
}

/// The beginnings of windows with samples that are not sealed yet, but for those whose samples may be gone.
fn touched(source: &Source, level: Level, range: &RangeInclusive<i64>) -> BTreeSet<i64> {
    if range.is_empty() {
        return BTreeSet::new();
    }
    let minutes = source.tail.range(range.clone()).map(|(ts, _)| start_of(*ts, Level::Minutes.length()));
    let whole = minutes.filter(|minute| *minute >= source.raw_from);
    whole.map(|minute| start_of(minute, level.length())).collect()
}

/// Windows next to each other, as spans.
fn spans(starts: &BTreeSet<i64>, length: i64) -> Vec<RangeInclusive<i64>> {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for start in starts {
        match spans.last_mut() {
            Some((_, end)) if *end + 1 == *start => *end = start + length - 1,
            _ => spans.push((*start, start + length - 1)),
        }
    }
    spans.into_iter().map(|(from, to)| from..=to).collect()
}

fn stored(
    conn: &mut Connection,
    source: &Source,
    level: Level,
    range: &RangeInclusive<i64>,
    budget: &mut Budget,
) -> Result<Vec<Part>, HistoryError> {
    let mut parts = Vec::new();
    let Some(id) = source.id else { return Ok(parts) };
    let mut from = start_of_block(*range.start(), level);
    loop {
        let blocks = rollups::between(conn, id, level, (from, *range.end()), BLOCKS_AT_ONCE)?;
        for block in &blocks {
            budget.spend(usize::try_from(block.windows).unwrap_or(0))?;
            parts.extend(unpack(block.start, level, &block.data)?.into_iter().filter(|(at, _)| range.contains(at)));
        }
        match blocks.last() {
            Some(last) if blocks.len() as i64 == BLOCKS_AT_ONCE => from = last.start + length_of(level),
            _ => return Ok(parts),
        }
    }
}

/// The samples of a span, each a window of its own.
fn of_samples(
    conn: &mut Connection,
    source: &Source,
    range: RangeInclusive<i64>,
    budget: &mut Budget,
) -> Result<Vec<Part>, HistoryError> {
    let samples = source.read(conn, range, Order::Forward, usize::MAX, budget)?;
    let values = samples.iter().filter_map(|(ts, value)| Some((*ts, Window::of(number_of(value)?))));
    Ok(values.collect())
}
