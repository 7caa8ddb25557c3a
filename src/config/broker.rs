//! The section `broker`: the order of events.

use super::keys::{Checks, Keys, Section};

/// The order of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Recent events each worker keeps for clients that reconnect.
    pub ring: usize,
    /// Messages that may wait for the broker or a relay; a relay that missed some catches up.
    pub mailbox: usize,
}

impl Default for Broker {
    fn default() -> Self {
        Self { ring: 65_536, mailbox: 4096 }
    }
}

impl Section for Broker {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("ring", &mut self.ring);
        keys.key("mailbox", &mut self.mailbox);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        checks.require((16..=16_777_216).contains(&self.ring), "ring", "must be from 16 to 16777216");
        checks.require(self.mailbox > 0, "mailbox", "must be at least 1");
    }
}
