//! All rules in memory, by id and by what they are about.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::alarm::{AlarmRule, RuleScope};
use crate::domain::ids::{ModuleId, RuleId, UserId};
use crate::domain::module::ModuleKind;

/// All rules.
///
/// Invariant: `by_scope` names exactly the rules of `all`, each once.
#[derive(Debug, Default)]
pub struct Book {
    all: BTreeMap<RuleId, Arc<AlarmRule>>,
    by_scope: HashMap<Place, BTreeSet<RuleId>>,
}

/// What a rule is about, in one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Module(ModuleId),
    Type(String),
}

impl Place {
    fn of(scope: &RuleScope) -> Self {
        match scope {
            RuleScope::Module(id) => Self::Module(id.clone()),
            RuleScope::Type(kind) => Self::Type(kind.as_str().to_ascii_lowercase()),
        }
    }
}

impl Book {
    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// How many rules are about the same.
    pub fn count(&self, scope: &RuleScope) -> usize {
        self.by_scope.get(&Place::of(scope)).map_or(0, BTreeSet::len)
    }

    /// How many rules somebody has made.
    pub fn count_by(&self, person: &UserId) -> usize {
        self.all.values().filter(|rule| rule.by == *person).count()
    }

    /// Adds a rule, or replaces the one with its id.
    pub fn insert(&mut self, rule: Arc<AlarmRule>) {
        self.remove(&rule.id);
        self.by_scope.entry(Place::of(&rule.scope)).or_default().insert(rule.id.clone());
        self.all.insert(rule.id.clone(), rule);
    }

    /// Forgets a rule.
    pub fn remove(&mut self, id: &RuleId) {
        let Some(rule) = self.all.remove(id) else { return };
        let place = Place::of(&rule.scope);
        if let Some(rules) = self.by_scope.get_mut(&place) {
            rules.remove(id);
            if rules.is_empty() {
                self.by_scope.remove(&place);
            }
        }
    }

    /// Forgets the rules of a module.
    pub fn remove_of(&mut self, id: &ModuleId) {
        for rule in self.by_scope.remove(&Place::Module(id.clone())).unwrap_or_default() {
            self.all.remove(&rule);
        }
    }

    /// The rule with that id.
    pub fn get(&self, id: &RuleId) -> Option<&Arc<AlarmRule>> {
        self.all.get(id)
    }

    /// All rules, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<AlarmRule>> {
        self.all.values()
    }

    /// The rules that count for a module of a type: its own, then those of the type.
    pub fn holding(&self, id: &ModuleId, kind: &ModuleKind) -> impl Iterator<Item = &Arc<AlarmRule>> {
        let places = [Place::Module(id.clone()), Place::Type(kind.as_str().to_ascii_lowercase())];
        let ids = places.into_iter().filter_map(|place| self.by_scope.get(&place)).flatten();
        ids.filter_map(|id| self.all.get(id)).filter(|rule| rule.enabled)
    }
}
