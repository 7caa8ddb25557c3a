//! All modules in memory, by id, by owner and by token.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::entry::{Entry, Meta};
use crate::auth::Principal;
use crate::domain::grant::Permission;
use crate::domain::ids::{ModuleId, UserId};
use crate::domain::module::TokenHash;

type ById = BTreeMap<ModuleId, Arc<Entry>>;

/// All modules.
///
/// Invariant: `owners` and `tokens` say what the entries' metas say; metas are replaced by [`Catalogue::replace`] alone.
#[derive(Debug, Default)]
pub struct Catalogue {
    all: ById,
    owners: HashMap<UserId, ById>,
    tokens: HashMap<TokenHash, ModuleId>,
}

impl Catalogue {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Adds a module.
    pub fn insert(&mut self, entry: Arc<Entry>) {
        let meta = entry.meta.load_full();
        self.index(&meta, &entry);
        self.all.insert(entry.id.clone(), entry);
    }

    /// Replaces what people can change of a module.
    pub fn replace(&mut self, entry: &Arc<Entry>, meta: Meta) {
        self.unindex(&entry.meta.load_full(), &entry.id);
        self.index(&meta, entry);
        entry.meta.store(Arc::new(meta));
    }

    /// Forgets a module.
    pub fn remove(&mut self, id: &ModuleId) {
        if let Some(entry) = self.all.remove(id) {
            self.unindex(&entry.meta.load_full(), id);
        }
    }

    /// The module with that id.
    pub fn get(&self, id: &ModuleId) -> Option<&Arc<Entry>> {
        self.all.get(id)
    }

    /// The module with that token.
    pub fn by_token(&self, hash: &TokenHash) -> Option<&ModuleId> {
        self.tokens.get(hash)
    }

    /// The module with that id, if a person may see it.
    pub fn visible(&self, id: &ModuleId, to: &Principal) -> Option<&Arc<Entry>> {
        self.get(id).filter(|entry| entry.is_visible_to(to))
    }

    /// The modules of one owner, or all, in the order of their ids.
    pub fn of(&self, view: &View) -> impl Iterator<Item = &Arc<Entry>> {
        let modules = match view {
            View::All => Some(&self.all),
            View::Of(owner) => self.owners.get(owner),
        };
        modules.into_iter().flat_map(BTreeMap::values)
    }

    fn index(&mut self, meta: &Meta, entry: &Arc<Entry>) {
        self.tokens.insert(meta.token_hash, entry.id.clone());
        if let Some(owner) = &meta.owner {
            self.owners.entry(owner.clone()).or_default().insert(entry.id.clone(), Arc::clone(entry));
        }
    }

    fn unindex(&mut self, meta: &Meta, id: &ModuleId) {
        self.tokens.remove(&meta.token_hash);
        let Some(owner) = &meta.owner else { return };
        if let Some(modules) = self.owners.get_mut(owner) {
            modules.remove(id);
            if modules.is_empty() {
                self.owners.remove(owner);
            }
        }
    }
}

/// What a person sees of all modules.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum View {
    /// Every one.
    All,
    /// Those of one owner.
    Of(UserId),
}

impl View {
    /// What that person sees.
    pub fn of(who: &Principal) -> Self {
        if who.may(Permission::ModulesAll) { Self::All } else { Self::Of(who.user_id.clone()) }
    }
}
