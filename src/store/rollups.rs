//! The table `rollups`: blocks of windows of a series, compressed.

use diesel::dsl::{max, min, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::chunks::{SUM_OF_DATA, octet_length};
use super::schema::rollups;
use super::series::SeriesId;
use super::{Connection, StoreError};
use crate::domain::rollup::Level;

/// One block of windows.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = rollups)]
pub struct Block {
    /// Of which series.
    pub series: SeriesId,
    /// Of which level.
    pub level: i64,
    /// When it begins, in Unix milliseconds.
    pub start: i64,
    /// How many windows it has.
    pub windows: i64,
    /// The windows, see `telemetry::block`.
    pub data: Vec<u8>,
}

/// The first blocks of a level that begin between two moments, both included, oldest first.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn between(
    conn: &mut Connection,
    series: SeriesId,
    level: Level,
    (from, to): (i64, i64),
    limit: i64,
) -> Result<Vec<Block>, StoreError> {
    let rows = rollups::table.filter(rollups::series.eq(series)).filter(rollups::level.eq(level.number()));
    let rows = rows.filter(rollups::start.between(from, to)).order(rollups::start).limit(limit);
    Ok(rows.select(Block::as_select()).load(conn)?)
}

/// A block without its windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// When it begins.
    pub start: i64,
    /// How many windows it has.
    pub windows: i64,
    /// How many bytes they take.
    pub bytes: i64,
}

/// The first blocks of a level that begin before a moment, oldest first.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn outlines(
    conn: &mut Connection,
    series: SeriesId,
    level: Level,
    before: i64,
    limit: i64,
) -> Result<Vec<Outline>, StoreError> {
    let rows = rollups::table.filter(rollups::series.eq(series)).filter(rollups::level.eq(level.number()));
    let rows = rows.filter(rollups::start.le(before)).order(rollups::start).limit(limit);
    let rows: Vec<(i64, i64, i32)> =
        rows.select((rollups::start, rollups::windows, octet_length(rollups::data))).load(conn)?;
    Ok(rows.into_iter().map(|(start, windows, bytes)| Outline { start, windows, bytes: bytes.into() }).collect())
}

/// All blocks of a level that begin before a moment, as if they were one, and when the last of them begins; none if there
/// are none.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn outline_of_all(
    conn: &mut Connection,
    series: SeriesId,
    level: Level,
    before: i64,
) -> Result<Option<(Outline, i64)>, StoreError> {
    let rows = rollups::table.filter(rollups::series.eq(series)).filter(rollups::level.eq(level.number()));
    let (windows, bytes) = (sql::<BigInt>("CAST(COALESCE(SUM(windows), 0) AS BIGINT)"), sql::<BigInt>(SUM_OF_DATA));
    let (first, last, windows, bytes): (Option<i64>, Option<i64>, i64, i64) = rows
        .filter(rollups::start.le(before))
        .select((min(rollups::start), max(rollups::start), windows, bytes))
        .first(conn)?;
    Ok(first.zip(last).map(|(start, last)| (Outline { start, windows, bytes }, last)))
}

/// Removes a block, in the caller's transaction.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn remove(conn: &mut Connection, series: SeriesId, level: Level, start: i64) -> Result<(), StoreError> {
    diesel::delete(rollups::table.find((series, level.number(), start))).execute(conn)?;
    Ok(())
}

/// Stores blocks in the place of those of the same beginning, in the caller's transaction.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn put(conn: &mut Connection, blocks: &[Block]) -> Result<(), StoreError> {
    for block in blocks {
        let place = rollups::table.find((block.series, block.level, block.start));
        let change = (rollups::windows.eq(block.windows), rollups::data.eq(&block.data));
        if diesel::update(place).set(change).execute(conn)? == 0 {
            diesel::insert_into(rollups::table).values(block).execute(conn)?;
        }
    }
    Ok(())
}
