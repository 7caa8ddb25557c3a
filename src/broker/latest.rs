//! The newest value per key, found by key and by age.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::cursor::Offset;
use crate::domain::event::{Event, LatestKey};

/// The latest event of every key.
///
/// Invariant: every key in `offsets` leads to one event in `events`, and none is there without a key.
#[derive(Debug, Default)]
pub struct LatestTable {
    offsets: HashMap<LatestKey, Offset>,
    events: BTreeMap<Offset, Arc<Event>>,
}

impl LatestTable {
    /// Puts a newer value in the place of an older one.
    pub fn replace(&mut self, key: &LatestKey, event: Arc<Event>) {
        let offset = event.offset();
        let older = match self.offsets.get_mut(key) {
            Some(place) => Some(std::mem::replace(place, offset)),
            None => self.offsets.insert(key.clone(), offset),
        };
        if let Some(older) = older {
            self.events.remove(&older);
        }
        self.events.insert(offset, event);
    }

    /// Forgets a key.
    pub fn forget(&mut self, key: &LatestKey) {
        if let Some(offset) = self.offsets.remove(key) {
            self.events.remove(&offset);
        }
    }

    /// The value with this place; none if it has been replaced.
    pub fn at(&self, offset: Offset) -> Option<&Arc<Event>> {
        self.events.get(&offset)
    }

    /// The values newer than an offset, oldest first; costs what it answers.
    pub fn newer_than(&self, offset: Offset) -> impl Iterator<Item = &Arc<Event>> {
        self.events.range(offset.saturating_add(1)..).map(|(_, event)| event)
    }

    /// How many keys have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether no key has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }
}
