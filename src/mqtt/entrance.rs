//! How many connections there may be, and how many of them may not have said yet who they are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::auth::network_of;

/// The connections of all threads; clones share them.
///
/// Invariant: at most `most` are open, and of one network no more are strangers, when one of them comes, than there are
/// free places: one that opens connections and says nothing leaves half of the places to others.
#[derive(Debug, Clone)]
pub struct Entrance(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    open: usize,
    /// How many strangers there are of each network; never zero.
    strangers: HashMap<u64, usize>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// All are taken.
    Full,
    /// Too many strangers are there of the same network.
    Crowded,
}

/// The place of a connection; dropping it gives it back.
#[derive(Debug)]
pub struct Seat(Entrance);

/// A connection that has not said yet who it is; to be dropped when that is known.
#[derive(Debug)]
pub struct Stranger {
    entrance: Entrance,
    network: u64,
}

impl Entrance {
    /// Nobody is there yet; at most so many may be.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Inner { most, taken: Mutex::default() }))
    }

    /// Takes a place for a connection from an address.
    ///
    /// # Errors
    /// [`NoPlace`].
    pub fn enter(&self, from: IpAddr) -> Result<(Seat, Stranger), NoPlace> {
        let network = network_of(from);
        let mut taken = self.taken();
        let free = self.0.most.saturating_sub(taken.open);
        if free == 0 {
            return Err(NoPlace::Full);
        }
        if taken.strangers.get(&network).is_some_and(|strangers| *strangers >= free) {
            return Err(NoPlace::Crowded);
        }
        taken.open += 1;
        *taken.strangers.entry(network).or_default() += 1;
        Ok((Seat(self.clone()), Stranger { entrance: self.clone(), network }))
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Whoever panicked while they held it left numbers that are whole.
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken().open -= 1;
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut taken = self.entrance.taken();
        let Some(left) = taken.strangers.get_mut(&self.network) else { return };
        *left -= 1;
        if *left == 0 {
            taken.strangers.remove(&self.network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn strangers_of_one_network_leave_half_of_what_is_free_to_others() {
        let entrance = Entrance::new(10);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let known: Vec<Seat> = (0..2).map(|_| entrance.enter(one).unwrap().0).collect();
        assert!(entrance.taken().strangers.is_empty(), "they have said who they are");
        let silent: Vec<_> = std::iter::from_fn(|| entrance.enter(one).ok()).collect();
        assert_eq!((silent.len(), entrance.enter(one).err()), (4, Some(NoPlace::Crowded)));
        let others: Vec<_> = std::iter::from_fn(|| entrance.enter(other).ok()).collect();
        assert_eq!(others.len(), 2);
        drop(known);
        drop(silent);
        drop(others);
        let all: Vec<Seat> = (0..10).map(|_| entrance.enter(one).unwrap().0).collect();
        assert_eq!((all.len(), entrance.enter(other).err()), (10, Some(NoPlace::Full)));
        drop(all);
        let taken = entrance.taken();
        assert_eq!((taken.open, taken.strangers.len()), (0, 0));
    }
}
