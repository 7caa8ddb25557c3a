//! The table `rollups`: blocks of windows of a series, compressed.

use diesel::prelude::*;

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
