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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::modules::{ModuleRecord, StoredModule};
    use crate::store::testing::module;

    fn entry(id: u8, owner: Option<u8>) -> Arc<Entry> {
        let record = ModuleRecord { owner: owner.map(user), ..module(&format!("m{id}")) };
        Arc::new(Entry::new(StoredModule::new(record, id.into())))
    }

    fn user(number: u8) -> UserId {
        format!("u{number}").parse().unwrap()
    }

    proptest! {
        #[test]
        fn owners_and_tokens_say_what_the_modules_say(
            steps in prop::collection::vec((0..3_u8, 0..6_u8, prop::option::of(0..3_u8)), 1..60),
        ) {
            let mut catalogue = Catalogue::default();
            for (step, (what, id, owner)) in steps.into_iter().enumerate() {
                let module_id: ModuleId = format!("m{id}").parse().unwrap();
                match (what, catalogue.get(&module_id).cloned()) {
                    (0, None) => catalogue.insert(entry(id, owner)),
                    (1, Some(known)) => {
                        let token_hash = TokenHash::of(&format!("{id} {step}"));
                        let meta = Meta { owner: owner.map(user), token_hash, ..Meta::clone(&known.meta.load()) };
                        catalogue.replace(&known, meta);
                    }
                    (2, Some(_)) => catalogue.remove(&module_id),
                    _ => {}
                }
                for number in 0..3 {
                    let owned: Vec<_> = catalogue.of(&View::Of(user(number))).map(|entry| &entry.id).collect();
                    let all = catalogue.of(&View::All);
                    let expected = all.filter(|entry| entry.meta.load().owner == Some(user(number)));
                    prop_assert_eq!(owned, expected.map(|entry| &entry.id).collect::<Vec<_>>());
                }
                for entry in catalogue.of(&View::All) {
                    prop_assert_eq!(catalogue.by_token(&entry.meta.load().token_hash), Some(&entry.id));
                }
                prop_assert_eq!(catalogue.tokens.len(), catalogue.len());
            }
        }
    }
}
