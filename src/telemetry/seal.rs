//! Sealing: readings of the hot tail become compressed chunks and windows of their series.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::domain::time::Timestamp;
use crate::store::chunks::{self, Chunk};
use crate::store::growth::{self, More};
use crate::store::readings::{self, ModuleNumber, RowId, TailRow};
use crate::store::retention;
use crate::store::rollups::{self, Block};
use crate::store::runs::TailReading;
use crate::store::series::{self, Series};
use crate::store::{Connection, StoreError};
use crate::telemetry::chunk::Point;

mod change;
mod segments;
mod windows;

use change::{News, SeriesChange, changes_of};

/// Samples that are sealed in one transaction, or a few more.
const SAMPLES_AT_ONCE: usize = 8192;
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
    /// When the first of them was received and when the last, in Unix milliseconds.
    received: Option<(i64, i64)>,
}

/// Finds out what sealing rows of a module changes; some at the end are left if there are very many samples in them.
///
/// # Errors
/// [`StoreError`] of the database, or for a row that cannot be read.
pub fn prepare(conn: &mut Connection, module: ModuleNumber, rows: &[Range<RowId>]) -> Result<Sealing, StoreError> {
    let mut by_key: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    let (mut until, mut samples, mut count) = (rows.first().map_or(0, |run| run.start), 0, 0);
    // Rows that are gone already, sealed by a transaction of which nobody knew the outcome, are behind it as well.
    let mut end = rows.last().map_or(until, |run| run.end);
    let mut received = None;
    for row in readings::load(conn, rows)? {
        if samples >= SAMPLES_AT_ONCE {
            end = until;
            break;
        }
        (until, count) = (row.rows.end, count + row.readings.len());
        let (from, to): (i64, i64) = received.unwrap_or((row.received_at, row.received_at));
        received = Some((from.min(row.received_at), to.max(row.received_at)));
        samples += add(&mut by_key, row);
    }
    // What came together with the last of them is sealed with it.
    let until = end.max(until);
    let known = series::of_module(conn, module)?;
    if !readings::is_of_module(conn, module)? {
        // Its module is gone, or forgotten: it must not have a history again.
        by_key.clear();
    }
    let mut known: BTreeMap<String, Series> = known.into_iter().map(|one| (one.key.clone(), one)).collect();
    let news = by_key.into_iter().map(|(key, points)| News::new(known.remove(&key), key, points)).collect();
    let changes = changes_of(conn, news)?;
    let sealed = rows.iter().map(|run| run.start..run.end.min(until)).filter(|run| !run.is_empty()).collect();
    Ok(Sealing { module, rows: sealed, series: changes, until, readings: count, received })
}

/// Adds the samples of a row; answers how many.
fn add(by_key: &mut BTreeMap<String, Vec<Point>>, row: TailRow) -> usize {
    let (received_at, mut count) = (row.received_at, 0);
    for TailReading { ts, values } in row.readings {
        count += values.len();
        for (key, value) in values.iter() {
            let point = Point { ts, received_at, value: value.clone() };
            if let Some(points) = by_key.get_mut(key) {
                points.push(point);
            } else {
                by_key.insert(key.to_owned(), vec![point]);
            }
        }
    }
    count
}

impl Sealing {
    /// Stores the chunks and windows and takes the rows out of the tail, in the caller's transaction.
    ///
    /// # Errors
    /// [`StoreError`] of the database only.
    pub fn store(self, conn: &mut Connection) -> Result<(), StoreError> {
        let bytes = self.series.iter().map(|change| change.growth.total()).sum();
        let readings = i64::try_from(self.readings).unwrap_or(i64::MAX);
        growth::add(conn, Timestamp::now().as_millis(), &More { readings, bytes, received: self.received })?;
        let (mut series, module) = (self.series, self.module);
        let new: Vec<&mut SeriesChange> = series.iter_mut().filter(|change| change.id.is_none()).collect();
        let keys: Vec<String> = new.iter().map(|change| change.key.clone()).collect();
        for (change, id) in new.into_iter().zip(series::insert(conn, module, &keys)?) {
            change.id = Some(id);
        }
        let known = || series.iter().filter_map(|change| Some((change.id?, change)));
        let old: Vec<_> = known().flat_map(|(id, change)| change.old.iter().map(move |start| (id, *start))).collect();
        let kept: Vec<_> = known().map(|(id, change)| (id, change.growth)).collect();
        chunks::remove(conn, &old)?;
        retention::count(conn, &kept)?;
        let (mut new, mut blocks) = (Vec::new(), Vec::new());
        for SeriesChange { id, new: chunks, blocks: windows, .. } in series {
            let Some(id) = id else { continue };
            new.extend(chunks.into_iter().map(|chunk| Chunk { series: id, ..chunk }));
            blocks.extend(windows.into_iter().map(|block| Block { series: id, ..block }));
        }
        chunks::insert(conn, &new)?;
        rollups::put(conn, &blocks)?;
        readings::remove(conn, &self.rows)
    }
}

#[cfg(test)]
mod tests;
