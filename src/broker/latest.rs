//! The newest value per key, found by key and by age.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::domain::cursor::Offset;
use crate::domain::event::{Event, LatestKey};

/// So many places may be empty, and as many again as there are values, before they are swept out.
const SWEEP_FROM: usize = 64;

/// The latest event of every key.
///
/// Invariant: every key in `offsets` leads to one event in `events`, and none is there without a key.
/// Invariant: `events` is in the order of the offsets; no more of its places are empty than there are values, and
/// `SWEEP_FROM`.
#[derive(Debug, Default)]
pub struct LatestTable {
    offsets: HashMap<LatestKey, Offset>,
    events: VecDeque<Place>,
}

/// Where an event is, or was until it was replaced: values come in order, so that a newer one is simply put behind.
#[derive(Debug)]
struct Place {
    offset: Offset,
    event: Option<Arc<Event>>,
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
            self.empty(older);
        }
        let place = Place { offset, event: Some(event) };
        if self.events.back().is_none_or(|last| last.offset < offset) {
            self.events.push_back(place);
        } else {
            self.events.insert(self.position(offset), place);
        }
    }

    /// Forgets a key.
    pub fn forget(&mut self, key: &LatestKey) {
        if let Some(offset) = self.offsets.remove(key) {
            self.empty(offset);
        }
    }

    /// The value with this place; none if it has been replaced.
    pub fn at(&self, offset: Offset) -> Option<&Arc<Event>> {
        self.events.get(self.position(offset)).filter(|place| place.offset == offset)?.event.as_ref()
    }

    /// The values newer than an offset, oldest first; costs what it answers, and a look at each place emptied since.
    pub fn newer_than(&self, offset: Offset) -> impl Iterator<Item = &Arc<Event>> {
        self.events.range(self.position(offset.saturating_add(1))..).filter_map(|place| place.event.as_ref())
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

    /// Where the first event is that is not older than an offset.
    fn position(&self, offset: Offset) -> usize {
        self.events.partition_point(|place| place.offset < offset)
    }

    fn empty(&mut self, offset: Offset) {
        let place = self.position(offset);
        if let Some(place) = self.events.get_mut(place).filter(|place| place.offset == offset) {
            place.event = None;
        }
        while self.events.front().is_some_and(|oldest| oldest.event.is_none()) {
            self.events.pop_front();
        }
        if self.events.len() >= SWEEP_FROM + 2 * self.offsets.len() {
            self.events.retain(|place| place.event.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::cursor::Epoch;
    use crate::domain::event::{Delivery, NewEvent, json};
    use crate::domain::time::Timestamp;

    fn key(number: u8) -> LatestKey {
        LatestKey::Telemetry(format!("m{number}").parse().unwrap())
    }

    fn event(epoch: Epoch, offset: Offset, number: u8) -> Arc<Event> {
        let (name, at) = ("rt_test".parse().unwrap(), Timestamp::from_millis(0));
        let delivery = Delivery::Latest(key(number));
        Arc::new(NewEvent { name, delivery, audience: vec![], data: json(&0), at }.stamped(epoch, offset))
    }

    #[test]
    fn a_value_that_comes_late_takes_the_place_of_its_offset() {
        let (epoch, mut table) = (Epoch::generate(), LatestTable::default());
        for (number, offset) in [(2, 2), (3, 3), (1, 1)] {
            table.replace(&key(number), event(epoch, offset, number));
        }
        assert!(table.newer_than(0).map(|event| event.offset()).eq([1, 2, 3]));
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_a_plain_model_and_stays_small(
            changes in prop::collection::vec((0_u8..5, prop::bool::weighted(0.9), 1_u64..3), 1..400),
            from in 0_u64..800,
        ) {
            let (epoch, mut offset) = (Epoch::generate(), 0);
            let (mut table, mut model) = (LatestTable::default(), HashMap::new());
            for (number, is_new, step) in changes {
                if is_new {
                    offset += step;
                    table.replace(&key(number), event(epoch, offset, number));
                    model.insert(number, offset);
                } else {
                    table.forget(&key(number));
                    model.remove(&number);
                }
                prop_assert!(table.events.len() <= SWEEP_FROM + 2 * table.len());
            }
            let mut expected: Vec<_> = model.values().copied().filter(|offset| *offset > from).collect();
            expected.sort_unstable();
            let told: Vec<_> = table.newer_than(from).map(|event| event.offset()).collect();
            prop_assert_eq!(told, expected);
            let is_there = model.values().any(|offset| *offset == from);
            prop_assert_eq!((table.len(), table.at(from).is_some()), (model.len(), is_there));
        }
    }
}
