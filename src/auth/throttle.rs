//! How often somebody may try: by address and by account.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::Quota;

use super::AuthError;
use super::counters::{Counters, network_of};
use crate::config::Auth as AuthConfig;

/// Counts attempts, forgets them by and by.
#[derive(Debug)]
pub struct Throttle {
    by_address: Counters,
    by_account: Counters,
}

impl Throttle {
    /// Takes `address_attempts` and `account_attempts`, both a minute.
    #[must_use]
    pub fn new(config: &AuthConfig) -> Self {
        Self { by_address: counters(config.address_attempts), by_account: counters(config.account_attempts) }
    }

    /// Counts an attempt from an address; an IPv6 network of 64 bits is one address, as one person has them all.
    ///
    /// # Errors
    /// [`AuthError::Throttled`] when there were too many.
    pub fn check_address(&self, address: IpAddr) -> Result<(), AuthError> {
        self.by_address.check(&network_of(address)).map_err(|retry_after| AuthError::Throttled { retry_after })
    }

    /// Counts an attempt for an account.
    ///
    /// # Errors
    /// [`AuthError::Throttled`] when there were too many.
    pub fn check_account(&self, account: &str) -> Result<(), AuthError> {
        let account = account.trim().to_lowercase();
        self.by_account.check(&account).map_err(|retry_after| AuthError::Throttled { retry_after })
    }

    /// Gives back the memory of those who have not tried lately.
    pub fn forget_old(&self) {
        self.by_address.forget_old();
        self.by_account.forget_old();
    }
}

fn counters(attempts_a_minute: u32) -> Counters {
    Counters::new(Quota::per_minute(NonZeroU32::new(attempts_a_minute).unwrap_or(NonZeroU32::MIN)))
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
}
