//! How many have begun to connect and not yet said who they are, on all threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The count of newcomers; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Newcomers(Arc<AtomicUsize>);

/// One newcomer; dropping it counts it out.
#[derive(Debug)]
pub struct Newcomer(Newcomers);

impl Newcomers {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// Counts one in.
    #[must_use]
    pub fn enter(&self) -> Newcomer {
        self.0.fetch_add(1, Ordering::AcqRel);
        Newcomer(self.clone())
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}
