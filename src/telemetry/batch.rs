//! What gathers for one commit.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::domain::ids::ModuleId;
use crate::store::latest::{Commit, CommitError};

/// Those who wait for a commit.
pub type Answers = Vec<oneshot::Sender<Result<(), CommitError>>>;

/// The newest state per module with all its readings and everybody who waits for them.
///
/// Invariant: `waiting` is the number of answers in all entries, `readings` that of readings.
#[derive(Debug, Default)]
pub struct Batch {
    entries: HashMap<ModuleId, (Commit, Answers)>,
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
    pub fn add(&mut self, newer: Commit, answer: oneshot::Sender<Result<(), CommitError>>) {
        self.waiting += 1;
        self.readings += newer.readings.len();
        let Some((known, answers)) = self.entries.get_mut(&newer.module_id) else {
            self.entries.insert(newer.module_id.clone(), (newer, vec![answer]));
            return;
        };
        known.seen_at = known.seen_at.max(newer.seen_at);
        known.state = newer.state.or_else(|| known.state.take());
        known.readings.extend(newer.readings);
        answers.push(answer);
    }

    /// Takes out modules until there are `limit` readings or modules, or all.
    pub fn take(&mut self, limit: usize) -> (Vec<Commit>, Answers) {
        let taken = if self.len() <= limit {
            std::mem::take(&mut self.entries)
        } else {
            let mut readings = 0;
            let is_within = |(_, (commit, _)): &(&ModuleId, &(Commit, Answers))| {
                readings += commit.readings.len();
                readings - commit.readings.len() < limit
            };
            let ids: Vec<_> = self.entries.iter().take(limit).take_while(is_within).map(|(id, _)| id.clone()).collect();
            ids.iter().filter_map(|id| self.entries.remove_entry(id)).collect()
        };
        let (commits, answers): (Vec<_>, Vec<_>) = taken.into_values().unzip();
        let answers: Answers = answers.into_iter().flatten().collect();
        self.waiting -= answers.len();
        self.readings -= commits.iter().map(|commit: &Commit| commit.readings.len()).sum::<usize>();
        (commits, answers)
    }
}
