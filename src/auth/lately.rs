//! What was found out lately, so that it need not be found out for every request.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many a generation has; as many again are remembered of the one before.
pub(super) const GENERATION: usize = 2048;

/// Answers by what was asked.
///
/// Invariant: at most twice [`GENERATION`] of them, of which those in use stay. Looking one up compares it with none but
/// itself: the hash, under a key of its own, leads there, so that the time taken tells a stranger nothing.
pub(super) struct Lately<K, V>(Mutex<Generations<K, V>>);

struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V: Clone> Lately<K, V> {
    /// What is remembered, if it still counts.
    pub(super) fn find<Q>(&self, key: &Q, counts: impl FnOnce(&V) -> bool) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let mut generations = self.lock();
        if let Some(value) = generations.young.get(key) {
            return counts(value).then(|| value.clone());
        }
        let (key, value) = generations.old.remove_entry(key).filter(|(_, value)| counts(value))?;
        let gone = generations.add(key, value.clone());
        drop(generations);
        drop(gone);
        Some(value)
    }

    /// Remembers an answer.
    pub(super) fn add(&self, key: K, value: V) {
        let gone = self.lock().add(key, value);
        // Nobody waits while a whole generation is freed.
        drop(gone);
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let generations = self.lock();
        generations.young.len() + generations.old.len()
    }

    fn lock(&self) -> MutexGuard<'_, Generations<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> Generations<K, V> {
    /// Answers what is forgotten for it.
    fn add(&mut self, key: K, value: V) -> HashMap<K, V> {
        let is_full = self.young.len() >= GENERATION;
        let gone = if is_full { mem::replace(&mut self.old, mem::take(&mut self.young)) } else { HashMap::new() };
        self.young.insert(key, value);
        gone
    }
}

impl<K, V> Default for Lately<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Generations { young: HashMap::new(), old: HashMap::new() }))
    }
}

/// Keys may be secrets, which are shown nowhere.
impl<K, V> fmt::Debug for Lately<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lately").finish_non_exhaustive()
    }
}
