//! The table `chunks`: sealed samples of a series, compressed; chunks of a series do not overlap.

use diesel::dsl::max;
use diesel::prelude::*;

use super::schema::chunks;
use super::series::SeriesId;
use super::{Connection, StoreError};

/// One chunk.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = chunks)]
pub struct Chunk {
    /// Of which series.
    pub series: SeriesId,
    /// When its first sample was measured, in Unix milliseconds.
    pub first_ts: i64,
    /// When its last sample was measured, in Unix milliseconds.
    pub last_ts: i64,
    /// How many samples it has.
    pub samples: i64,
    /// The samples, see `telemetry::chunk`.
    pub data: Vec<u8>,
}

/// Where a chunk begins that may hold a moment; none if the series begins later.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn at(conn: &mut Connection, series: SeriesId, moment: i64) -> Result<Option<i64>, StoreError> {
    let earlier = chunks::table.filter(chunks::series.eq(series)).filter(chunks::first_ts.le(moment));
    Ok(earlier.select(max(chunks::first_ts)).first(conn)?)
}

/// The first chunks that begin between two moments, both included, oldest first.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn forward(
    conn: &mut Connection,
    series: SeriesId,
    (from, to): (i64, i64),
    limit: i64,
) -> Result<Vec<Chunk>, StoreError> {
    let rows = chunks::table.filter(chunks::series.eq(series)).filter(chunks::first_ts.between(from, to));
    Ok(rows.order(chunks::first_ts).limit(limit).select(Chunk::as_select()).load(conn)?)
}

/// The last chunks that begin between two moments, both included, newest first.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn backward(
    conn: &mut Connection,
    series: SeriesId,
    (from, to): (i64, i64),
    limit: i64,
) -> Result<Vec<Chunk>, StoreError> {
    let rows = chunks::table.filter(chunks::series.eq(series)).filter(chunks::first_ts.between(from, to));
    Ok(rows.order(chunks::first_ts.desc()).limit(limit).select(Chunk::as_select()).load(conn)?)
}

/// Puts chunks in the place of others, in the caller's transaction.
///
/// # Errors
/// [`StoreError::Conflict`] when one begins where another does that stays.
pub fn replace(conn: &mut Connection, series: SeriesId, old: &[i64], new: &[Chunk]) -> Result<(), StoreError> {
    for first_ts in old {
        diesel::delete(chunks::table.find((series, first_ts))).execute(conn)?;
    }
    for chunk in new {
        diesel::insert_into(chunks::table).values(chunk).execute(conn)?;
    }
    Ok(())
}
