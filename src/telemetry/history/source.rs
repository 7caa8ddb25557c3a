//! The samples of one series, out of its chunks and the tail.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::{Range, RangeInclusive};

use super::budget::Budget;
use super::reader::Reader;
use super::{HistoryError, Order, Whereabouts};
use crate::domain::rollup::number_of;
use crate::domain::telemetry::Value;
use crate::store::readings::RowId;
use crate::store::runs::TailReading;
use crate::store::series::{self, SeriesId};
use crate::store::{Connection, StoreError, chunks, readings};
use crate::telemetry::chunk::{Unreadable, unpack};

/// Chunks read at once.
const CHUNKS_AT_ONCE: i64 = 16;
/// Chunks read at once of those of which some are in no need of reading.
const FEW_CHUNKS: i64 = 4;
/// Rows of the tail read at once.
const ROWS_AT_ONCE: RowId = 2000;

/// One series that was asked for.
#[derive(Debug)]
pub struct Source {
    /// Its number; none if nothing of it is sealed.
    pub id: Option<SeriesId>,
    /// What was measured before may be gone.
    pub raw_from: i64,
    /// What is not sealed yet.
    pub tail: BTreeMap<i64, Value>,
}

/// Where the next number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At this moment.
    At(i64),
    /// Not before this moment; nobody has looked further.
    NotBefore(i64),
}

impl Next {
    /// The moment.
    pub const fn moment(self) -> i64 {
        match self {
            Self::At(moment) | Self::NotBefore(moment) => moment,
        }
    }
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
/// [`HistoryError`] of the database, for a row that breaks its own rules, or when the budget is spent.
pub fn sources(
    conn: &mut Connection,
    place: &Whereabouts,
    keys: &[String],
    range: &RangeInclusive<i64>,
    budget: &mut Budget,
) -> Result<BTreeMap<String, Source>, HistoryError> {
    let mut all: HashMap<String, Source> = HashMap::new();
    for known in series::of_module(conn, place.module)? {
        let source = Source { id: Some(known.id), raw_from: known.raw_from, tail: BTreeMap::new() };
        all.insert(known.key, source);
    }
    let wanted: HashSet<&str> = keys.iter().flat_map(|key| std::iter::once(&**key).chain(key.split(','))).collect();
    for rows in slices(&place.tail) {
        let found = readings::load_measured(conn, &rows, range)?;
        for TailReading { ts, values } in found.into_iter().flat_map(|row| row.readings) {
            let named = values.iter().filter(|(key, _)| wanted.is_empty() || wanted.contains(key));
            let mut count = 0;
            for (key, value) in named {
                count += 1;
                if let Some(known) = all.get_mut(key) {
                    known.tail.insert(ts, value.clone());
                } else {
                    let tail = [(ts, value.clone())].into();
                    all.insert(key.to_owned(), Source { id: None, raw_from: i64::MIN, tail });
                }
            }
            budget.spend(count)?;
        }
    }
    if keys.is_empty() {
        return Ok(all.into_iter().collect());
    }
    let named = keys.iter().flat_map(|key| if all.contains_key(key) { vec![&**key] } else { key.split(',').collect() });
    let named: Vec<String> = named.map(str::to_owned).collect();
    Ok(named.into_iter().filter_map(|key| all.remove_entry(&key)).collect())
}

/// Runs of rows, some of them together, so that none is read that is too long.
fn slices(runs: &[Range<RowId>]) -> Vec<Vec<Range<RowId>>> {
    let mut slices: Vec<Vec<Range<RowId>>> = Vec::new();
    let mut rows = ROWS_AT_ONCE;
    for run in runs {
        for start in (run.start..run.end).step_by(ROWS_AT_ONCE as usize) {
            let end = run.end.min(start.saturating_add(ROWS_AT_ONCE));
            rows += end - start;
            match slices.last_mut().filter(|_| rows <= ROWS_AT_ONCE) {
                Some(last) => last.push(start..end),
                None => {
                    rows = end - start;
                    slices.push(std::iter::once(start..end).collect());
                }
            }
        }
    }
    slices
}

impl Source {
    /// All samples of a range, the oldest first.
    ///
    /// # Errors
    /// [`HistoryError::TooMuch`] when the budget is spent.
    pub fn read(
        &self,
        conn: &mut Connection,
        range: RangeInclusive<i64>,
        budget: &mut Budget,
    ) -> Result<Vec<(i64, Value)>, HistoryError> {
        let mut reader = Reader::of(conn, self, range, Order::Forward)?;
        let mut samples = Vec::new();
        while reader.peek(conn, CHUNKS_AT_ONCE, budget)?.is_some() {
            samples.extend(reader.take());
        }
        Ok(samples)
    }

    /// The first number among the samples of a range; none if there is none.
    ///
    /// # Errors
    /// [`HistoryError`] of the database only.
    pub fn first_number(
        &self,
        conn: &mut Connection,
        range: &RangeInclusive<i64>,
        budget: &mut Budget,
    ) -> Result<Option<Next>, HistoryError> {
        let in_tail = self.tail.range(range.clone()).find(|(_, value)| number_of(value).is_some()).map(|(ts, _)| *ts);
        let range = *range.start()..=in_tail.unwrap_or(*range.end());
        let sealed = match self.id {
            Some(id) => first_sealed(conn, id, &range, budget)?,
            None => None,
        };
        Ok(sealed.or(in_tail.map(Next::At)))
    }
}

fn first_sealed(
    conn: &mut Connection,
    series: SeriesId,
    range: &RangeInclusive<i64>,
    budget: &mut Budget,
) -> Result<Option<Next>, HistoryError> {
    let mut from = chunks::at(conn, series, *range.start())?.unwrap_or(*range.start());
    loop {
        let chunks = chunks::forward(conn, series, (from, *range.end()), FEW_CHUNKS)?;
        for chunk in chunks.iter().filter(|chunk| chunk.last_ts >= *range.start()) {
            if budget.spend(usize::try_from(chunk.samples).unwrap_or(0)).is_err() {
                return Ok(Some(Next::NotBefore(chunk.first_ts.max(*range.start()))));
            }
            let mut points = unpack(&chunk.data)?.into_iter();
            if let Some(found) = points.find(|point| range.contains(&point.ts) && number_of(&point.value).is_some()) {
                return Ok(Some(Next::At(found.ts)));
            }
        }
        match chunks.last() {
            Some(last) if chunks.len() as i64 == FEW_CHUNKS => from = last.first_ts.saturating_add(1),
            _ => return Ok(None),
        }
    }
}
