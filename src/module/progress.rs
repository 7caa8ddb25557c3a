//! Who waits until a module's state is both published and stored.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::error::ModuleError;
use super::house::Shared;

/// Counts the states of a module, from 1.
type Generation = u64;

/// How far a module's newest state has come.
///
/// Invariant: `published` ≤ `publishing` ≤ `newest`, the same for `stored`; `waiting` is ordered by generation.
/// Invariant: everybody in `waiting` is counted in [`Shared::waiting`].
#[derive(Default)]
pub struct Progress {
    newest: Generation,
    publishing: Generation,
    published: Generation,
    storing: Generation,
    stored: Generation,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    for_generation: Generation,
    readings: usize,
    answer: oneshot::Sender<Result<usize, ModuleError>>,
}

impl Progress {
    /// Begins a new state.
    pub fn advance(&mut self) {
        self.newest += 1;
    }

    /// Whether the newest state is published and stored.
    pub const fn is_settled(&self) -> bool {
        self.published == self.newest && self.stored == self.newest
    }

    /// Whether the newest state is not even on its way to the store.
    pub const fn needs_storing(&self) -> bool {
        self.storing < self.newest
    }

    /// Whether the newest state is not even on its way to the broker.
    pub const fn needs_publishing(&self) -> bool {
        self.publishing < self.newest
    }

    /// The newest state is on its way to the broker.
    pub const fn begin_publishing(&mut self) {
        self.publishing = self.newest;
    }

    /// The newest state is on its way to the store.
    pub const fn begin_storing(&mut self) {
        self.storing = self.newest;
    }

    /// Whether nobody waits.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Waits for the newest state on behalf of some readings.
    pub fn wait(&mut self, readings: usize, shared: &Shared) -> oneshot::Receiver<Result<usize, ModuleError>> {
        let (answer, answered) = oneshot::channel();
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        self.waiting.push_back(Waiting { for_generation: self.newest, readings, answer });
        answered
    }

    /// What was on its way to the broker is published.
    pub fn published(&mut self, shared: &Shared) {
        self.published = self.publishing;
        self.settle(shared);
    }

    /// What was on its way to the store is stored.
    pub fn stored(&mut self, shared: &Shared) {
        self.stored = self.storing;
        self.settle(shared);
    }

    /// The broker did not take it.
    pub fn fail_publishing(&mut self, error: &ModuleError, shared: &Shared) {
        self.fail(self.publishing, error, shared);
        self.publishing = self.published;
    }

    /// The store did not take it.
    pub fn fail_storing(&mut self, error: &ModuleError, shared: &Shared) {
        self.fail(self.storing, error, shared);
        self.storing = self.stored;
    }

    /// Everybody waits in vain.
    pub fn fail_all(&mut self, error: &ModuleError, shared: &Shared) {
        self.fail(self.newest, error, shared);
    }

    fn fail(&mut self, generation: Generation, error: &ModuleError, shared: &Shared) {
        self.answer_up_to(generation, shared, |_| Err(error.clone()));
    }

    fn settle(&mut self, shared: &Shared) {
        self.answer_up_to(self.published.min(self.stored), shared, Ok);
    }

    fn answer_up_to(
        &mut self,
        generation: Generation,
        shared: &Shared,
        result: impl Fn(usize) -> Result<usize, ModuleError>,
    ) {
        while self.waiting.front().is_some_and(|first| first.for_generation <= generation) {
            let Some(first) = self.waiting.pop_front() else { return };
            shared.waiting.fetch_sub(1, Ordering::Relaxed);
            // Who asked may have gone.
            let _ = first.answer.send(result(first.readings));
        }
    }
}
