//! A copy of the recent order: the last `Each` events and the latest value of every key.

use std::collections::VecDeque;
use std::sync::Arc;

use super::latest::LatestTable;
use crate::domain::cursor::{Cursor, Epoch, Offset};
use crate::domain::event::{Delivery, Event};

/// How many bytes of payload the recent events may hold together, whatever their number.
pub(super) const BYTES_MAX: usize = 64 * 1024 * 1024;

/// The order cannot be told from there: it is another epoch's, lies ahead, or is older than what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the events after the cursor are not kept any more")]
pub struct Gap;

/// The recent order, on the broker's thread and again on every relay's.
///
/// Invariant: `ring` holds every `Each` event with an offset in `floor + 1 ..= head`, in order, at most `capacity` of them
/// and, but for the last, at most `BYTES_MAX` of payload, which `bytes` counts.
#[derive(Debug)]
pub struct Replica {
    epoch: Epoch,
    head: Offset,
    floor: Offset,
    ring: VecDeque<Arc<Event>>,
    bytes: usize,
    capacity: usize,
    latest: LatestTable,
}

impl Replica {
    /// An empty order.
    #[must_use]
    pub fn new(epoch: Epoch, capacity: usize) -> Self {
        Self {
            epoch,
            head: 0,
            floor: 0,
            ring: VecDeque::new(),
            bytes: 0,
            capacity: capacity.max(1),
            latest: LatestTable::default(),
        }
    }

    /// The place of the last event.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, offset: self.head }
    }

    /// Every `Each` event behind this place is kept.
    #[must_use]
    pub const fn floor(&self) -> Offset {
        self.floor
    }

    /// Adds the next event.
    pub fn apply(&mut self, event: &Arc<Event>) {
        self.head = self.head.max(event.offset());
        match &event.what.delivery {
            Delivery::Each => self.remember(event),
            Delivery::EachEnding(key) => {
                self.latest.forget(key);
                if let Some(companion) = key.companion() {
                    self.latest.forget(&companion);
                }
                self.remember(event);
            }
            Delivery::Latest(key) => self.latest.replace(key, Arc::clone(event)),
        }
    }

    fn remember(&mut self, event: &Arc<Event>) {
        self.bytes += payload_of(event);
        while self.ring.len() >= self.capacity || self.bytes > BYTES_MAX {
            let Some(oldest) = self.ring.pop_front() else { break };
            self.bytes -= payload_of(&oldest);
            self.floor = oldest.offset();
        }
        self.ring.push_back(Arc::clone(event));
    }

    /// Moves the head without an event: what lay between was replaced by newer values.
    pub fn advance(&mut self, head: Offset) {
        self.head = self.head.max(head);
    }

    /// Starts anew: of what lies before `floor` nothing is known.
    pub fn reset(&mut self, epoch: Epoch, floor: Offset) {
        *self = Self { head: floor, floor, ..Self::new(epoch, self.capacity) };
    }

    /// Whether everything after the cursor is still known.
    ///
    /// # Errors
    /// [`Gap`] when it is not.
    pub fn reaches(&self, cursor: Cursor) -> Result<(), Gap> {
        if cursor.epoch == self.epoch && cursor.offset >= self.floor && cursor.offset <= self.head {
            return Ok(());
        }
        Err(Gap)
    }

    /// Every `Each` event after the offset merged with the latest values newer than it, in order.
    ///
    /// The cost follows what came since, not what is kept. Ask [`Replica::reaches`] first.
    pub fn since(&self, offset: Offset) -> impl Iterator<Item = &Arc<Event>> {
        let start = self.ring.partition_point(|event| event.offset() <= offset);
        let mut events = self.ring.range(start..).peekable();
        let mut values = self.latest.newer_than(offset).peekable();
        std::iter::from_fn(move || match (events.peek(), values.peek()) {
            (Some(event), Some(value)) if value.offset() < event.offset() => values.next(),
            (Some(_), _) => events.next(),
            (None, _) => values.next(),
        })
    }

    /// The latest value with this place; none if it has been replaced.
    #[must_use]
    pub fn latest_at(&self, offset: Offset) -> Option<&Arc<Event>> {
        self.latest.at(offset)
    }

    /// The latest values newer than `after` and not newer than `until`, oldest first.
    pub fn latest_within(&self, after: Offset, until: Offset) -> impl Iterator<Item = &Arc<Event>> {
        self.latest.newer_than(after).take_while(move |event| event.offset() <= until)
    }

    /// How many events and values are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ring.len() + self.latest.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn payload_of(event: &Event) -> usize {
    event.what.data.get().len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::{LatestKey, NewEvent, json};
    use crate::domain::time::Timestamp;

    fn event(epoch: Epoch, offset: Offset, key: Option<u8>) -> Arc<Event> {
        let delivery = match key {
            None => Delivery::Each,
            Some(key) => Delivery::Latest(LatestKey::Telemetry(format!("m{key}").parse().unwrap())),
        };
        let name = "rt_test".parse().unwrap();
        let new = NewEvent { name, delivery, audience: vec![], data: json(&0), at: Timestamp::from_millis(0) };
        Arc::new(new.stamped(epoch, offset))
    }

    proptest! {
        #[test]
        fn since_tells_each_event_once_and_only_the_newest_values(
            kinds in prop::collection::vec(prop::option::of(0_u8..4), 1..60),
            capacity in 1_usize..20,
            from in 0_u64..60,
        ) {
            let epoch = Epoch::generate();
            let mut replica = Replica::new(epoch, capacity);
            for (place, key) in kinds.iter().enumerate() {
                replica.apply(&event(epoch, place as u64 + 1, *key));
            }
            let from = from.min(kinds.len() as u64);
            let expected: Vec<u64> = (from + 1..=kinds.len() as u64)
                .filter(|offset| match kinds[*offset as usize - 1] {
                    None => true,
                    key => !kinds[*offset as usize..].contains(&key),
                })
                .collect();
            let told: Vec<u64> = replica.since(from).map(|event| event.offset()).collect();
            if replica.reaches(Cursor { epoch, offset: from }).is_ok() {
                prop_assert_eq!(told, expected);
            } else {
                prop_assert!(kinds[from as usize..].iter().filter(|key| key.is_none()).count() > capacity);
            }
        }
    }

    #[test]
    fn large_events_push_older_ones_out() {
        let epoch = Epoch::generate();
        let mut replica = Replica::new(epoch, 1000);
        for offset in 1..=9 {
            let data = json(&"x".repeat(BYTES_MAX / 4));
            let what = NewEvent { data, ..event(epoch, offset, None).what.clone() };
            replica.apply(&Arc::new(what.stamped(epoch, offset)));
        }
        assert_eq!(replica.len(), 3);
        assert!(replica.reaches(Cursor { epoch, offset: 6 }).is_ok());
        assert!(replica.reaches(Cursor { epoch, offset: 5 }).is_err());
    }

    #[test]
    fn foreign_and_future_cursors_are_gaps() {
        let mut replica = Replica::new(Epoch::generate(), 10);
        replica.advance(5);
        assert!(replica.reaches(replica.cursor()).is_ok());
        assert!(replica.reaches(Cursor { offset: 6, ..replica.cursor() }).is_err());
        assert!(replica.reaches(Cursor { epoch: Epoch::generate(), offset: 1 }).is_err());
    }
}
