//! What of the tables `chunks` and `rollups` lies before some moments, of the series of many modules in one question: each
//! series is looked up by its primary key, inside the database.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::readings::ModuleNumber;
use super::series::SeriesId;
use super::{Connection, StoreError};
use crate::domain::retention::Tier;

/// A module, and before which moment something of it goes, in Unix milliseconds.
pub type Cutoff = (ModuleNumber, i64);

/// A chunk or a block of windows, without what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Part {
    /// Of which series.
    #[diesel(sql_type = BigInt)]
    pub series: SeriesId,
    /// When its first sample was measured, or when its first window may begin.
    #[diesel(sql_type = BigInt)]
    pub first: i64,
    /// When its last sample was measured; of windows the same as `first`.
    #[diesel(sql_type = BigInt)]
    pub last: i64,
    /// How many samples or windows.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// How many bytes they take.
    #[diesel(sql_type = BigInt)]
    pub bytes: i64,
}

/// Many chunks or blocks together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, QueryableByName)]
pub struct Sum {
    /// The least `first` of them; none if there are none.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub first: Option<i64>,
    /// The greatest `last` of them; none if there are none.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub last: Option<i64>,
    /// How many samples or windows.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// How many bytes they take.
    #[diesel(sql_type = BigInt)]
    pub bytes: i64,
}

/// Chunks that end before the moment of their module, or blocks that begin before it, at most `limit`.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn before(conn: &mut Connection, tier: Tier, cutoffs: &[Cutoff], limit: i64) -> Result<Vec<Part>, StoreError> {
    let Columns { table, first, last, count, only } = Columns::of(tier);
    let columns = format!(
        "part.series AS series, part.{first} AS first, part.{last} AS last, part.{count} AS count,
         CAST(OCTET_LENGTH(part.data) AS BIGINT) AS bytes"
    );
    let is_before =
        format!("part.series = one.id AND part.{first} < asked.cutoff AND part.{last} < asked.cutoff{only}");
    match conn {
        Connection::Sqlite(conn) => {
            let query = format!("{ASKED_OF_SQLITE} CROSS JOIN {table} AS part ON {is_before} LIMIT ?");
            let query = query.replace("COLUMNS", &columns);
            Ok(sql_query(query).bind::<Text, _>(json(cutoffs)).bind::<BigInt, _>(limit).load(conn)?)
        }
        Connection::Postgres(conn) => {
            // Looked up series by series, whatever the server believes of their lengths.
            let query = format!(
                "SELECT part.* FROM {ASKED_OF_POSTGRES}
                 CROSS JOIN LATERAL (SELECT {columns} FROM {table} AS part WHERE {is_before} ORDER BY part.{first} LIMIT $3) AS part
                 LIMIT $3"
            );
            let (modules, moments): (Vec<_>, Vec<_>) = cutoffs.iter().copied().unzip();
            let query = sql_query(query).bind::<Array<BigInt>, _>(modules).bind::<Array<BigInt>, _>(moments);
            Ok(query.bind::<BigInt, _>(limit).load(conn)?)
        }
    }
}

/// All that [`before`] would find.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn sum_before(conn: &mut Connection, tier: Tier, cutoffs: &[Cutoff]) -> Result<Sum, StoreError> {
    let Columns { table, first, last, count, only } = Columns::of(tier);
    let columns = format!(
        "min(part.{first}) AS first, max(part.{last}) AS last, CAST(coalesce(sum(part.{count}), 0) AS BIGINT) AS count,
         CAST(coalesce(sum(octet_length(part.data)), 0) AS BIGINT) AS bytes"
    );
    let is_before =
        format!("part.series = one.id AND part.{first} < asked.cutoff AND part.{last} < asked.cutoff{only}");
    match conn {
        Connection::Sqlite(conn) => {
            let query = format!("{ASKED_OF_SQLITE} CROSS JOIN {table} AS part ON {is_before}");
            let query = query.replace("COLUMNS", &columns);
            Ok(sql_query(query).bind::<Text, _>(json(cutoffs)).get_result(conn)?)
        }
        Connection::Postgres(conn) => {
            let query = format!("SELECT {columns} FROM {ASKED_OF_POSTGRES} JOIN {table} AS part ON {is_before}");
            let (modules, moments): (Vec<_>, Vec<_>) = cutoffs.iter().copied().unzip();
            let query = sql_query(query).bind::<Array<BigInt>, _>(modules).bind::<Array<BigInt>, _>(moments);
            Ok(query.get_result(conn)?)
        }
    }
}

/// When the first chunk or block of each module begins; those that have none are left out.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn first_of_modules(conn: &mut Connection, tier: Tier) -> Result<HashMap<ModuleNumber, i64>, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        module: ModuleNumber,
        #[diesel(sql_type = Nullable<BigInt>)]
        first: Option<i64>,
    }
    let Columns { table, first, only, .. } = Columns::of(tier);
    let query = sql_query(format!(
        "SELECT one.module AS module,
             min((SELECT min(part.{first}) FROM {table} AS part WHERE part.series = one.id{only})) AS first
         FROM series AS one GROUP BY one.module"
    ));
    let rows: Vec<Row> = match conn {
        Connection::Sqlite(conn) => query.load(conn)?,
        Connection::Postgres(conn) => query.load(conn)?,
    };
    Ok(rows.into_iter().filter_map(|row| Some((row.module, row.first?))).collect())
}

/// The modules that are asked for with their series, in this order: their numbers and moments are a JSON array of pairs.
const ASKED_OF_SQLITE: &str = "WITH asked (module, cutoff) AS MATERIALIZED
    (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))
    SELECT COLUMNS FROM asked CROSS JOIN series AS one ON one.module = asked.module";
/// The same: their numbers and moments are two arrays.
const ASKED_OF_POSTGRES: &str =
    "unnest($1, $2) AS asked (module, cutoff) JOIN series AS one ON one.module = asked.module";

/// How what is kept of a tier is called.
struct Columns {
    table: &'static str,
    first: &'static str,
    last: &'static str,
    count: &'static str,
    only: String,
}

impl Columns {
    fn of(tier: Tier) -> Self {
        match tier.level() {
            None => Self { table: "chunks", first: "first_ts", last: "last_ts", count: "samples", only: String::new() },
            Some(level) => {
                let only = format!(" AND part.level = {}", level.number());
                Self { table: "rollups", first: "start", last: "start", count: "windows", only }
            }
        }
    }
}

fn json(cutoffs: &[Cutoff]) -> String {
    // Numbers; writing them cannot fail.
    serde_json::to_string(cutoffs).unwrap_or_default()
}

#[cfg(test)]
mod tests;
