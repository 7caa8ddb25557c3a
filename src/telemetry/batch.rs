//! What gathers for one commit.

use std::collections::{HashMap, VecDeque};

use crate::reply::Promise;
use crate::store::latest::{Commit, CommitError};
use crate::store::readings::ModuleNumber;

/// Those who wait for a commit.
pub type Answers = Vec<Promise<(), CommitError>>;

/// The newest state per module with all its readings and everybody who waits for them.
///
/// Invariant: `waiting` is the number of answers in all entries, `readings` that of readings.
/// Invariant: `order` names each entry once, whoever has waited longest first.
#[derive(Debug, Default)]
pub struct Batch {
    entries: HashMap<ModuleNumber, (Commit, Answers)>,
    order: VecDeque<ModuleNumber>,
    waiting: usize,
    readings: usize,
}

impl Batch {
    /// Whether nothing gathered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How much there is to store: readings, or modules if there are more of them.
    pub fn len(&self) -> usize {
        self.entries.len().max(self.readings)
    }

    /// How many wait for an answer.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Adds a state with its readings; a newer state of the same module replaces it, readings gather.
    pub fn add(&mut self, newer: Commit, answer: Promise<(), CommitError>) {
        self.waiting += 1;
        self.readings += newer.readings.len();
        let Some((known, answers)) = self.entries.get_mut(&newer.module) else {
            self.order.push_back(newer.module);
            self.entries.insert(newer.module, (newer, vec![answer]));
            return;
        };
        known.seen_at = known.seen_at.max(newer.seen_at);
        known.clock = newer.clock.or(known.clock);
        known.state = newer.state.or_else(|| known.state.take());
        known.readings.extend(newer.readings);
        answers.push(answer);
    }

    /// Takes out modules, those that have waited longest first, until there are `limit` readings or modules, or all.
    pub fn take(&mut self, limit: usize) -> (Vec<Commit>, Answers) {
        let (mut commits, mut answers, mut readings) = (Vec::new(), Answers::new(), 0);
        while commits.len() < limit && readings < limit {
            let Some((commit, waiting)) = self.order.pop_front().and_then(|module| self.entries.remove(&module)) else {
                break;
            };
            readings += commit.readings.len();
            commits.push(commit);
            answers.extend(waiting);
        }
        self.waiting -= answers.len();
        self.readings -= readings;
        (commits, answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::reply::promise;

    fn add(batch: &mut Batch, module: ModuleNumber) {
        let commit = Commit { module, state: None, seen_at: Timestamp::now(), clock: None, readings: Vec::new() };
        batch.add(commit, promise(|| CommitError::Busy).0);
    }

    #[test]
    fn who_has_waited_longest_is_taken_first_however_many_come_after() {
        let mut batch = Batch::default();
        (0..40).for_each(|module| add(&mut batch, module));
        let mut taken = Vec::new();
        while !batch.is_empty() {
            let (commits, _) = batch.take(4);
            let modules: Vec<_> = commits.iter().map(|commit| commit.module).collect();
            // The same modules are back at once, as those of a flood are.
            if taken.len() < 40 {
                (0..modules.len()).for_each(|place| add(&mut batch, (taken.len() + place) as ModuleNumber));
            }
            taken.extend(modules);
        }
        let expected: Vec<_> = (0..40).chain(0..40).collect();
        assert_eq!((taken, batch.waiting(), batch.len()), (expected, 0, 0));
    }
}
