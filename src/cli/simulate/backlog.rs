use std::{collections::VecDeque, rc::Rc};

use super::story::Reading;

/// Readings that wait; of more, the module keeps the older ones.
const LONGEST: usize = 1000;

/// What a module has to send or has not had an answer to, in the order in which it is sent.
///
/// Invariant: the first `sent` of the entries are on their way, the others are not; at most [`LONGEST`] wait.
#[derive(Debug, Default)]
pub struct Backlog {
    entries: VecDeque<Outgoing>,
    sent: usize,
    next: u64,
}

/// A reading on its way.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Which: counts up, and is never used again.
    pub number: u64,
    /// What.
    pub reading: Rc<Reading>,
    /// How often it was sent before.
    pub attempts: u32,
}

impl Backlog {
    /// Takes a reading; not if too many wait.
    pub fn push(&mut self, reading: Reading) -> bool {
        if self.entries.len() >= LONGEST {
            return false;
        }
        self.next += 1;
        self.entries.push_back(Outgoing { number: self.next, reading: Rc::new(reading), attempts: 0 });
        true
    }

    /// How many wait to be sent.
    pub fn unsent(&self) -> usize {
        self.entries.len() - self.sent
    }

    /// How many wait at all.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Sends on: what is due where at most `window` may be on their way.
    pub fn send(&mut self, window: usize) -> Vec<Outgoing> {
        let until = self.entries.len().min(window.max(self.sent));
        let due: Vec<_> = self.entries.range(self.sent..until).cloned().collect();
        for entry in self.entries.range_mut(self.sent..until) {
            entry.attempts += 1;
        }
        self.sent = until;
        due
    }

    /// Takes out what was answered; none for an answer to nothing.
    pub fn settle(&mut self, number: u64) -> Option<Rc<Reading>> {
        let place = self.entries.iter().take(self.sent).position(|entry| entry.number == number)?;
        self.sent -= 1;
        self.entries.remove(place).map(|entry| entry.reading)
    }

    /// Everything has to be sent again.
    pub fn start_over(&mut self) {
        self.sent = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backlog(readings: i64) -> Backlog {
        let mut backlog = Backlog::default();
        for ts in 0..readings {
            assert!(backlog.push(Reading { ts, telemetry: serde_json::Map::new(), revision: None }));
        }
        backlog
    }

    fn numbers(due: &[Outgoing]) -> Vec<u64> {
        due.iter().map(|outgoing| outgoing.number).collect()
    }

    #[test]
    fn no_more_are_on_their_way_than_may_be() {
        let mut backlog = backlog(5);
        assert_eq!(numbers(&backlog.send(3)), [1, 2, 3]);
        assert!(backlog.send(3).is_empty() && backlog.send(1).is_empty());

        assert!(backlog.settle(2).is_some() && backlog.settle(2).is_none() && backlog.settle(5).is_none());

        assert_eq!(numbers(&backlog.send(3)), [4]);
        assert_eq!((backlog.unsent(), backlog.len()), (1, 4));
    }

    #[test]
    fn after_a_break_what_was_not_answered_is_sent_again_in_order() {
        let mut backlog = backlog(4);
        backlog.send(3);
        backlog.settle(1);

        backlog.start_over();

        let again = backlog.send(10);
        assert_eq!(numbers(&again), [2, 3, 4]);
        assert_eq!(again.iter().map(|outgoing| outgoing.attempts).collect::<Vec<_>>(), [1, 1, 0]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut backlog = backlog(LONGEST as i64);
        assert!(!backlog.push(Reading { ts: 0, telemetry: serde_json::Map::new(), revision: None }));
    }
}
