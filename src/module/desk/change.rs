//! Changes of modules: first the database, then memory, then the event.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::MailboxError;

use super::super::actor::{CloseLink, EndLink, Removed, Republish};
use super::super::entry::{Entry, Meta, ModuleView, Status};
use super::super::error::ModuleError;
use super::super::messages::{Created, ModuleChange, NewModule, Rotated};
use super::super::token;
use super::Desk;
use crate::auth::{ModuleWithdrawn, Principal};
use crate::broker::{BrokerError, Publish};
use crate::domain::event::NewEvent;
use crate::domain::grant::Permission;
use crate::domain::ids::{ModuleId, UserId};
use crate::domain::module::TokenHash;
use crate::domain::time::Timestamp;
use crate::domain::topic::Channel;
use crate::store::modules::{self, ModuleRecord, StoredModule};
use crate::store::{Connection, StoreError};

/// How long the broker may take for an event.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a removed module's actor may take to end; longer than its own time-outs.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(15);
/// How often, and how soon, a refused event is tried again.
const RETRIES: usize = 5;
const RETRY_AFTER: Duration = Duration::from_millis(200);

impl Desk {
    /// Registers a module.
    pub async fn create(&self, by: &Principal, new: NewModule) -> Result<Created, ModuleError> {
        let owner = owner_of_new(by, new.user_id)?;
        let _turn = self.turn().await?;
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
        self.store(record.clone(), modules::insert).await?;
        let entry = Arc::new(Entry::new(StoredModule::new(record)));
        self.catalogue.borrow_mut().insert(Arc::clone(&entry));
        self.shared.changed();
        self.publish(NewEvent::module_added(entry.meta.load_full().facts(&entry.id))).await;
        Ok(Created { module: ModuleView::from(&*entry), token })
    }

    /// Changes name, type or owner.
    pub async fn update(&self, by: &Principal, id: &ModuleId, change: ModuleChange) -> Result<ModuleView, ModuleError> {
        let _turn = self.turn().await?;
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
        after.updated_at = Timestamp::now();
        self.store(after.record(id), modules::update).await?;
        self.replace(&entry, after).await;
        Ok(ModuleView::from(&*entry))
    }

    /// Removes a module.
    pub async fn delete(&self, by: &Principal, id: &ModuleId) -> Result<(), ModuleError> {
        let _turn = self.turn().await?;
        let entry = self.visible(id, by)?;
        let gone = id.clone();
        match self.store.write(move |conn| modules::delete(conn, &gone)).await {
            // Somebody removed it from the database itself.
            Ok(()) | Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        self.catalogue.borrow_mut().remove(id);
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
        let meta = entry.meta.load_full();
        self.publish(NewEvent::module_removed(meta.facts(id))).await;
        self.withdraw(id, meta.owner.clone()).await;
        Ok(())
    }

    /// Gives a module a new token.
    pub async fn rotate(&self, by: &Principal, id: &ModuleId) -> Result<Rotated, ModuleError> {
        let _turn = self.turn().await?;
        let entry = self.visible(id, by)?;
        let token = token::generate();
        let before = entry.meta.load_full();
        let after = Meta { token_hash: TokenHash::of(&token), updated_at: Timestamp::now(), ..Meta::clone(&before) };
        self.store(after.record(id), modules::update).await?;
        self.catalogue.borrow_mut().replace(&entry, after);
        self.shared.changed();
        if let Some(actor) = self.running(id) {
            actor.do_send(CloseLink(EndLink::TOKEN_CHANGED));
        }
        Ok(Rotated { token })
    }

    /// The account is gone: its modules belong to nobody now, as the database knows already.
    pub async fn disown(&self, owner: &UserId) {
        let Ok(_turn) = self.turn().await else {
            tracing::error!("modules of a removed account keep their owner until the next start");
            return;
        };
        let view = super::View::Of(owner.clone());
        let orphans: Vec<_> = self.catalogue.borrow().of(&view).cloned().collect();
        for entry in orphans {
            let meta = Meta { owner: None, ..Meta::clone(&entry.meta.load()) };
            self.replace(&entry, meta).await;
        }
    }

    /// Replaces a stored meta in memory and tells everybody whom it concerns.
    async fn replace(&self, entry: &Arc<Entry>, after: Meta) {
        let before = entry.meta.load_full();
        self.catalogue.borrow_mut().replace(entry, after.clone());
        self.shared.changed();
        let facts = after.facts(&entry.id);
        if before.owner == after.owner {
            self.publish(NewEvent::module_updated(facts)).await;
            return;
        }
        // First of all, so that nothing of what follows reaches who only listens to this module.
        self.withdraw(&entry.id, before.owner.clone()).await;
        if let Some(former) = &before.owner {
            self.publish(NewEvent::module_withdrawn(&entry.id, former)).await;
        }
        if let Some(owner) = &after.owner {
            let audience = vec![Channel::ModulesOf(owner.clone())];
            self.publish(NewEvent { audience, ..NewEvent::module_added(facts) }).await;
        }
        self.publish(NewEvent::module_updated(facts)).await;
        // What is kept as its latest telemetry was meant for the former owner.
        if let Ok(actor) = self.locate(&entry.id) {
            actor.do_send(Republish);
        }
    }

    async fn withdraw(&self, id: &ModuleId, from: Option<UserId>) {
        let (Some(listener), Some(from)) = (&self.withdrawn, from) else { return };
        let told = listener.send(ModuleWithdrawn { module_id: id.clone(), from }).timeout(PUBLISH_TIMEOUT).await;
        if let Err(error) = told {
            tracing::error!(module.id = %id, %error, "sessions were not told that a module was withdrawn");
        }
    }

    /// Stores a module's row, if its owner exists.
    async fn store(
        &self,
        record: ModuleRecord,
        how: fn(&mut Connection, &ModuleRecord) -> Result<(), StoreError>,
    ) -> Result<(), ModuleError> {
        let id = record.id.clone();
        let stored = self.store.write(move |conn| {
            if let Some(owner) = &record.owner
                && !modules::has_owner(conn, owner)?
            {
                return Ok(false);
            }
            how(conn, &record).map(|()| true)
        });
        match stored.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(ModuleError::UnknownOwner),
            Err(StoreError::Conflict(_)) => Err(ModuleError::Exists(id)),
            Err(StoreError::NotFound) => Err(ModuleError::NotFound(id)),
            Err(error) => Err(error.into()),
        }
    }

    async fn publish(&self, event: NewEvent) {
        for _ in 0..RETRIES {
            match self.shared.publish.send(Publish(event.clone())).timeout(PUBLISH_TIMEOUT).await {
                Ok(Ok(_)) => return,
                Ok(Err(BrokerError::Stopped)) | Err(_) => break,
                Ok(Err(_)) => tokio::time::sleep(RETRY_AFTER).await,
            }
        }
        tracing::error!(event.name = %event.name, "a change of a module was stored but not told");
    }
}

/// The owner of a new module: the caller, or as admins wish.
fn owner_of_new(by: &Principal, wish: Option<Option<UserId>>) -> Result<Option<UserId>, ModuleError> {
    match wish {
        None => Ok(Some(by.user_id.clone())),
        Some(owner) if by.may(Permission::ModulesAll) || owner.as_ref() == Some(&by.user_id) => Ok(owner),
        Some(_) => Err(ModuleError::ForeignOwner),
    }
}
