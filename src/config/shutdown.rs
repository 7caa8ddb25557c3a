//! The section `shutdown`: how the hub stops.

use std::time::Duration;

use super::keys::{Checks, Keys, Section};

/// How the hub stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shutdown {
    /// How long requests and clients have to finish after the stop signal; modules are answered in the first three quarters.
    pub grace: Duration,
    /// The span over which clients are told to come back, so that they do not all come at once.
    pub spread: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { grace: Duration::from_secs(8), spread: Duration::from_secs(5) }
    }
}

impl Section for Shutdown {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("grace", &mut self.grace);
        keys.key("spread", &mut self.spread);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        checks.require(self.grace <= Duration::from_secs(600), "grace", "must be at most `10m`");
        checks.require(self.spread <= Duration::from_secs(600), "spread", "must be at most `10m`");
    }
}
