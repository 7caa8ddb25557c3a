//! The section `presence`: online and offline.

use std::time::Duration;

use super::keys::{Checks, Keys, Section};

/// Online and offline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// How long a module without a connection stays online after its last reading.
    pub timeout: Duration,
    /// How long a module's actor lives without work.
    pub passivate_after: Duration,
}

impl Default for Presence {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60), passivate_after: Duration::from_secs(300) }
    }
}

impl Section for Presence {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("timeout", &mut self.timeout);
        keys.key("passivate_after", &mut self.passivate_after);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        checks.require(!self.timeout.is_zero(), "timeout", "must be longer than zero");
        checks.require(!self.passivate_after.is_zero(), "passivate_after", "must be longer than zero");
    }
}
