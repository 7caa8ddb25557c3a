//! The section `journal`: how long events are kept.

use std::time::Duration;

use super::keys::{Checks, Keys, Section};

/// How long events are kept for clients that come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// How many events are kept at most, or a few more.
    pub max_events: usize,
    /// How long an event is kept at most, or a little longer.
    pub max_age: Duration,
}

impl Default for Journal {
    fn default() -> Self {
        Self { max_events: 1_000_000, max_age: Duration::from_secs(7 * 86_400) }
    }
}

impl Section for Journal {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("max_events", &mut self.max_events);
        keys.key("max_age", &mut self.max_age);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        checks.require(self.max_events >= 16, "max_events", "must be at least 16");
        checks.require(self.max_age >= Duration::from_secs(1), "max_age", "must be at least `1s`");
    }
}
