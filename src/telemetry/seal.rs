//! Sealing: readings of the hot tail become compressed chunks and windows of their series.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use crate::domain::rollup::{Level, start_of};
use crate::domain::telemetry::Telemetry;
use crate::domain::time::Timestamp;
use crate::store::chunks::{self, Chunk};
use crate::store::readings::{self, ModuleNumber, RowId, TailRow};
use crate::store::retention::{self, Kept};
use crate::store::rollups::{self, Block};
use crate::store::series::{self, Series, SeriesId};
use crate::store::{Connection, StoreError};
use crate::telemetry::chunk::{Point, pack, unpack};

mod segments;
mod windows;

use segments::Segments;

/// Samples that are sealed in one transaction, or a few more.
const SAMPLES_AT_ONCE: usize = 8192;
/// New samples further apart are looked at each by themselves, for what lies between.
const APART: i64 = 3_600_000;
/// No more time is looked at together.
const TOGETHER: i64 = 6 * 3_600_000;

/// What sealing some rows changes; made beside the writer, which then has little to do.
///
/// Invariant: nobody else changes chunks and windows between making and storing it.
#[derive(Debug)]
pub struct Sealing {
    module: ModuleNumber,
    rows: Vec<Range<RowId>>,
    series: Vec<SeriesChange>,
    /// The first row that is not sealed by it.
    pub until: RowId,
    /// How many readings it seals.
    pub readings: usize,
}

#[derive(Debug)]
struct SeriesChange {
    id: Option<SeriesId>,
    key: String,
    old: Vec<i64>,
    new: Vec<Chunk>,
    blocks: Vec<Block>,
    growth: Kept,
}

/// Finds out what sealing rows of a module changes; some at the end are left if there are very many samples in them.
///
/// # Errors
/// [`StoreError`] of the database, or for a row that cannot be read.
pub fn prepare(conn: &mut Connection, module: ModuleNumber, rows: &[Range<RowId>]) -> Result<Sealing, StoreError> {
    let mut by_key: BTreeMap<String, BTreeMap<i64, Point>> = BTreeMap::new();
    let (mut until, mut samples, mut count) = (rows.first().map_or(0, |run| run.start), 0, 0);
    // Rows that are gone already, sealed by a transaction of which nobody knew the outcome, are behind it as well.
    let mut end = rows.last().map_or(until, |run| run.end);
    for row in readings::load(conn, rows)? {
        if samples >= SAMPLES_AT_ONCE {
            end = until;
            break;
        }
        (until, count) = (row.id + 1, count + 1);
        samples += add(&mut by_key, &row)?;
    }
    let until = end;
    let known = series::of_module(conn, module)?;
    let mut known: BTreeMap<String, Series> = known.into_iter().map(|one| (one.key.clone(), one)).collect();
    let mut changes = Vec::new();
    for (key, points) in by_key {
        changes.push(change_of(conn, known.remove(&key), key, points)?);
    }
    let sealed = rows.iter().map(|run| run.start..run.end.min(until)).filter(|run| !run.is_empty()).collect();
    Ok(Sealing { module, rows: sealed, series: changes, until, readings: count })
}

/// Adds the samples of a row; answers how many. A later row of the same time replaces an earlier one.
fn add(by_key: &mut BTreeMap<String, BTreeMap<i64, Point>>, row: &TailRow) -> Result<usize, StoreError> {
    let body: Telemetry =
        serde_json::from_str(&row.body).map_err(|_| StoreError::unreadable("readings", &row.id.to_string()))?;
    for (key, value) in body.iter() {
        let point = Point { ts: row.ts, received_at: row.received_at, value: value.clone() };
        if let Some(points) = by_key.get_mut(key) {
            points.insert(row.ts, point);
        } else {
            by_key.insert(key.to_owned(), [(row.ts, point)].into());
        }
    }
    Ok(body.len())
}

fn change_of(
    conn: &mut Connection,
    series: Option<Series>,
    key: String,
    points: BTreeMap<i64, Point>,
) -> Result<SeriesChange, StoreError> {
    let (id, raw_from) = series.map_or((None, i64::MIN), |series| (Some(series.id), series.raw_from));
    let mut segments = Segments::default();
    let mut sizes = HashMap::new();
    if let Some(id) = id {
        load(conn, id, &points, &mut segments, &mut sizes)?;
    }
    let moments: BTreeSet<i64> = points.keys().copied().collect();
    for point in points.into_values() {
        segments.add(point);
    }
    let (blocks, window_bytes) = windows::make_again(conn, id, &segments, moments, raw_from)?;
    let change = segments.change();
    let new: Vec<Chunk> = change.new.iter().map(|points| stored(points)).collect();
    let mut growth = Kept { samples: 0, bytes: window_bytes };
    for chunk in &new {
        growth.samples += chunk.samples;
        growth.bytes[0] += length_of(&chunk.data);
    }
    for (samples, bytes) in change.old.iter().filter_map(|first_ts| sizes.get(first_ts)) {
        growth.samples -= samples;
        growth.bytes[0] -= bytes;
    }
    Ok(SeriesChange { id, key, old: change.old, new, blocks, growth })
}

/// Loads the chunks that new points come into, and those that lie in the same minutes.
fn load(
    conn: &mut Connection,
    series: SeriesId,
    points: &BTreeMap<i64, Point>,
    segments: &mut Segments,
    sizes: &mut HashMap<i64, (i64, i64)>,
) -> Result<(), StoreError> {
    let minute = Level::Minutes.length();
    for span in spans(points.keys().copied()) {
        let from = start_of(span.start, minute);
        let to = start_of(span.end, minute).saturating_add(minute - 1);
        let from = chunks::at(conn, series, from)?.unwrap_or(from);
        for chunk in chunks::forward(conn, series, (from, to), i64::MAX)? {
            if !segments.knows(chunk.first_ts) {
                sizes.insert(chunk.first_ts, (chunk.samples, length_of(&chunk.data)));
                let points = unpack(&chunk.data).map_err(|error| StoreError::Unavailable(error.to_string()))?;
                segments.add_stored(points);
            }
        }
    }
    Ok(())
}

fn length_of(data: &[u8]) -> i64 {
    i64::try_from(data.len()).unwrap_or(i64::MAX)
}

/// Parts ascending moments where they lie far apart; each span ends with its last moment.
fn spans(moments: impl Iterator<Item = i64>) -> Vec<Range<i64>> {
    let mut spans: Vec<Range<i64>> = Vec::new();
    for moment in moments {
        match spans.last_mut() {
            Some(span) if moment - span.end <= APART && moment - span.start <= TOGETHER => span.end = moment,
            _ => spans.push(moment..moment),
        }
    }
    spans
}

fn stored(points: &[Point]) -> Chunk {
    Chunk {
        // The series is named when it is stored: it may not be there yet.
        series: 0,
        first_ts: points.first().map_or(0, |point| point.ts),
        last_ts: points.last().map_or(0, |point| point.ts),
        samples: i64::try_from(points.len()).unwrap_or(i64::MAX),
        data: pack(points),
    }
}

impl Sealing {
    /// Stores the chunks and windows and takes the rows out of the tail, in the caller's transaction.
    ///
    /// # Errors
    /// [`StoreError`] of the database only.
    pub fn store(self, conn: &mut Connection) -> Result<(), StoreError> {
        let bytes = self.series.iter().map(|change| change.growth.total()).sum();
        let readings = i64::try_from(self.readings).unwrap_or(i64::MAX);
        retention::grow(conn, Timestamp::now().as_millis(), readings, bytes)?;
        for mut change in self.series {
            let id = match change.id {
                Some(id) => id,
                None => series::insert(conn, self.module, &change.key)?,
            };
            change.new.iter_mut().for_each(|chunk| chunk.series = id);
            change.blocks.iter_mut().for_each(|block| block.series = id);
            chunks::replace(conn, id, &change.old, &change.new)?;
            rollups::put(conn, &change.blocks)?;
            retention::count(conn, id, &change.growth)?;
        }
        readings::remove(conn, &self.rows)
    }
}

#[cfg(test)]
mod tests;
