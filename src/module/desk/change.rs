//! Changes of modules: first the database with the events that tell of them, then memory, then the events themselves.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::MailboxError;

use super::super::actor::{CloseLink, EndLink, Removed};
use super::super::alarm::{self, Enter, Follow, Leave};
use super::super::claim::{self, ClaimCode};
use super::super::command::take_back;
use super::super::entry::{Entry, Meta, ModuleView, Status};
use super::super::error::ModuleError;
use super::super::messages::{Created, ModuleChange, NewModule, Rotated};
use super::super::token;
use super::Desk;
use crate::auth::{Principal, opaque};
use crate::domain::event::NewEvent;
use crate::domain::grant::Permission;
use crate::domain::ids::{ModuleId, UserId};
use crate::domain::module::TokenHash;
use crate::domain::stop::StopScope;
use crate::domain::time::Timestamp;
use crate::store::announcements::{self, Announced};
use crate::store::modules::{self, ModuleRecord, StoredModule};
use crate::store::{Connection, StoreError, claims, stops};

/// How long a removed module's actor may take to end; longer than its own time-outs.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(15);

/// What became of a change in the database.
enum Stored<T> {
    /// It is there, and so are the events that tell of it.
    Done(T),
    /// The owner is not there.
    NoOwner,
    /// Another process has changed the owner, and memory does not know yet.
    Moved,
}

impl Desk {
    /// Registers a module.
    pub async fn create(&self, by: &Principal, new: NewModule) -> Result<Created, ModuleError> {
        let owner = owner_of_new(by, &new)?;
        let _turn = self.line.turn().await?;
        if self.catalogue.borrow().get(&new.module_id).is_some() {
            return Err(ModuleError::Exists(new.module_id));
        }
        let (token, now) = (token::generate(), Timestamp::now());
        let record = ModuleRecord {
            id: new.module_id,
            name: new.name,
            kind: new.r#type,
            owner,
            token_hash: TokenHash::of(&token),
            created_at: now,
            updated_at: now,
        };
        let code = new.claimable.then(|| self.new_code());
        let (id, owner, saved) = (record.id.clone(), record.owner.clone(), code.clone());
        let insertion = move |conn: &mut Connection| {
            let number = modules::insert(conn, &record)?;
            if let Some((code, expires_at)) = saved {
                claims::save(conn, &record.id, &opaque::fingerprint(&code), expires_at, now)?;
            }
            let entry = Entry::new(StoredModule::new(record, number));
            let event = NewEvent::module_added(entry.meta.load_full().facts(&entry.id), entry.live.load().presence());
            Ok(Stored::Done((Arc::new(entry), announcements::add(conn, event)?)))
        };
        let (entry, announced) = self.store(&id, owner, insertion).await?;
        self.catalogue.borrow_mut().insert(Arc::clone(&entry));
        self.warden.do_send(Enter(vec![Arc::clone(&entry)]));
        self.shared.changed();
        self.announce(vec![announced]).await;
        let claim = code.map(|(code, expires_at)| ClaimCode { claim_code: claim::written(&code), expires_at });
        Ok(Created { module: ModuleView::from(&*entry), token, claim })
    }

    /// Changes name, type or owner.
    pub async fn update(&self, by: &Principal, id: &ModuleId, change: ModuleChange) -> Result<ModuleView, ModuleError> {
        let _turn = self.line.turn().await?;
        let entry = self.visible(id, by)?;
        let before = entry.meta.load_full();
        let mut after = Meta::clone(&before);
        after.name = change.name.unwrap_or(after.name);
        after.kind = change.r#type.unwrap_or(after.kind);
        after.owner = change.user_id.unwrap_or(after.owner);
        if after.owner.is_none() && before.owner.is_some() && !by.may(Permission::ModulesAll) {
            return Err(ModuleError::ForeignOwner);
        }
        if (&after.name, &after.kind, &after.owner) == (&before.name, &before.kind, &before.owner) {
            return Ok(ModuleView::from(&*entry));
        }
        self.check_stays_held(by, id, &before.kind, &after.kind)?;
        after.updated_at = Timestamp::now();
        let told = entry.live.load().presence();
        let events = NewEvent::module_changed(before.owner.as_ref(), after.facts(id), told);
        let told_of_change = events.len();
        let mut announced = self.store_update(&entry, &after, events).await?;
        let taken_back = announced.split_off(told_of_change);
        let has_moved = self.replace(&entry, after).await;
        if entry.meta.load().kind != before.kind {
            self.look_at_stops(id);
            self.warden.do_send(Follow(id.clone()));
        }
        self.announce(announced).await;
        self.shared.tell_taken_back(taken_back).await;
        if has_moved {
            self.republish(id, told.is_online);
        }
        Ok(ModuleView::from(&*entry))
    }

    /// Removes a module.
    pub async fn delete(&self, by: &Principal, id: &ModuleId) -> Result<(), ModuleError> {
        let _turn = self.line.turn().await?;
        let entry = self.visible(id, by)?;
        let event = NewEvent::module_removed(entry.meta.load_full().facts(id));
        let gone = id.clone();
        let removal = self.store.write(move |conn| {
            // Its alarms go with its row, and so does who may hear of them.
            let ended = alarm::clear_all_of(conn, &gone, Timestamp::now())?;
            match modules::delete(conn, &gone) {
                // Somebody removed it from the database itself.
                Ok(()) | Err(StoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
            Ok((ended, announcements::add(conn, event)?))
        });
        let (ended, removed) = removal.await?;
        ended.iter().for_each(|(severity, _)| self.shared.metrics.alarm_open(severity.name(), -1));
        let announced = ended.into_iter().map(|(_, cleared)| cleared).chain([removed]).collect();
        self.shared.policy.rcu(|policy| policy.without(id));
        self.catalogue.borrow_mut().remove(id);
        self.warden.do_send(Leave(id.clone()));
        self.shared.changed();
        let actor = self.actors.borrow_mut().remove(id);
        if let Some(actor) = actor
            && let Err(MailboxError::Timeout) = actor.send(Removed).timeout(REMOVE_TIMEOUT).await
        {
            tracing::warn!(module.id = %id, "a removed module's actor does not end");
        } else if entry.live.load().status == Status::Online {
            // Its actor broke off before it could count it out.
            self.shared.online.fetch_sub(1, Ordering::Relaxed);
            self.shared.metrics.module_offline();
        }
        self.shared.changed();
        self.announce(announced).await;
        self.withdraw(id, entry.meta.load_full().owner.clone(), true).await;
        Ok(())
    }

    /// Gives a module a new token.
    pub async fn rotate(&self, by: &Principal, id: &ModuleId) -> Result<Rotated, ModuleError> {
        let _turn = self.line.turn().await?;
        let entry = self.visible(id, by)?;
        let token = token::generate();
        let before = entry.meta.load_full();
        let after = Meta { token_hash: TokenHash::of(&token), updated_at: Timestamp::now(), ..Meta::clone(&before) };
        self.store_update(&entry, &after, Vec::new()).await?;
        self.catalogue.borrow_mut().replace(&entry, after);
        self.shared.changed();
        if let Some(actor) = self.running(id) {
            actor.do_send(CloseLink(EndLink::TOKEN_CHANGED));
        }
        Ok(Rotated { token })
    }

    /// Stores a changed row with the events that tell of it; of a type that must stand still the module's commands are taken
    /// back with it, whose events come last.
    async fn store_update(
        &self,
        entry: &Arc<Entry>,
        after: &Meta,
        events: Vec<NewEvent>,
    ) -> Result<Vec<Announced>, ModuleError> {
        let (record, before) = (after.record(&entry.id), entry.meta.load_full());
        let has_other_type = after.kind != before.kind;
        let must_stop = self.shared.stops.load().of(&entry.id, &after.kind).next().is_some();
        let update = move |conn: &mut Connection| {
            if !modules::is_of(conn, &record.id, before.owner.as_ref())? {
                return Ok(Stored::Moved);
            }
            modules::update(conn, &record)?;
            let announced = events.into_iter().map(|event| announcements::add(conn, event));
            let mut announced = announced.collect::<Result<Vec<_>, _>>()?;
            // A stop that is stored later finds the module among those of its type.
            if has_other_type && (must_stop || is_stopped(conn, &record)?) {
                announced.extend(take_back(conn, &StopScope::Module(record.id), Timestamp::now())?);
            }
            Ok(Stored::Done(announced))
        };
        self.store(&entry.id, after.owner.clone(), update).await
    }

    /// Stores a change in one transaction, if the owner from then on exists.
    async fn store<T: Send + 'static>(
        &self,
        id: &ModuleId,
        owner: Option<UserId>,
        change: impl FnOnce(&mut Connection) -> Result<Stored<T>, StoreError> + Send + 'static,
    ) -> Result<T, ModuleError> {
        let stored = self.store.write(move |conn| {
            if let Some(owner) = &owner
                && !modules::has_owner(conn, owner)?
            {
                return Ok(Stored::NoOwner);
            }
            change(conn)
        });
        match stored.await {
            Ok(Stored::Done(done)) => Ok(done),
            Ok(Stored::NoOwner) => Err(ModuleError::UnknownOwner),
            Ok(Stored::Moved) => Err(ModuleError::Busy),
            Err(StoreError::Conflict(_)) => Err(ModuleError::Exists(id.clone())),
            Err(StoreError::NotFound) => Err(ModuleError::NotFound(id.clone())),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether a stop is stored that concerns a module.
fn is_stopped(conn: &mut Connection, module: &ModuleRecord) -> Result<bool, StoreError> {
    Ok(stops::active(conn)?.iter().any(|stop| stop.scope.holds(&module.id, &module.kind)))
}

/// The owner of a new module: the caller, or as admins wish.
fn owner_of_new(by: &Principal, new: &NewModule) -> Result<Option<UserId>, ModuleError> {
    match new.user_id.clone() {
        _ if new.claimable && !by.may(Permission::ModulesAll) => Err(ModuleError::AdminsOnly),
        None if new.claimable => Ok(None),
        None => Ok(Some(by.user_id.clone())),
        Some(owner) if by.may(Permission::ModulesAll) || owner.as_ref() == Some(&by.user_id) => Ok(owner),
        Some(_) => Err(ModuleError::ForeignOwner),
    }
}
