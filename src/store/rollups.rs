//! The table `rollups`: blocks of windows of a series, compressed.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary};
use diesel::upsert::excluded;

use super::schema::rollups;
use super::series::SeriesId;
use super::{Connection, StoreError};
use crate::domain::rollup::Level;

/// One block of windows.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, QueryableByName, Selectable, Insertable)]
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

/// Which block: of which series and level, and when it begins.
pub type Place = (SeriesId, Level, i64);

/// Those of some blocks that are there.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn find(conn: &mut Connection, places: &[Place]) -> Result<Vec<Block>, StoreError> {
    match conn {
        Connection::Sqlite(conn) => {
            let mut found = Vec::new();
            for (series, level, start) in places {
                let block = rollups::table.find((*series, level.number(), *start)).select(Block::as_select());
                found.extend(block.first(conn).optional()?);
            }
            Ok(found)
        }
        Connection::Postgres(_) if places.is_empty() => Ok(Vec::new()),
        // In one question: each would wait for an answer from elsewhere.
        Connection::Postgres(conn) => Ok(sql_query(
            "SELECT rollups.series, rollups.level, rollups.start, rollups.windows, rollups.data
             FROM unnest($1, $2, $3) AS place (series, level, start)
             JOIN rollups ON rollups.series = place.series AND rollups.level = place.level AND rollups.start = place.start",
        )
        .bind::<Array<BigInt>, _>(places.iter().map(|(series, ..)| *series).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(places.iter().map(|(_, level, _)| level.number()).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(places.iter().map(|(.., start)| *start).collect::<Vec<_>>())
        .load(conn)?),
    }
}

/// Removes blocks, in the caller's transaction.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn remove(conn: &mut Connection, places: &[Place]) -> Result<(), StoreError> {
    match conn {
        Connection::Sqlite(conn) => {
            for (series, level, start) in places {
                diesel::delete(rollups::table.find((*series, level.number(), *start))).execute(conn)?;
            }
        }
        Connection::Postgres(_) if places.is_empty() => {}
        Connection::Postgres(conn) => {
            sql_query(
                "DELETE FROM rollups USING unnest($1, $2, $3) AS old (series, level, start)
                 WHERE rollups.series = old.series AND rollups.level = old.level AND rollups.start = old.start",
            )
            .bind::<Array<BigInt>, _>(places.iter().map(|(series, ..)| *series).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(places.iter().map(|(_, level, _)| level.number()).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(places.iter().map(|(.., start)| *start).collect::<Vec<_>>())
            .execute(conn)?;
        }
    }
    Ok(())
}

/// Stores blocks in the place of those of the same beginning, in the caller's transaction; each of them once.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn put(conn: &mut Connection, blocks: &[Block]) -> Result<(), StoreError> {
    match conn {
        Connection::Sqlite(conn) => {
            for block in blocks {
                let place = (rollups::series, rollups::level, rollups::start);
                let change =
                    (rollups::windows.eq(excluded(rollups::windows)), rollups::data.eq(excluded(rollups::data)));
                let row = diesel::insert_into(rollups::table).values(block);
                row.on_conflict(place).do_update().set(change).execute(conn)?;
            }
        }
        Connection::Postgres(_) if blocks.is_empty() => {}
        Connection::Postgres(conn) => {
            sql_query(
                "INSERT INTO rollups (series, level, start, windows, data) SELECT * FROM unnest($1, $2, $3, $4, $5)
                 ON CONFLICT (series, level, start) DO UPDATE SET windows = excluded.windows, data = excluded.data",
            )
            .bind::<Array<BigInt>, _>(blocks.iter().map(|block| block.series).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(blocks.iter().map(|block| block.level).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(blocks.iter().map(|block| block.start).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(blocks.iter().map(|block| block.windows).collect::<Vec<_>>())
            .bind::<Array<Binary>, _>(blocks.iter().map(|block| &block.data[..]).collect::<Vec<_>>())
            .execute(conn)?;
        }
    }
    Ok(())
}
