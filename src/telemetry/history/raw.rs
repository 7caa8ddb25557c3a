//! Samples as they were measured, a page at a time.

use std::cmp::Reverse;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::budget::Budget;
use super::source::{self, Source};
use super::{HistoryError, Order, Page, Position, Query, Sample, Whereabouts};
use crate::domain::time::Timestamp;
use crate::store::Connection;

/// Reads one page.
///
/// # Errors
/// [`HistoryError`] of the database, or when it would take too long.
pub fn page(conn: &mut Connection, place: &Whereabouts, query: &Query) -> Result<Page, HistoryError> {
    let mut budget = Budget::default();
    let whole = range_of(query, None);
    let mut items = Vec::new();
    for (key, source) in source::sources(conn, place, &query.keys, &whole)? {
        let range = range_of(query, Some(&key));
        items.extend(samples_of(conn, key, &source, range, query, &mut budget)?);
    }
    match query.order {
        Order::Forward => items.sort_unstable_by(|a: &Sample, b| (a.ts, &a.key).cmp(&(b.ts, &b.key))),
        Order::Backward => items.sort_unstable_by(|a, b| Reverse((a.ts, &a.key)).cmp(&Reverse((b.ts, &b.key)))),
    }
    let is_more = items.len() > query.limit;
    items.truncate(query.limit);
    let last = items.last().filter(|_| is_more);
    let next = last.map(|last| Position { ts: last.ts.as_millis(), key: last.key.to_string() });
    Ok(Page { items, next })
}

fn samples_of(
    conn: &mut Connection,
    key: String,
    source: &Source,
    range: RangeInclusive<i64>,
    query: &Query,
    budget: &mut Budget,
) -> Result<Vec<Sample>, HistoryError> {
    let enough = query.limit.saturating_add(1);
    let samples = source.read(conn, range, query.order, enough, budget)?;
    let key: Arc<str> = key.into();
    let sample = |(ts, value)| Sample { ts: Timestamp::from_millis(ts), key: Arc::clone(&key), value };
    Ok(match query.order {
        Order::Forward => samples.into_iter().take(enough).map(sample).collect(),
        Order::Backward => samples.into_iter().rev().take(enough).map(sample).collect(),
    })
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
