//! The section `reconnect`: what clients are told about reconnecting.

use std::time::Duration;

use super::keys::{Checks, Keys, Section};

/// What clients are told about reconnecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnect {
    /// Attempts before a client gives up.
    pub max_attempts: u32,
    /// The first delay; it doubles with every attempt and is shortened at random.
    pub delay: Duration,
    /// The longest delay.
    pub max_delay: Duration,
    /// Whether clients keep figures about their connection.
    pub enable_stats: bool,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { max_attempts: 15, delay: Duration::from_secs(1), max_delay: Duration::from_secs(15), enable_stats: true }
    }
}

impl Section for Reconnect {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("max_attempts", &mut self.max_attempts);
        keys.key("delay", &mut self.delay);
        keys.key("max_delay", &mut self.max_delay);
        keys.key("enable_stats", &mut self.enable_stats);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        checks.require(!self.delay.is_zero(), "delay", "must be longer than zero");
        checks.require(self.max_delay >= self.delay, "max_delay", "must be at least `reconnect.delay`");
    }
}
