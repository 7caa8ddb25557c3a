//! How often each of many may do something, in bounded memory.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// How many counters there are at most; keys share them by a hash nobody outside can foresee.
const SLOTS: u64 = 1 << 17;

/// A counter for each key; they forget by and by.
///
/// Invariant: at most `SLOTS` counters, however many keys are tried.
#[derive(Debug)]
pub struct Counters {
    limiter: DefaultKeyedRateLimiter<u64>,
    slots: RandomState,
    clock: DefaultClock,
}

impl Counters {
    /// Counters that let each key do as much as the quota says.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        Self { limiter: RateLimiter::keyed(quota), slots: RandomState::new(), clock: DefaultClock::default() }
    }

    /// Counts what a key does.
    ///
    /// # Errors
    /// How long to wait when it was too much.
    pub fn check(&self, key: &impl Hash) -> Result<(), Duration> {
        let slot = self.slots.hash_one(key) % SLOTS;
        self.limiter.check_key(&slot).map_err(|refused| refused.wait_time_from(self.clock.now()))
    }

    /// Gives back the memory of those who have done nothing lately.
    pub fn forget_old(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// The network that counts as one address: an IPv6 network of 64 bits, as one person has them all.
#[must_use]
pub fn network_of(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64 | 1 << 63,
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn the_counters_are_bounded() {
        let counters = Counters::new(Quota::per_minute(NonZeroU32::MIN));
        for number in 0..(SLOTS + 1000) {
            let _ = counters.check(&number);
        }
        assert!(counters.limiter.len() as u64 <= SLOTS);
    }
}
