//! Readings on their way to the database can be taken back by whoever brought them, until they are being written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const OPEN: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

/// Whether some readings may still be stored; clones share it.
///
/// Invariant: it is taken or withdrawn once, and stays so.
#[derive(Debug, Clone, Default)]
pub struct Offer(Arc<AtomicU8>);

impl Offer {
    /// Takes the readings back: nobody waits for them any more. Answers whether they are not stored now and will not be;
    /// if not, nobody knows yet.
    #[must_use]
    pub fn withdraw(&self) -> bool {
        self.settle(WITHDRAWN)
    }

    /// The readings are being written; answers false if they were taken back.
    #[must_use]
    pub fn take(&self) -> bool {
        self.settle(TAKEN)
    }

    /// Whether they were taken back.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire) == WITHDRAWN
    }

    fn settle(&self, how: u8) -> bool {
        match self.0.compare_exchange(OPEN, how, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(settled) => settled == how,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_back_is_not_taken_and_the_other_way_round() {
        let (taken, withdrawn) = (Offer::default(), Offer::default());
        assert!(taken.take() && taken.take() && !taken.withdraw() && !taken.is_withdrawn());
        assert!(withdrawn.withdraw() && withdrawn.withdraw() && !withdrawn.take() && withdrawn.is_withdrawn());
    }

    #[test]
    fn of_two_who_come_at_once_one_has_it() {
        for _ in 0..100 {
            let offer = Offer::default();
            let other = offer.clone();
            let taking = std::thread::spawn(move || other.take());
            assert_ne!(offer.withdraw(), taking.join().unwrap());
        }
    }
}
