//! The section `auth`: logins and passwords.

use std::time::Duration;

use super::{
    keys::{Checks, Keys, Section},
    secret::Secret,
};

/// Logins and passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// The key that signs access tokens; without one a key is made once and kept in the data folder.
    pub jwt_secret_key: Option<Secret>,
    /// The issuer named in access tokens and required of them.
    pub issuer: String,
    /// The audience named in access tokens and required of them.
    pub audience: String,
    /// How long an access token is valid.
    pub access_lifetime: Duration,
    /// How long a login lasts without being refreshed.
    pub refresh_lifetime: Duration,
    /// The cost of a password hash; each step doubles its time.
    pub bcrypt_cost: u32,
    /// Password hashes computed at once; zero means half the cores.
    pub hash_threads: usize,
    /// Logins that may wait for a hash; more are refused with 503.
    pub max_waiting_logins: usize,
    /// Login attempts a minute from one address; more are refused with 429.
    pub address_attempts: u32,
    /// Login attempts a minute for one account; more are refused with 429.
    pub account_attempts: u32,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            jwt_secret_key: None,
            issuer: "carillon".to_owned(),
            audience: "carillon".to_owned(),
            access_lifetime: Duration::from_secs(15 * 60),
            refresh_lifetime: Duration::from_secs(30 * 86_400),
            bcrypt_cost: 12,
            hash_threads: 0,
            max_waiting_logins: 256,
            address_attempts: 60,
            account_attempts: 10,
        }
    }
}

impl Section for Auth {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("jwt_secret_key", &mut self.jwt_secret_key);
        keys.key("issuer", &mut self.issuer);
        keys.key("audience", &mut self.audience);
        keys.key("access_lifetime", &mut self.access_lifetime);
        keys.key("refresh_lifetime", &mut self.refresh_lifetime);
        keys.key("bcrypt_cost", &mut self.bcrypt_cost);
        keys.key("hash_threads", &mut self.hash_threads);
        keys.key("max_waiting_logins", &mut self.max_waiting_logins);
        keys.key("address_attempts", &mut self.address_attempts);
        keys.key("account_attempts", &mut self.account_attempts);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        let key = self.jwt_secret_key.as_ref();
        checks.require(
            key.is_none_or(|key| key.expose().len() >= 32),
            "jwt_secret_key",
            "must have at least 32 bytes; make one with `openssl rand -hex 32`",
        );
        checks.require(self.access_lifetime >= Duration::from_secs(1), "access_lifetime", "must be at least `1s`");
        checks.require(
            self.refresh_lifetime > self.access_lifetime,
            "refresh_lifetime",
            "must be longer than `auth.access_lifetime`",
        );
        checks.require(
            (4..=15).contains(&self.bcrypt_cost),
            "bcrypt_cost",
            "must be from 4 to 15; 12 suits most machines",
        );
        checks.require(self.max_waiting_logins > 0, "max_waiting_logins", "must be at least 1");
        checks.require(self.address_attempts > 0, "address_attempts", "must be at least 1");
        checks.require(self.account_attempts > 0, "account_attempts", "must be at least 1");
    }
}
