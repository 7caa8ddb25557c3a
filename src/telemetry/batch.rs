//! What gathers for one commit.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::domain::ids::ModuleId;
use crate::store::latest::{Commit, CommitError};

/// Those who wait for a commit.
pub type Answers = Vec<oneshot::Sender<Result<(), CommitError>>>;

/// The newest state per module with everybody who waits for it.
///
/// Invariant: `waiting` is the number of answers in all entries.
#[derive(Debug, Default)]
pub struct Batch {
    entries: HashMap<ModuleId, (Commit, Answers)>,
    waiting: usize,
}

impl Batch {
    /// Whether nothing gathered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many modules have something to store.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many wait for an answer.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Adds a state; a newer one of the same module replaces it.
    pub fn add(&mut self, newer: Commit, answer: oneshot::Sender<Result<(), CommitError>>) {
        self.waiting += 1;
        let Some((known, answers)) = self.entries.get_mut(&newer.module_id) else {
            self.entries.insert(newer.module_id.clone(), (newer, vec![answer]));
            return;
        };
        known.seen_at = known.seen_at.max(newer.seen_at);
        known.state = newer.state.or_else(|| known.state.take());
        answers.push(answer);
    }

    /// Takes at most `limit` modules out.
    pub fn take(&mut self, limit: usize) -> (Vec<Commit>, Answers) {
        let taken = if self.entries.len() <= limit {
            std::mem::take(&mut self.entries)
        } else {
            let ids: Vec<_> = self.entries.keys().take(limit).cloned().collect();
            ids.iter().filter_map(|id| self.entries.remove_entry(id)).collect()
        };
        let (commits, answers): (Vec<_>, Vec<_>) = taken.into_values().unzip();
        let answers: Answers = answers.into_iter().flatten().collect();
        self.waiting -= answers.len();
        (commits, answers)
    }
}
