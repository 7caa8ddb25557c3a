//! The table `event_order`: one row that says which order of events this database holds.

use diesel::prelude::*;

use super::schema::{event_order, events};
use super::{Connection, StoreError};
use crate::domain::cursor::{Epoch, Offset};

/// The one row's key.
const ROW: i64 = 1;

/// The order as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredOrder {
    /// Which order; made once per database.
    pub epoch: Epoch,
    /// Every place up to here may have been given away.
    pub reserved: Offset,
    /// Events up to here were pruned.
    pub pruned: Offset,
}

/// The order, begun when there is none.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn open(conn: &mut Connection) -> Result<StoredOrder, StoreError> {
    if let Some(known) = find(conn)? {
        return Ok(known);
    }
    // Events of an order that nobody can name any more cannot be asked for.
    diesel::delete(events::table).execute(conn)?;
    let epoch = Epoch::generate();
    let row = OrderRow { id: ROW, epoch: epoch.to_string(), reserved: 0, pruned: 0 };
    diesel::insert_into(event_order::table).values(row).execute(conn)?;
    Ok(StoredOrder { epoch, reserved: 0, pruned: 0 })
}

/// Says up to which place offsets may have been given away.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn reserve(conn: &mut Connection, reserved: Offset) -> Result<(), StoreError> {
    let change = event_order::reserved.eq(to_row(reserved));
    diesel::update(event_order::table.find(ROW)).set(change).execute(conn)?;
    Ok(())
}

/// Up to which place events were pruned.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn pruned(conn: &mut Connection) -> Result<Offset, StoreError> {
    let pruned: Option<i64> = event_order::table.find(ROW).select(event_order::pruned).first(conn).optional()?;
    Ok(from_row(pruned.unwrap_or_default()))
}

/// Says up to which place events were pruned.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn set_pruned(conn: &mut Connection, pruned: Offset) -> Result<(), StoreError> {
    let change = event_order::pruned.eq(to_row(pruned));
    diesel::update(event_order::table.find(ROW)).set(change).execute(conn)?;
    Ok(())
}

/// The order, if one was begun.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn find(conn: &mut Connection) -> Result<Option<StoredOrder>, StoreError> {
    let row = event_order::table.find(ROW).select(OrderRow::as_select()).first(conn).optional()?;
    let Some(row) = row else { return Ok(None) };
    let epoch = row.epoch.parse().map_err(|_| StoreError::unreadable("event_order", &row.id.to_string()))?;
    Ok(Some(StoredOrder { epoch, reserved: from_row(row.reserved), pruned: from_row(row.pruned) }))
}

/// A place as SQLite keeps it; no order reaches the places it could not keep.
pub(super) fn to_row(offset: Offset) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// A place as SQLite kept it.
pub(super) fn from_row(offset: i64) -> Offset {
    Offset::try_from(offset).unwrap_or_default()
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = event_order)]
struct OrderRow {
    id: i64,
    epoch: String,
    reserved: i64,
    pruned: i64,
}
