//! Windows of samples: out of stored roll-ups where there are any, out of samples where something is not sealed yet.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::budget::Budget;
use super::source::{self, Next, Source};
use super::{HistoryError, KeyWindow, Position, Whereabouts, WindowPage, WindowQuery};
use crate::domain::rollup::{Level, Window, gather, number_of, start_of};
use crate::domain::time::Timestamp;
use crate::store::{Connection, rollups};
use crate::telemetry::block::{length_of, start_of_block, unpack};

/// Blocks read at once.
const BLOCKS_AT_ONCE: i64 = 16;

/// A window and its beginning.
type Part = (i64, Window);

/// Stretches without a window that are passed over for one page.
const GAPS_MAX: usize = 100;

/// Reads one page; its windows are whole: the first one holds its beginning, the last one its end.
///
/// Where there is nothing it goes on with what comes next, so that a page before the last has windows, unless finding
/// them takes too long.
///
/// # Errors
/// [`HistoryError`] of the database, or when it would take too long.
pub fn page(conn: &mut Connection, place: &Whereabouts, query: &WindowQuery) -> Result<WindowPage, HistoryError> {
    let mut budget = Budget::default();
    let asked = range_of(query);
    let sources = source::sources(conn, place, &query.keys, &asked, &mut budget)?;
    let windows = i64::try_from(query.limit / sources.len().max(1)).unwrap_or(i64::MAX).max(1);
    let length = windows.saturating_mul(query.interval);
    let mut from = *asked.start();
    for _ in 0..GAPS_MAX {
        let end = from.saturating_add(length).saturating_sub(1);
        let mut items = windows_of(conn, &sources, from..=end.min(*asked.end()), query, &mut budget)?;
        let after = end.saturating_add(1);
        let is_more = items.len() > query.limit;
        items.truncate(query.limit);
        if let Some(last) = items.last() {
            let next = if is_more { last.ts.as_millis() } else { after };
            let key = if is_more { last.key.to_string() } else { String::new() };
            let next = (is_more || end < *asked.end()).then_some(Position { ts: next, key });
            return Ok(WindowPage { items, next });
        }
        if end >= *asked.end() {
            return Ok(WindowPage::default());
        }
        from = match next_of(conn, &sources, &(after..=*asked.end()), query.interval)? {
            None => return Ok(WindowPage::default()),
            Some(Next::At(moment)) => start_of(moment, query.interval),
            Some(Next::NotBefore(moment)) => return Ok(empty_until(start_of(moment, query.interval))),
        };
    }
    Ok(empty_until(from))
}

fn empty_until(moment: i64) -> WindowPage {
    WindowPage { items: Vec::new(), next: Some(Position { ts: moment, key: String::new() }) }
}

/// The windows of all series in a range by time and key, without those that were told before.
fn windows_of(
    conn: &mut Connection,
    sources: &BTreeMap<String, Source>,
    range: RangeInclusive<i64>,
    query: &WindowQuery,
    budget: &mut Budget,
) -> Result<Vec<KeyWindow>, HistoryError> {
    let mut items = Vec::new();
    for (key, source) in sources {
        let parts = match Level::within(query.interval) {
            Some(level) => of_level(conn, source, level, range.clone(), budget)?,
            None => of_samples(conn, source, range.clone(), budget)?,
        };
        let key: Arc<str> = Arc::from(&**key);
        let windows = gather(parts, query.interval).into_iter();
        let ts = Timestamp::from_millis;
        items.extend(windows.map(|(start, window)| KeyWindow { ts: ts(start), key: Arc::clone(&key), window }));
    }
    if let Some(after) = &query.after {
        items.retain(|item| (item.ts.as_millis(), &*item.key) > (after.ts, &*after.key));
    }
    items.sort_by(|a: &KeyWindow, b| (a.ts, &a.key).cmp(&(b.ts, &b.key)));
    Ok(items)
}

/// Where the first series goes on that has something in a range.
fn next_of(
    conn: &mut Connection,
    sources: &BTreeMap<String, Source>,
    range: &RangeInclusive<i64>,
    interval: i64,
) -> Result<Option<Next>, HistoryError> {
    let mut budget = Budget::for_looking();
    let mut first: Option<Next> = None;
    for source in sources.values() {
        let next = match Level::within(interval) {
            Some(level) => first_window(conn, source, level, range, &mut budget)?,
            None => source.first_number(conn, range, &mut budget)?,
        };
        first = [first, next].into_iter().flatten().min_by_key(|next| next.moment());
    }
    Ok(first)
}

/// Where the first window of a level is in a range, or something of which one is made.
fn first_window(
    conn: &mut Connection,
    source: &Source,
    level: Level,
    range: &RangeInclusive<i64>,
    budget: &mut Budget,
) -> Result<Option<Next>, HistoryError> {
    let mut in_tail =
        source.tail.range(range.clone()).filter(|(_, value)| number_of(value).is_some()).map(|(ts, _)| *ts);
    let in_tail = in_tail.find(|ts| start_of(*ts, Level::Minutes.length()) >= source.raw_from);
    let end = in_tail.unwrap_or(*range.end());
    let mut from = start_of_block(*range.start(), level);
    while let Some(id) = source.id {
        let Some(block) = rollups::between(conn, id, level, (from, end), 1)?.pop() else { break };
        if budget.spend(usize::try_from(block.windows).unwrap_or(0)).is_err() {
            return Ok(Some(Next::NotBefore(block.start.max(*range.start()))));
        }
        let windows = unpack(block.start, level, &block.data)?;
        if let Some((start, _)) = windows.range(*range.start()..).next().filter(|(start, _)| **start <= end) {
            return Ok(Some(Next::At(*start)));
        }
        from = block.start.saturating_add(1);
    }
    Ok(in_tail.map(Next::At))
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
    let samples = source.read(conn, range, budget)?;
    let values = samples.iter().filter_map(|(ts, value)| Some((*ts, Window::of(number_of(value)?))));
    Ok(values.collect())
}
