//! The table `heartbeat`: one row, written to see whether the disk takes anything.

use diesel::prelude::*;

use super::schema::heartbeat;
use super::{Connection, StoreError};
use crate::domain::time::Timestamp;

/// Writes the row, which puts a page into the database's log: to begin a transaction, or to change nothing, does not
/// touch the disk.
///
/// # Errors
/// Why nothing can be written.
pub fn beat(conn: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
    let row = (heartbeat::id.eq(1_i64), heartbeat::at.eq(now.as_millis()));
    if diesel::update(heartbeat::table.find(1_i64)).set(heartbeat::at.eq(now.as_millis())).execute(conn)? == 0 {
        diesel::insert_into(heartbeat::table).values(row).execute(conn)?;
    }
    Ok(())
}
