//! The samples of one series, out of its chunks and the tail.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use super::budget::Budget;
use super::{HistoryError, Order, Whereabouts};
use crate::domain::telemetry::{Telemetry, Value};
use crate::store::chunks::{self, Chunk};
use crate::store::series::{self, SeriesId};
use crate::store::{Connection, StoreError, readings};
use crate::telemetry::chunk::{Unreadable, unpack};

/// Chunks read at once.
const CHUNKS_AT_ONCE: i64 = 16;

/// Values by time.
pub type Samples = BTreeMap<i64, Value>;

/// One series that was asked for.
#[derive(Debug)]
pub struct Source {
    /// Its number; none if nothing of it is sealed.
    pub id: Option<SeriesId>,
    /// What was measured before may be gone.
    pub raw_from: i64,
    /// What is not sealed yet.
    pub tail: Samples,
}

impl From<Unreadable> for HistoryError {
    fn from(error: Unreadable) -> Self {
        StoreError::Unavailable(error.to_string()).into()
    }
}

/// The series of a module by key, all of them if no keys are named.
///
/// A key that no series has and that holds commas names several.
///
/// # Errors
/// [`StoreError`] of the database, or for a row that breaks its own rules.
pub fn sources(
    conn: &mut Connection,
    place: &Whereabouts,
    keys: &[String],
    range: &RangeInclusive<i64>,
) -> Result<BTreeMap<String, Source>, StoreError> {
    let mut all: HashMap<String, Source> = HashMap::new();
    for known in series::of_module(conn, place.module)? {
        let source = Source { id: Some(known.id), raw_from: known.raw_from, tail: Samples::new() };
        all.insert(known.key, source);
    }
    for row in readings::load(conn, &place.tail)? {
        if !range.contains(&row.ts) {
            continue;
        }
        let body: Telemetry =
            serde_json::from_str(&row.body).map_err(|_| StoreError::unreadable("readings", &row.id.to_string()))?;
        for (key, value) in body.iter() {
            if let Some(known) = all.get_mut(key) {
                known.tail.insert(row.ts, value.clone());
            } else {
                let tail = [(row.ts, value.clone())].into();
                all.insert(key.to_owned(), Source { id: None, raw_from: i64::MIN, tail });
            }
        }
    }
    if keys.is_empty() {
        return Ok(all.into_iter().collect());
    }
    let named = keys.iter().flat_map(|key| if all.contains_key(key) { vec![&**key] } else { key.split(',').collect() });
    let named: Vec<String> = named.map(str::to_owned).collect();
    Ok(named.into_iter().filter_map(|key| all.remove_entry(&key)).collect())
}

impl Source {
    /// The first samples of a range in an order, at least `limit` if there are so many.
    ///
    /// # Errors
    /// [`HistoryError::TooMuch`] when the budget is spent.
    pub fn read(
        &self,
        conn: &mut Connection,
        range: RangeInclusive<i64>,
        order: Order,
        limit: usize,
        budget: &mut Budget,
    ) -> Result<Samples, HistoryError> {
        let mut samples = Samples::new();
        if range.is_empty() {
            return Ok(samples);
        }
        if let Some(id) = self.id {
            let mut left = first_to(conn, id, &range)?;
            while let Some(window) = left.take() {
                let chunks = match order {
                    Order::Forward => chunks::forward(conn, id, window, CHUNKS_AT_ONCE)?,
                    Order::Backward => chunks::backward(conn, id, window, CHUNKS_AT_ONCE)?,
                };
                let Some(last) = chunks.last().map(|chunk| chunk.first_ts) else { break };
                for chunk in &chunks {
                    take(chunk, &range, &mut samples, budget)?;
                    if samples.len() >= limit {
                        break;
                    }
                }
                if samples.len() < limit && chunks.len() as i64 == CHUNKS_AT_ONCE {
                    left = Some(match order {
                        Order::Forward => (last.saturating_add(1), window.1),
                        Order::Backward => (window.0, last.saturating_sub(1)),
                    });
                }
            }
        }
        // What came later replaces what was there.
        samples.extend(self.tail.range(range).map(|(ts, value)| (*ts, value.clone())));
        Ok(samples)
    }
}

/// Between which moments the chunks begin that may hold something of a range.
fn first_to(
    conn: &mut Connection,
    series: SeriesId,
    range: &RangeInclusive<i64>,
) -> Result<Option<(i64, i64)>, StoreError> {
    let first = chunks::at(conn, series, *range.start())?.unwrap_or(*range.start());
    Ok(Some((first, *range.end())))
}

fn take(
    chunk: &Chunk,
    range: &RangeInclusive<i64>,
    into: &mut Samples,
    budget: &mut Budget,
) -> Result<(), HistoryError> {
    if chunk.last_ts < *range.start() {
        return Ok(());
    }
    budget.spend(usize::try_from(chunk.samples).unwrap_or(0))?;
    let points = unpack(&chunk.data)?;
    into.extend(points.into_iter().filter(|point| range.contains(&point.ts)).map(|point| (point.ts, point.value)));
    Ok(())
}
