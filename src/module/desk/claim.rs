//! Claim codes: an admin gives a module one, and whoever has it becomes the module's owner, once.

use std::sync::Arc;

use super::super::claim::{self, ClaimCode};
use super::super::entry::{Meta, ModuleView};
use super::super::error::ModuleError;
use super::Desk;
use crate::auth::{AuthError, Principal, opaque};
use crate::domain::event::NewEvent;
use crate::domain::grant::Permission;
use crate::domain::ids::ModuleId;
use crate::domain::time::Timestamp;
use crate::store::{Connection, StoreError, announcements, claims, modules};

impl Desk {
    /// Gives a module a new claim code; an older one works no more.
    pub async fn issue_code(&self, by: &Principal, id: &ModuleId) -> Result<ClaimCode, ModuleError> {
        if !by.may(Permission::ModulesAll) {
            return Err(ModuleError::AdminsOnly);
        }
        let entry = self.visible(id, by)?;
        let (code, expires_at) = self.new_code();
        let (hash, module, now) = (opaque::fingerprint(&code), entry.id.clone(), Timestamp::now());
        let saved = self.store.write(move |conn| claims::save(conn, &module, &hash, expires_at, now)).await;
        match saved {
            Ok(()) => Ok(ClaimCode { claim_code: claim::written(&code), expires_at }),
            Err(StoreError::Conflict(_)) => Err(ModuleError::NotFound(id.clone())),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a module's claim code back; without one nothing changes.
    pub async fn revoke_code(&self, by: &Principal, id: &ModuleId) -> Result<(), ModuleError> {
        if !by.may(Permission::ModulesAll) {
            return Err(ModuleError::AdminsOnly);
        }
        let module = self.visible(id, by)?.id.clone();
        self.store.write(move |conn| claims::revoke(conn, &module)).await?;
        Ok(())
    }

    /// Makes a person the owner of the module that the code is for.
    pub async fn claim(&self, by: &Principal, code: &str) -> Result<ModuleView, ModuleError> {
        self.count_attempt(by)?;
        let hash = opaque::fingerprint(&claim::read(code).ok_or(ModuleError::WrongCode)?);
        let _turn = self.line.turn().await?;
        let (wanted, now) = (hash.clone(), Timestamp::now());
        let id = self.store.read(move |conn| claims::find(conn, &wanted, now)).await?.ok_or(ModuleError::WrongCode)?;
        let entry = self.catalogue.borrow().get(&id).cloned().ok_or(ModuleError::WrongCode)?;
        let before = entry.meta.load_full();
        let after = Meta { owner: Some(by.user_id.clone()), updated_at: now, ..Meta::clone(&before) };
        let told = entry.live.load().presence();
        let events = NewEvent::module_changed(before.owner.as_ref(), after.facts(&id), told);
        let (record, former) = (after.record(&id), Arc::clone(&before));
        let claiming = self.store.write(move |conn: &mut Connection| {
            if !modules::is_of(conn, &record.id, former.owner.as_ref())? || !claims::take(conn, &record.id, &hash, now)?
            {
                return Ok(None);
            }
            modules::update(conn, &record)?;
            let announced = events.into_iter().map(|event| announcements::add(conn, event));
            announced.collect::<Result<Vec<_>, _>>().map(Some)
        });
        let announced = match claiming.await {
            Ok(announced) => announced.ok_or(ModuleError::WrongCode)?,
            // The account was removed a moment ago.
            Err(StoreError::Conflict(_)) => return Err(ModuleError::WrongCode),
            Err(error) => return Err(error.into()),
        };
        let has_moved = self.replace(&entry, after).await;
        self.announce(announced).await;
        if has_moved {
            self.republish(&id, told.is_online);
        }
        Ok(ModuleView::from(&*entry))
    }

    /// A code and until when it works.
    pub(super) fn new_code(&self) -> (String, Timestamp) {
        (claim::generate(), Timestamp::now().plus(self.pairing.code_lifetime))
    }

    fn count_attempt(&self, by: &Principal) -> Result<(), ModuleError> {
        let throttle = &self.claims;
        let counted = by.address.map_or(Ok(()), |address| throttle.check_address(address));
        counted.and_then(|()| throttle.check_account(by.user_id.as_str())).map_err(|error| match error {
            AuthError::Throttled { retry_after } => ModuleError::Throttled(retry_after),
            _ => ModuleError::Busy,
        })
    }
}
