//! What is known of a webhook since the hub started: pure.

use std::collections::HashMap;

use super::health::Health;
use crate::domain::ids::ModuleId;
use crate::domain::time::Timestamp;
use crate::store::deliveries::Head;

/// What is known of a webhook since the hub started.
#[derive(Debug, Clone, Default)]
pub struct Course {
    /// Modules of which it is being told something, and whether that has failed before.
    pub busy: HashMap<Option<ModuleId>, bool>,
    /// Whose turn was last.
    pub last: Option<ModuleId>,
    /// How its target does.
    pub health: Health,
    /// When the webhook was last changed.
    pub version: Option<Timestamp>,
}

impl Course {
    /// Begins anew with a webhook that was changed, as its target may be another.
    pub fn meet(&mut self, version: Timestamp) {
        if self.version.replace(version) != Some(version) {
            self.health = Health::default();
        }
    }

    /// When the next of what may not be told yet may be.
    #[must_use]
    pub fn first_due_after(&self, heads: &[Head], now: Timestamp) -> Option<Timestamp> {
        let rest = self.health.rests_until();
        let due = heads.iter().filter(|head| self.is_free(head)).map(|head| Some(head.next_at).max(rest));
        due.flatten().filter(|at| *at > now).min()
    }

    /// What it may be told now, in the order of turns, each with how many it is told before; never more than `each` at once.
    #[must_use]
    pub fn due<'a>(&self, heads: &'a [Head], now: Timestamp, each: usize) -> Vec<(usize, &'a Head)> {
        let is_down = self.health.is_down();
        if self.health.rests_until().is_some_and(|until| until > now) {
            return Vec::new();
        }
        let mut due: Vec<_> = heads.iter().filter(|head| self.is_free(head) && head.next_at <= now).collect();
        // The next turn is that of the module after the last one; of a target that is down what never failed may say more.
        due.sort_by_key(|head| (is_down && head.attempts > 0, head.module_id <= self.last, &head.module_id));
        (self.busy.len()..if is_down { 1 } else { each }).zip(due).collect()
    }

    fn is_free(&self, head: &Head) -> bool {
        !self.busy.contains_key(&head.module_id)
    }
}
