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

    /// Whether it may be told anything now, whatever waits for it; never more than `each` at once.
    #[must_use]
    pub fn has_place(&self, now: Timestamp, each: usize) -> bool {
        self.rest(now).is_none() && self.busy.len() < self.bound(each)
    }

    /// When the next of what may not be told yet may be.
    #[must_use]
    pub fn first_due_after(&self, heads: &[Head], now: Timestamp) -> Option<Timestamp> {
        let later = heads.iter().filter(|head| self.is_free(head)).map(|head| head.next_at).filter(|at| *at > now);
        self.rest(now).or_else(|| later.min())
    }

    /// What it may be told now, in the order of turns, each with how many it is told before.
    #[must_use]
    pub fn due<'a>(&self, heads: &'a [Head], now: Timestamp, each: usize) -> Vec<(usize, &'a Head)> {
        if !self.has_place(now, each) {
            return Vec::new();
        }
        let is_down = self.health.is_down();
        let mut due: Vec<_> = heads.iter().filter(|head| self.is_free(head) && head.next_at <= now).collect();
        // The next turn is that of the module after the last one; of a target that is down what never failed may say more.
        due.sort_by_key(|head| (is_down && head.attempts > 0, head.module_id <= self.last, &head.module_id));
        (self.busy.len()..self.bound(each)).zip(due).collect()
    }

    /// Until when its target is left alone, if it is.
    fn rest(&self, now: Timestamp) -> Option<Timestamp> {
        self.health.rests_until().filter(|until| *until > now)
    }

    fn bound(&self, each: usize) -> usize {
        if self.health.is_down() { 1 } else { each }
    }

    fn is_free(&self, head: &Head) -> bool {
        !self.busy.contains_key(&head.module_id)
    }
}
