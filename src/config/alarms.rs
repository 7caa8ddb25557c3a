//! The section `alarms`: rules, and the alarms they raise.

use std::time::Duration;

use super::keys::{Checks, Keys, Section};

/// Rules, and the alarms they raise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarms {
    /// Alarms that are kept after they were cleared.
    pub keep: usize,
    /// Those of one module.
    pub keep_each: usize,
    /// How long they are.
    pub max_age: Duration,
    /// Rules of all modules and types together; more are refused.
    pub max_rules: usize,
    /// Rules of one module, or of one type; more are refused.
    pub max_rules_each: usize,
    /// Rules that one person has made who may not see all modules; more are refused.
    pub max_rules_of_person: usize,
    /// How long after the start of the hub no silence is told, so that modules can come back.
    pub start_grace: Duration,
}

impl Default for Alarms {
    fn default() -> Self {
        Self {
            keep: 10_000,
            keep_each: 1000,
            max_age: Duration::from_secs(365 * 86_400),
            max_rules: 1000,
            max_rules_each: 20,
            max_rules_of_person: 200,
            start_grace: Duration::from_secs(60),
        }
    }
}

impl Section for Alarms {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("keep", &mut self.keep);
        keys.key("keep_each", &mut self.keep_each);
        keys.key("max_age", &mut self.max_age);
        keys.key("max_rules", &mut self.max_rules);
        keys.key("max_rules_each", &mut self.max_rules_each);
        keys.key("max_rules_of_person", &mut self.max_rules_of_person);
        keys.key("start_grace", &mut self.start_grace);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        checks.require(self.keep <= 100_000, "keep", "must be at most 100000");
        checks.require(self.keep_each <= self.keep, "keep_each", "must be at most `keep`");
        checks.require(self.max_age >= Duration::from_secs(3600), "max_age", "must be at least `1h`");
        checks.require(self.max_rules <= 10_000, "max_rules", "must be at most 10000");
        checks.require(self.max_rules_each <= 100, "max_rules_each", "must be at most 100");
        checks.require(self.start_grace <= Duration::from_secs(3600), "start_grace", "must be at most `1h`");
    }
}
