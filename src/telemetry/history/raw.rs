//! Samples as they were measured, a page at a time: the series are read side by side, so that no more of each is in memory
//! than a few chunks, and no more is read than the page takes.

use std::cmp::Reverse;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::budget::Budget;
use super::reader::Reader;
use super::source;
use super::{HistoryError, Order, Page, Position, Query, Sample, Whereabouts};
use crate::domain::time::Timestamp;
use crate::store::Connection;
use crate::telemetry::chunk::SAMPLES_MAX;

/// Chunks of all series together that are read at once.
const CHUNKS_AT_ONCE: usize = 16;

/// Reads one page.
///
/// # Errors
/// [`HistoryError`] of the database, or when it would take too long.
pub fn page(
    conn: &mut Connection,
    place: &Whereabouts,
    query: &Query,
    budget: &mut Budget,
) -> Result<Page, HistoryError> {
    let mut readers: Vec<(Arc<str>, Reader)> = Vec::new();
    for (key, source) in source::sources(conn, place, &query.keys, &range_of(query, None), budget)? {
        let range = range_of(query, Some(&key));
        readers.push((key.into(), Reader::of(conn, &source, range, query.order)?));
    }
    let chunks = (query.limit / SAMPLES_MAX).min(CHUNKS_AT_ONCE) / readers.len().max(1);
    let chunks = i64::try_from(chunks).unwrap_or(1).max(1);
    let mut items: Vec<Sample> = Vec::new();
    while let Some((at, ts)) = next(conn, &mut readers, query.order, chunks, budget)? {
        if let Some(last) = items.last().filter(|_| items.len() >= query.limit) {
            let next = Position { ts: last.ts.as_millis(), key: last.key.to_string() };
            return Ok(Page { items, next: Some(next) });
        }
        let (key, reader) = &mut readers[at];
        let ts = Timestamp::from_millis(ts);
        items.extend(reader.take().map(|(_, value)| Sample { ts, key: Arc::clone(key), value }));
    }
    Ok(Page { items, next: None })
}

/// Which reader has the next sample, and when that was measured. Readers are in the order of their keys.
fn next(
    conn: &mut Connection,
    readers: &mut [(Arc<str>, Reader)],
    order: Order,
    chunks: i64,
    budget: &mut Budget,
) -> Result<Option<(usize, i64)>, HistoryError> {
    let mut next = None;
    for (at, (_, reader)) in readers.iter_mut().enumerate() {
        let Some(ts) = reader.peek(conn, chunks, budget)? else { continue };
        let is_next = next.is_none_or(|(known, moment)| match order {
            Order::Forward => (ts, at) < (moment, known),
            Order::Backward => Reverse((ts, at)) < Reverse((moment, known)),
        });
        if is_next {
            next = Some((at, ts));
        }
    }
    Ok(next)
}

/// From when to when samples of a key are told, both included.
fn range_of(query: &Query, key: Option<&str>) -> RangeInclusive<i64> {
    let (from, to) = (query.from.as_millis(), query.to.as_millis().saturating_sub(1));
    let Some(after) = &query.after else { return from..=to };
    // Those of the same time come by key.
    let is_told = |key: &str| match query.order {
        Order::Forward => *key <= *after.key,
        Order::Backward => *key >= *after.key,
    };
    let step = i64::from(key.is_some_and(is_told));
    match query.order {
        Order::Forward => from.max(after.ts.saturating_add(step))..=to,
        Order::Backward => from..=to.min(after.ts.saturating_sub(step)),
    }
}

#[cfg(test)]
#[path = "raw_tests.rs"]
mod tests;
