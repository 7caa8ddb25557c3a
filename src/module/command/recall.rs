//! What an emergency stop takes back of the commands that wait in the database.

use crate::domain::event::NewEvent;
use crate::domain::stop::StopScope;
use crate::domain::time::Timestamp;
use crate::store::announcements::{self, Announced};
use crate::store::{Connection, StoreError, commands};

/// Takes back every command in scope that was made until a moment and waits then, also of modules whose device is away, in
/// the caller's transaction; announces each.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn take_back(conn: &mut Connection, scope: &StopScope, at: Timestamp) -> Result<Vec<Announced>, StoreError> {
    let cancelled = commands::cancel(conn, scope, at)?;
    let told =
        cancelled.iter().map(|one| NewEvent::command_updated(&one.module_id, &one.id, &one.name, "cancelled", None));
    told.map(|event| announcements::add(conn, event)).collect()
}
