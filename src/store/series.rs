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

/// All series of all modules.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn all(conn: &mut Connection) -> Result<Vec<SeriesId>, StoreError> {
    Ok(series::table.order(series::id).select(series::id).load(conn)?)
}

/// Removes the series of a module that have nothing any more.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn remove_of(conn: &mut Connection, module: ModuleNumber) -> Result<(), StoreError> {
    diesel::delete(series::table.filter(series::module.eq(module))).execute(conn)?;
    Ok(())
}

/// Says that samples before a moment may be gone.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn raise_raw_from(conn: &mut Connection, id: SeriesId, moment: i64) -> Result<(), StoreError> {
    let earlier = series::table.find(id).filter(series::raw_from.lt(moment));
    diesel::update(earlier).set(series::raw_from.eq(moment)).execute(conn)?;
    Ok(())
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
