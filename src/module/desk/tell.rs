//! What follows a stored change: memory, sessions, events, in this order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::MailboxError;

use super::super::actor::Republish;
use super::super::announce::announce;
use super::super::entry::{Entry, Meta};
use super::super::messages::Located;
use super::{Desk, View};
use crate::auth::{ModuleWithdrawn, Orphan};
use crate::domain::ids::{ModuleId, UserId};
use crate::store::announcements::Announced;
use crate::store::modules;

/// How long a session may take to be told.
const TELL_TIMEOUT: Duration = Duration::from_secs(5);
/// How many modules are told of at once.
const TOLD_AT_ONCE: usize = 100;
/// How soon the database is asked again who owns what.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Desk {
    /// The account is gone: its modules belong to nobody now, as the database knows already.
    pub async fn disown(&self, owner: &UserId, orphans: &[Orphan]) {
        let _turn = self.line.turn_to_follow().await;
        for part in orphans.chunks(TOLD_AT_ONCE) {
            let mut disowned = Vec::new();
            for Orphan { module_id, .. } in part {
                let entry = self.catalogue.borrow().get(module_id).cloned();
                let entry = entry.filter(|entry| entry.meta.load().owner.as_ref() == Some(owner));
                if let Some(entry) = entry {
                    self.replace(&entry, Meta { owner: None, ..Meta::clone(&entry.meta.load()) }).await;
                    disowned.push(entry);
                }
            }
            self.announce(part.iter().flat_map(|orphan| orphan.announced.clone()).collect()).await;
            disowned.iter().for_each(|entry| self.republish(&entry.id, entry.live.load().presence().is_online));
        }
    }

    /// Another process changed the database: whose account it removed owns nothing any more. It announced that itself.
    pub async fn look_outside(&self) {
        if self.is_about_to_look.replace(true) {
            return;
        }
        loop {
            // Changes of the hub hold their turn until memory is as the database.
            let turn = self.line.turn_to_follow().await;
            // From here on somebody else may have to look again.
            self.is_about_to_look.set(false);
            match self.store.read(modules::owners).await {
                Ok(owners) => return self.follow(&owners).await,
                Err(error) => {
                    tracing::warn!(%error, "cannot see whether another process changed owners; looking again")
                }
            }
            if self.is_about_to_look.replace(true) {
                return;
            }
            drop(turn);
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    /// Takes away in memory what belongs to nobody in the database.
    async fn follow(&self, owners: &HashMap<ModuleId, UserId>) {
        let owned: Vec<_> = self.catalogue.borrow().of(&View::All).cloned().collect();
        for entry in owned {
            let before = entry.meta.load_full();
            if before.owner.is_some() && !owners.contains_key(&entry.id) {
                self.replace(&entry, Meta { owner: None, ..Meta::clone(&before) }).await;
                self.republish(&entry.id, entry.live.load().presence().is_online);
            }
        }
    }

    /// Replaces a stored meta in memory, before anybody is told; answers whether the module has another owner now.
    pub(super) async fn replace(&self, entry: &Arc<Entry>, after: Meta) -> bool {
        let before = entry.meta.load_full();
        let has_moved = before.owner != after.owner;
        self.catalogue.borrow_mut().replace(entry, after);
        self.shared.changed();
        if has_moved {
            // Before its events, so that nothing of them reaches who only listens to this module.
            self.withdraw(&entry.id, before.owner.clone(), false).await;
        }
        has_moved
    }

    /// Sends the telemetry of a module with a new owner out again: what is kept as its latest was meant for the former one.
    ///
    /// After the events of the change, so that the new owner knows the module by then; of its presence only what has
    /// changed since they were written.
    pub(super) fn republish(&self, id: &ModuleId, told_online: bool) {
        if let Ok(Located { actor, .. }) = self.locate(id) {
            actor.do_send(Republish { told_online });
        }
    }

    pub(super) async fn withdraw(&self, id: &ModuleId, from: Option<UserId>, is_removed: bool) {
        let Some(listener) = &self.withdrawn else { return };
        let withdrawn = ModuleWithdrawn { module_id: id.clone(), from, is_removed };
        // Until it is told: nothing of the change may be published while somebody listens who may not hear it. Who is
        // gone has no sessions; withdrawing twice changes nothing.
        while let Err(MailboxError::Timeout) = listener.send(withdrawn.clone()).timeout(TELL_TIMEOUT).await {
            tracing::error!(module.id = %id, "sessions were not told that a module was withdrawn; telling them again");
        }
    }

    /// Has the events told of a change that memory knows. What the broker does not take it finds in the database.
    pub(super) async fn announce(&self, announced: Vec<Announced>) {
        announce(&self.shared.announce, announced).await;
    }
}
