//! Removing an account, with what follows for its modules.

use super::Orphan;
use crate::domain::event::NewEvent;
use crate::domain::event::payload::{ModuleFacts, Presence};
use crate::domain::ids::UserId;
use crate::store::announcements::{self, Announced};
use crate::store::modules::{self, ModuleRecord};
use crate::store::{Connection, StoreError, users};

/// Removes an account with its logins; its modules belong to nobody then, which is announced.
///
/// # Errors
/// [`StoreError::NotFound`] when it is not there.
pub fn remove_user(conn: &mut Connection, id: &UserId) -> Result<Vec<Orphan>, StoreError> {
    let owned = modules::of_owner(conn, id)?;
    users::delete(conn, id)?;
    let orphan = |module: ModuleRecord| {
        let announced = announce(conn, id, &module)?;
        Ok(Orphan { module_id: module.id, announced })
    };
    owned.into_iter().map(orphan).collect()
}

fn announce(conn: &mut Connection, former: &UserId, module: &ModuleRecord) -> Result<Vec<Announced>, StoreError> {
    let (name, kind) = (module.name.as_str(), module.kind.as_str());
    let facts = ModuleFacts { id: &module.id, name, kind, owner: None };
    // Nobody is told of it as new.
    let events = NewEvent::module_changed(Some(former), facts, Presence::default());
    events.into_iter().map(|event| announcements::add(conn, event)).collect()
}
