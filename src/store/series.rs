//! The table `series`: one key of one module each.

use diesel::prelude::*;

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

/// Makes a series.
///
/// # Errors
/// [`StoreError::Conflict`] when it is there already.
pub fn insert(conn: &mut Connection, module: ModuleNumber, key: &str) -> Result<SeriesId, StoreError> {
    let row = (series::module.eq(module), series::key.eq(key), series::raw_from.eq(i64::MIN));
    diesel::insert_into(series::table).values(row).execute(conn)?;
    let made = series::table.filter(series::module.eq(module)).filter(series::key.eq(key));
    Ok(made.select(series::id).first(conn)?)
}
