//! The section `pairing`: how modules find their owners.

use std::time::Duration;

use super::keys::{Checks, Keys, Section};

/// How modules find their owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairing {
    /// How long a claim code works.
    pub code_lifetime: Duration,
    /// Codes that one person, or one address, may try a minute.
    pub attempts: u32,
}

impl Default for Pairing {
    fn default() -> Self {
        Self { code_lifetime: Duration::from_secs(30 * 86_400), attempts: 10 }
    }
}

impl Section for Pairing {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("code_lifetime", &mut self.code_lifetime);
        keys.key("attempts", &mut self.attempts);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        checks.require(!self.code_lifetime.is_zero(), "code_lifetime", "must be longer than zero");
        checks.require(self.attempts > 0, "attempts", "must be at least 1");
    }
}
