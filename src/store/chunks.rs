//! The table `chunks`: sealed samples of a series, compressed; chunks of a series do not overlap.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary};

use super::schema::chunks;
use super::series::SeriesId;
use super::{Connection, StoreError};

/// One chunk.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, QueryableByName, Selectable, Insertable)]
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

/// From when to when something is looked for in a series, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// In which series.
    pub series: SeriesId,
    /// From when, in Unix milliseconds.
    pub from: i64,
    /// Until when, in Unix milliseconds.
    pub to: i64,
}

/// The chunks that may hold something of some spans, for each the oldest first; one of several spans may come more than once.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn around(conn: &mut Connection, spans: &[Span]) -> Result<Vec<Chunk>, StoreError> {
    match conn {
        Connection::Sqlite(_) => {
            let mut found = Vec::new();
            for span in spans {
                let from = at(conn, span.series, span.from)?.unwrap_or(span.from);
                found.extend(forward(conn, span.series, (from, span.to), i64::MAX)?);
            }
            Ok(found)
        }
        Connection::Postgres(_) if spans.is_empty() => Ok(Vec::new()),
        // In one question: each would wait for an answer from elsewhere.
        Connection::Postgres(conn) => Ok(sql_query(
            "SELECT chunks.series, chunks.first_ts, chunks.last_ts, chunks.samples, chunks.data
             FROM unnest($1, $2, $3) AS span (series, earliest, latest)
             JOIN chunks ON chunks.series = span.series AND chunks.first_ts <= span.latest
                 AND chunks.first_ts >= coalesce((SELECT max(earlier.first_ts) FROM chunks AS earlier
                     WHERE earlier.series = span.series AND earlier.first_ts <= span.earliest), span.earliest)
             ORDER BY chunks.series, chunks.first_ts",
        )
        .bind::<Array<BigInt>, _>(spans.iter().map(|span| span.series).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(spans.iter().map(|span| span.from).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(spans.iter().map(|span| span.to).collect::<Vec<_>>())
        .load(conn)?),
    }
}

/// Stores new chunks, in the caller's transaction.
///
/// # Errors
/// [`StoreError::Conflict`] when one begins where another does.
pub fn insert(conn: &mut Connection, new: &[Chunk]) -> Result<(), StoreError> {
    match conn {
        Connection::Sqlite(conn) => {
            for chunk in new {
                diesel::insert_into(chunks::table).values(chunk).execute(conn)?;
            }
        }
        Connection::Postgres(_) if new.is_empty() => {}
        Connection::Postgres(conn) => {
            sql_query(
                "INSERT INTO chunks (series, first_ts, last_ts, samples, data) SELECT * FROM unnest($1, $2, $3, $4, $5)",
            )
            .bind::<Array<BigInt>, _>(new.iter().map(|chunk| chunk.series).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(new.iter().map(|chunk| chunk.first_ts).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(new.iter().map(|chunk| chunk.last_ts).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(new.iter().map(|chunk| chunk.samples).collect::<Vec<_>>())
            .bind::<Array<Binary>, _>(new.iter().map(|chunk| &chunk.data[..]).collect::<Vec<_>>())
            .execute(conn)?;
        }
    }
    Ok(())
}

/// Removes chunks, each by its series and where it begins, in the caller's transaction.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn remove(conn: &mut Connection, old: &[(SeriesId, i64)]) -> Result<(), StoreError> {
    match conn {
        Connection::Sqlite(conn) => {
            for place in old {
                diesel::delete(chunks::table.find(*place)).execute(conn)?;
            }
        }
        Connection::Postgres(_) if old.is_empty() => {}
        Connection::Postgres(conn) => {
            let (series, first_ts): (Vec<_>, Vec<_>) = old.iter().copied().unzip();
            sql_query(
                "DELETE FROM chunks USING unnest($1, $2) AS old (series, first_ts)
                 WHERE chunks.series = old.series AND chunks.first_ts = old.first_ts",
            )
            .bind::<Array<BigInt>, _>(series)
            .bind::<Array<BigInt>, _>(first_ts)
            .execute(conn)?;
        }
    }
    Ok(())
}
