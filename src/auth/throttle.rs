//! How often somebody may try: by address and by account.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::AuthError;
use crate::config::Auth as AuthConfig;

/// How many counters there are at most; keys share them by a hash nobody outside can foresee.
const SLOTS: u64 = 1 << 17;

/// Counts attempts, forgets them by and by.
///
/// Invariant: at most [`SLOTS`] counters each way, however many addresses and accounts are tried.
#[derive(Debug)]
pub struct Throttle {
    by_address: DefaultKeyedRateLimiter<u64>,
    by_account: DefaultKeyedRateLimiter<u64>,
    slots: RandomState,
    clock: DefaultClock,
}

impl Throttle {
    /// Takes `address_attempts` and `account_attempts`, both a minute.
    #[must_use]
    pub fn new(config: &AuthConfig) -> Self {
        Self {
            by_address: limiter(config.address_attempts),
            by_account: limiter(config.account_attempts),
            slots: RandomState::new(),
            clock: DefaultClock::default(),
        }
    }

    /// Counts an attempt from an address; an IPv6 network of 64 bits is one address, as one person has them all.
    ///
    /// # Errors
    /// [`AuthError::Throttled`] when there were too many.
    pub fn check_address(&self, address: IpAddr) -> Result<(), AuthError> {
        let network = match address.to_canonical() {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64 | 1 << 63,
        };
        self.check(&self.by_address, &network)
    }

    /// Counts an attempt for an account.
    ///
    /// # Errors
    /// [`AuthError::Throttled`] when there were too many.
    pub fn check_account(&self, account: &str) -> Result<(), AuthError> {
        self.check(&self.by_account, &account.trim().to_lowercase())
    }

    /// Gives back the memory of those who have not tried lately.
    pub fn forget_old(&self) {
        for limiter in [&self.by_address, &self.by_account] {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    fn check(&self, limiter: &DefaultKeyedRateLimiter<u64>, key: &impl Hash) -> Result<(), AuthError> {
        let slot = self.slots.hash_one(key) % SLOTS;
        limiter
            .check_key(&slot)
            .map_err(|refused| AuthError::Throttled { retry_after: refused.wait_time_from(self.clock.now()) })
    }
}

fn limiter(attempts_a_minute: u32) -> DefaultKeyedRateLimiter<u64> {
    RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(attempts_a_minute).unwrap_or(NonZeroU32::MIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(address_attempts: u32, account_attempts: u32) -> Throttle {
        Throttle::new(&AuthConfig { address_attempts, account_attempts, ..AuthConfig::default() })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_tries_too_often_is_told_when_to_come_back() {
        let throttle = throttle(2, 10);
        throttle.check_address(address("192.0.2.1")).unwrap();
        throttle.check_address(address("192.0.2.1")).unwrap();
        let Err(AuthError::Throttled { retry_after }) = throttle.check_address(address("192.0.2.1")) else {
            panic!("the third attempt must be refused");
        };
        assert!((25..=30).contains(&retry_after.as_secs()), "{retry_after:?}");
        throttle.check_address(address("192.0.2.2")).unwrap();
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_one() {
        let throttle = throttle(1, 10);
        throttle.check_address(address("2001:db8:1:1::1")).unwrap();
        assert!(throttle.check_address(address("2001:db8:1:1:ffff::2")).is_err());
        throttle.check_address(address("2001:db8:1:2::1")).unwrap();
        throttle.check_address(address("192.0.2.1")).unwrap();
        assert!(throttle.check_address(address("::ffff:192.0.2.1")).is_err());
    }

    #[test]
    fn an_account_is_guarded_against_many_addresses() {
        let throttle = throttle(10, 1);
        throttle.check_account("Ada@example.org").unwrap();
        assert!(throttle.check_account(" ada@example.org").is_err());
    }

    #[test]
    fn the_counters_are_bounded() {
        let throttle = throttle(1, 1);
        for number in 0..(SLOTS + 1000) {
            let _ = throttle.check_account(&number.to_string());
        }
        assert!(throttle.by_account.len() as u64 <= SLOTS);
    }
}
