//! The section `telemetry`: readings on their way to the store.

use std::time::Duration;

use super::keys::{Checks, Keys, Section};

/// Readings on their way to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// How long a commit waits at most while more readings come to share it; once none has come for a tenth of this it begins.
    pub commit_interval: Duration,
    /// Readings in one commit.
    pub max_batch: usize,
    /// Readings that may wait for a commit, a long one counting as one more for each KiB; more are refused with 429, and of
    /// one module more than an eighth of them, unless they come in one request.
    pub max_waiting: usize,
    /// Readings of one connection that may wait for their acknowledgement, at most 1024, a long one counting as in
    /// `max_waiting`; more are not read from it.
    pub in_flight: usize,
    /// How far in the future a reading may say that it was measured, and how far, but at least a minute, the times run
    /// ahead that readings without one are given where they come faster than 1,000 a second.
    pub max_ahead: Duration,
    /// How long readings wait, a few seconds more or less, until they are sealed, compressed, into the history.
    pub seal_after: Duration,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            commit_interval: Duration::from_millis(20),
            max_batch: 1000,
            max_waiting: 10_000,
            in_flight: 64,
            max_ahead: Duration::from_secs(600),
            seal_after: Duration::from_secs(3600),
        }
    }
}

/// How many modules that send too much fill the line of all together.
const SHARES: usize = 8;

impl Telemetry {
    /// How many readings of one module may wait for a commit: its share, and what one connection may have under way.
    #[must_use]
    pub const fn max_waiting_each(&self) -> usize {
        let share = self.max_waiting / SHARES;
        let share = if share < self.in_flight { self.in_flight } else { share };
        if share > self.max_waiting { self.max_waiting } else { share }
    }
}

impl Section for Telemetry {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("commit_interval", &mut self.commit_interval);
        keys.key("max_batch", &mut self.max_batch);
        keys.key("max_waiting", &mut self.max_waiting);
        keys.key("in_flight", &mut self.in_flight);
        keys.key("max_ahead", &mut self.max_ahead);
        keys.key("seal_after", &mut self.seal_after);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        checks.require(self.commit_interval <= Duration::from_secs(1), "commit_interval", "must be at most `1s`");
        checks.require(self.max_batch > 0, "max_batch", "must be at least 1");
        checks.require(self.max_waiting >= self.max_batch, "max_waiting", "must be at least `telemetry.max_batch`");
        // Each connection of MQTT remembers as many, for those that come again.
        checks.require((1..=1024).contains(&self.in_flight), "in_flight", "must be 1 to 1024");
    }
}
