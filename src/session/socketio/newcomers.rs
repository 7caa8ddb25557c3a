//! How many have begun to connect and not yet said who they are, on all threads.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::auth::network_of;

/// How many there may be.
const MOST: usize = 2_000;
/// How many of them may come from one address, so that it does not keep others out.
const MOST_OF_ONE: usize = 500;

/// The newcomers of every address; clones share them.
///
/// Invariant: an address is there only while somebody of it is.
#[derive(Debug, Clone, Default)]
pub struct Newcomers(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    all: usize,
    by_address: HashMap<u64, usize>,
}

/// One newcomer; dropping it counts it out.
#[derive(Debug)]
pub struct Newcomer {
    newcomers: Newcomers,
    network: u64,
}

impl Newcomers {
    /// Whether one more may come from this address.
    #[must_use]
    pub fn has_room(&self, address: IpAddr) -> bool {
        let inner = self.lock();
        inner.all < MOST && inner.by_address.get(&network_of(address)).is_none_or(|count| *count < MOST_OF_ONE)
    }

    /// Counts one in.
    #[must_use]
    pub fn enter(&self, address: IpAddr) -> Newcomer {
        let network = network_of(address);
        let mut inner = self.lock();
        inner.all += 1;
        *inner.by_address.entry(network).or_default() += 1;
        Newcomer { newcomers: self.clone(), network }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        let mut inner = self.newcomers.lock();
        inner.all -= 1;
        if let Some(count) = inner.by_address.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                inner.by_address.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_others() {
        let newcomers = Newcomers::default();
        let (busy, quiet) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let mut all: Vec<_> = (0..MOST_OF_ONE).map(|_| newcomers.enter(busy)).collect();
        assert!(!newcomers.has_room(busy) && newcomers.has_room(quiet));
        all.pop();
        assert!(newcomers.has_room(busy));
        all.clear();
        assert!(newcomers.lock().by_address.is_empty() && newcomers.lock().all == 0);
    }
}
