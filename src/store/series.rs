//! The table `series`: one key of one module each.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt};

use super::readings::ModuleNumber;
use super::schema::series;
use super::{Connection, StoreError};

/// The number of a series.
pub type SeriesId = i64;

/// One key of one module.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = series)]
pub struct Series {
    /// Its number.
    pub id: SeriesId,
    /// Which key.
    pub key: String,
    /// What was measured before may be gone, in Unix milliseconds.
    pub raw_from: i64,
}

/// All series of a module, by key.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn of_module(conn: &mut Connection, module: ModuleNumber) -> Result<Vec<Series>, StoreError> {
    let rows = series::table.filter(series::module.eq(module)).order(series::key);
    Ok(rows.select(Series::as_select()).load(conn)?)
}

/// Removes the series of a module that have nothing any more.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn remove_of(conn: &mut Connection, module: ModuleNumber) -> Result<(), StoreError> {
    diesel::delete(series::table.filter(series::module.eq(module))).execute(conn)?;
    Ok(())
}

/// Says of series that samples before a moment may be gone; each series is named once.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn raise_raw_from(conn: &mut Connection, moments: &[(SeriesId, i64)]) -> Result<(), StoreError> {
    match conn {
        Connection::Sqlite(conn) => {
            for (id, moment) in moments {
                let earlier = series::table.find(id).filter(series::raw_from.lt(moment));
                diesel::update(earlier).set(series::raw_from.eq(moment)).execute(conn)?;
            }
        }
        Connection::Postgres(_) if moments.is_empty() => {}
        Connection::Postgres(conn) => {
            let (ids, moments): (Vec<_>, Vec<_>) = moments.iter().copied().unzip();
            sql_query(
                "UPDATE series SET raw_from = said.raw_from FROM unnest($1, $2) AS said (id, raw_from)
                 WHERE series.id = said.id AND series.raw_from < said.raw_from",
            )
            .bind::<Array<BigInt>, _>(ids)
            .bind::<Array<BigInt>, _>(moments)
            .execute(conn)?;
        }
    }
    Ok(())
}

/// Makes series of a module; answers their numbers in the order of the keys.
///
/// # Errors
/// [`StoreError::Conflict`] when one is there already.
pub fn insert(conn: &mut Connection, module: ModuleNumber, keys: &[String]) -> Result<Vec<SeriesId>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let row = |key: &String| (series::module.eq(module), series::key.eq(key.clone()), series::raw_from.eq(i64::MIN));
    match conn {
        Connection::Sqlite(conn) => {
            for key in keys {
                diesel::insert_into(series::table).values(row(key)).execute(conn)?;
            }
        }
        Connection::Postgres(conn) => {
            diesel::insert_into(series::table).values(keys.iter().map(row).collect::<Vec<_>>()).execute(conn)?;
        }
    }
    let made: BTreeMap<String, SeriesId> = of_module(conn, module)?.into_iter().map(|one| (one.key, one.id)).collect();
    Ok(keys.iter().filter_map(|key| made.get(key).copied()).collect())
}
