//! Who waits until what a module reported is both published and stored.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::Ordering;

use super::error::ModuleError;
use super::house::Shared;
use crate::reply::{Promise, Reply, promise};
use crate::store::offer::Offer;

/// Counts what a module has reported, from 1.
type Generation = u64;

/// How far what a module reported has come: all of it to the store, and its newest changed state to the broker.
///
/// Invariant: `changed`, `storing` ≤ `newest`; `published` ≤ `publishing` ≤ `changed`; `stored` ≤ `storing`; `waiting` is
/// ordered by generation.
/// Invariant: `weight` is that of the readings of everybody in `waiting`; up to the module's share it is counted in
/// [`Shared::waiting`]. It is more than that share only if one request alone is, so that few modules together fill the
/// line, and none of them fills it alone.
#[derive(Default)]
pub struct Progress {
    newest: Generation,
    changed: Generation,
    publishing: Generation,
    published: Generation,
    storing: Generation,
    stored: Generation,
    waiting: VecDeque<Waiting>,
    weight: usize,
}

struct Waiting {
    to_store: Generation,
    to_publish: Generation,
    readings: usize,
    weight: usize,
    offer: Offer,
    answer: Promise<usize, ModuleError>,
}

impl Progress {
    /// Something new is to be stored, and to be published if it changed the state.
    pub fn advance(&mut self, has_changed: bool) {
        self.newest += 1;
        if has_changed {
            self.changed = self.newest;
        }
    }

    /// Whether all is published and stored.
    pub const fn is_settled(&self) -> bool {
        self.published == self.changed && self.stored == self.newest
    }

    /// Whether something is not even on its way to the store.
    pub const fn needs_storing(&self) -> bool {
        self.storing < self.newest
    }

    /// Whether the newest state is not even on its way to the broker.
    pub const fn needs_publishing(&self) -> bool {
        self.publishing < self.changed
    }

    /// The newest state is on its way to the broker.
    pub const fn begin_publishing(&mut self) {
        self.publishing = self.changed;
    }

    /// All is on its way to the store.
    pub const fn begin_storing(&mut self) {
        self.storing = self.newest;
    }

    /// Whether nobody waits.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Makes sure that readings of so much weight may wait, too.
    ///
    /// # Errors
    /// [`ModuleError::Behind`] where too many of this module wait already, [`ModuleError::Overloaded`] where too many of all do.
    pub fn check_room(&self, weight: usize, shared: &Shared) -> Result<(), ModuleError> {
        let after = self.weight + weight;
        if self.weight > 0 && after > shared.options.max_waiting_each {
            return Err(ModuleError::Behind);
        }
        let added = counted(after, shared) - counted(self.weight, shared);
        let waiting = shared.waiting.load(Ordering::Relaxed);
        if waiting + added.max(1) > shared.options.max_waiting { Err(ModuleError::Overloaded) } else { Ok(()) }
    }

    /// Waits for all there is on behalf of some readings, which weigh so much, see [`NewReading::weight`].
    ///
    /// [`NewReading::weight`]: crate::store::latest::NewReading::weight
    pub fn wait(&mut self, readings: usize, weight: usize, offer: Offer, shared: &Shared) -> Reply<usize, ModuleError> {
        let (answer, reply) = promise(|| ModuleError::OutcomeUnknown);
        self.weigh(self.weight + weight, shared);
        let (to_store, to_publish) = (self.newest, self.changed);
        self.waiting.push_back(Waiting { to_store, to_publish, readings, weight, offer, answer });
        reply
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

    /// The broker did not take it, and will be asked again. Nobody waits for that: who were told that their readings were
    /// refused would send them again, and stored they are or will be.
    pub fn excuse_publishing(&mut self, shared: &Shared) {
        let refused = self.published + 1..=self.publishing;
        self.publishing = self.published;
        for waiting in self.waiting.iter_mut().filter(|waiting| refused.contains(&waiting.to_publish)) {
            waiting.to_publish = self.published;
        }
        self.settle(shared);
    }

    /// The store did not take it.
    pub fn fail_storing(&mut self, error: &ModuleError, shared: &Shared) {
        let failed = self.stored + 1..=self.storing;
        self.storing = self.stored;
        self.fail(|waiting| failed.contains(&waiting.to_store), error, shared);
    }

    /// The store has not answered in time: what it has not begun to write is taken back and refused. Answers whether
    /// somebody still waits, for what is being written.
    pub fn take_back(&mut self, shared: &Shared) -> bool {
        let late = self.stored + 1..=self.storing;
        let is_late = |waiting: &Waiting| late.contains(&waiting.to_store);
        self.fail(|waiting| is_late(waiting) && waiting.offer.withdraw(), &ModuleError::Unavailable, shared);
        self.waiting.iter().any(is_late)
    }

    /// Everybody waits in vain.
    pub fn fail_all(&mut self, error: &ModuleError, shared: &Shared) {
        self.fail(|_| true, error, shared);
    }

    /// Nobody will answer any more: what is not being written is taken back.
    pub fn give_up(&mut self, shared: &Shared) {
        for waiting in mem::take(&mut self.waiting) {
            let error = ModuleError::given_up(&waiting.offer);
            self.tell(waiting, Err(error), shared);
        }
    }

    fn fail(&mut self, has_failed: impl Fn(&Waiting) -> bool, error: &ModuleError, shared: &Shared) {
        let (failed, left): (VecDeque<_>, VecDeque<_>) = self.waiting.drain(..).partition(has_failed);
        self.waiting = left;
        for waiting in failed {
            self.tell(waiting, Err(error.clone()), shared);
        }
    }

    fn settle(&mut self, shared: &Shared) {
        let (stored, published) = (self.stored, self.published);
        let is_settled = |first: &Waiting| first.to_store <= stored && first.to_publish <= published;
        while self.waiting.front().is_some_and(is_settled) {
            let Some(first) = self.waiting.pop_front() else { return };
            let readings = first.readings;
            self.tell(first, Ok(readings), shared);
        }
    }

    fn tell(&mut self, waiting: Waiting, result: Result<usize, ModuleError>, shared: &Shared) {
        self.weigh(self.weight - waiting.weight, shared);
        waiting.answer.keep(result);
    }

    fn weigh(&mut self, weight: usize, shared: &Shared) {
        let (before, after) = (counted(self.weight, shared), counted(weight, shared));
        if after > before {
            shared.waiting.fetch_add(after - before, Ordering::Relaxed);
        } else {
            shared.waiting.fetch_sub(before - after, Ordering::Relaxed);
        }
        self.weight = weight;
    }
}

/// What of the weight of a module's readings is counted among those of all.
fn counted(weight: usize, shared: &Shared) -> usize {
    weight.min(shared.options.max_waiting_each)
}
