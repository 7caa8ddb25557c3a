//! The section `commands`: what modules are told.

use std::time::Duration;

use super::keys::{Checks, Keys, Section};

/// What modules are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// How long a device has to answer if the caller does not say.
    pub timeout: Duration,
    /// How long a caller may give it.
    pub max_timeout: Duration,
    /// Commands of one module that may wait for its answer; more are refused with 429.
    pub max_under_way: usize,
    /// Commands of one module that are kept.
    pub keep: usize,
    /// How long commands are kept.
    pub max_age: Duration,
    /// How often a module is told again to stop until it acknowledges.
    pub stop_retry: Duration,
}

impl Default for Commands {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            max_timeout: Duration::from_secs(60),
            max_under_way: 16,
            keep: 1000,
            max_age: Duration::from_secs(90 * 86_400),
            stop_retry: Duration::from_secs(5),
        }
    }
}

impl Section for Commands {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("timeout", &mut self.timeout);
        keys.key("max_timeout", &mut self.max_timeout);
        keys.key("max_under_way", &mut self.max_under_way);
        keys.key("keep", &mut self.keep);
        keys.key("max_age", &mut self.max_age);
        keys.key("stop_retry", &mut self.stop_retry);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        let most = Duration::from_secs(600);
        checks.require(!self.timeout.is_zero(), "timeout", "must be longer than zero");
        checks.require(self.max_timeout <= most, "max_timeout", "must be at most `10m`");
        checks.require(self.timeout <= self.max_timeout, "max_timeout", "must be at least `commands.timeout`");
        checks.require((1..=256).contains(&self.max_under_way), "max_under_way", "must be 1 to 256");
        checks.require(self.keep >= self.max_under_way, "keep", "must be at least `commands.max_under_way`");
        checks.require(self.max_age >= most, "max_age", "must be at least `10m`");
        checks.require(self.stop_retry >= Duration::from_millis(100), "stop_retry", "must be at least `100ms`");
    }
}
