//! The table `claim_codes`: codes by which somebody may become the owner of a module, by their hash alone.

use diesel::prelude::*;

use super::schema::claim_codes;
use super::{Connection, StoreError};
use crate::domain::ids::ModuleId;
use crate::domain::time::Timestamp;

/// Gives a module a code; an older one works no more, nor do any that have expired.
///
/// # Errors
/// [`StoreError::Conflict`] when the module is gone.
pub fn save(
    conn: &mut Connection,
    module_id: &ModuleId,
    hash: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::delete(claim_codes::table.filter(claim_codes::expires_at.le(now.as_millis()))).execute(conn)?;
    diesel::delete(claim_codes::table.find(module_id.as_str())).execute(conn)?;
    let row = (
        claim_codes::module_id.eq(module_id.as_str()),
        claim_codes::code_hash.eq(hash),
        claim_codes::expires_at.eq(expires_at.as_millis()),
    );
    diesel::insert_into(claim_codes::table).values(row).execute(conn)?;
    Ok(())
}

/// The module that a code is for, if it still works.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn find(conn: &mut Connection, hash: &str, now: Timestamp) -> Result<Option<ModuleId>, StoreError> {
    let found = claim_codes::table
        .filter(claim_codes::code_hash.eq(hash))
        .filter(claim_codes::expires_at.gt(now.as_millis()))
        .select(claim_codes::module_id);
    let id: Option<String> = found.first(conn).optional()?;
    id.map(|id| id.parse().map_err(|_| StoreError::unreadable("claim_codes", &id))).transpose()
}

/// Uses a code up; answers whether it still worked.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn take(conn: &mut Connection, module_id: &ModuleId, hash: &str, now: Timestamp) -> Result<bool, StoreError> {
    let code = claim_codes::table
        .find(module_id.as_str())
        .filter(claim_codes::code_hash.eq(hash))
        .filter(claim_codes::expires_at.gt(now.as_millis()));
    Ok(diesel::delete(code).execute(conn)? > 0)
}

/// Takes a module's code back; answers whether there was one.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn revoke(conn: &mut Connection, module_id: &ModuleId) -> Result<bool, StoreError> {
    Ok(diesel::delete(claim_codes::table.find(module_id.as_str())).execute(conn)? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::modules;
    use crate::store::testing::{self, Scratch};

    #[actix::test]
    async fn a_code_works_once_and_in_time() {
        let scratch = Scratch::new();
        let work = |conn: &mut Connection| {
            let (module, at): (ModuleId, _) = ("MC-1".parse().unwrap(), Timestamp::from_millis);
            modules::insert(conn, &testing::module("MC-1"))?;
            save(conn, &module, "old", at(10), at(1))?;
            save(conn, &module, "new", at(10), at(1))?;
            let found = (find(conn, "old", at(2))?, find(conn, "new", at(2))?, find(conn, "new", at(10))?);
            let taken = [
                take(conn, &module, "old", at(2))?,
                take(conn, &module, "new", at(10))?,
                take(conn, &module, "new", at(2))?,
            ];
            Ok((found, taken, take(conn, &module, "new", at(2))?, revoke(conn, &module)?))
        };
        let (found, taken, again, revoked) = scratch.store().write(work).await.unwrap();
        assert_eq!(found, (None, Some("MC-1".parse().unwrap()), None));
        assert_eq!((taken, again, revoked), ([false, false, true], false, false));
    }
}
