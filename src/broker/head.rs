//! How far the order goes, for relays that have not been handed its last events yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::cursor::Offset;

/// The place of the last event; clones share it.
///
/// Invariant: it is moved behind an event before anyone is told that it is published.
#[derive(Debug, Clone)]
pub struct Head(Arc<AtomicU64>);

impl Head {
    /// An order that goes up to here.
    #[must_use]
    pub fn at(place: Offset) -> Self {
        Self(Arc::new(AtomicU64::new(place)))
    }

    /// Where the order stands now.
    #[must_use]
    pub fn place(&self) -> Offset {
        self.0.load(Ordering::Acquire)
    }

    /// The order goes up to here now.
    pub(super) fn move_to(&self, place: Offset) {
        self.0.store(place, Ordering::Release);
    }
}
