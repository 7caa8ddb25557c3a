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
    /// Counts one in; none when there are too many, on the whole or from this address.
    #[must_use]
    pub fn try_enter(&self, address: IpAddr) -> Option<Newcomer> {
        let network = network_of(address);
        let mut inner = self.lock();
        let of_one = inner.by_address.get(&network).copied().unwrap_or_default();
        if inner.all >= MOST || of_one >= MOST_OF_ONE {
            return None;
        }
        inner.all += 1;
        inner.by_address.insert(network, of_one + 1);
        Some(Newcomer { newcomers: self.clone(), network })
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
        let mut all: Vec<_> = (0..MOST_OF_ONE).map_while(|_| newcomers.try_enter(busy)).collect();
        assert_eq!(all.len(), MOST_OF_ONE);
        assert!(newcomers.try_enter(busy).is_none() && newcomers.try_enter(quiet).is_some());
        all.pop();
        assert!(newcomers.try_enter(busy).is_some());
        all.clear();
        assert!(newcomers.lock().by_address.is_empty() && newcomers.lock().all == 0);
    }
}
