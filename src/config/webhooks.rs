//! The section `webhooks`: how outside services are told of alarms.

use std::time::Duration;

use super::keys::{Checks, Keys, Section};

/// How outside services are told of alarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhooks {
    /// Whether addresses may be called that are not of the public internet.
    pub allow_private: bool,
    /// Deliveries under way at once.
    pub max_at_once: usize,
    /// Deliveries to one webhook under way at once, each of another module.
    pub max_at_once_each: usize,
    /// How long finding and connecting may take, and the handshake of TLS once more.
    pub connect_timeout: Duration,
    /// How long one attempt may take, with its answer.
    pub timeout: Duration,
    /// The bound of the wait after the first failure.
    pub retry_delay: Duration,
    /// The bound of every wait.
    pub max_retry_delay: Duration,
    /// Attempts before a delivery is given up.
    pub max_attempts: u32,
    /// Answers that refuse what is in a delivery (such as 400, 413, 422) before it is given up.
    pub max_refusals: u32,
    /// How long a delivery is tried.
    pub max_age: Duration,
    /// Deliveries that may wait for one webhook.
    pub max_waiting: usize,
    /// Deliveries of one module that may wait for one webhook.
    pub max_waiting_each: usize,
    /// Deliveries to one webhook that are kept after their end.
    pub keep: usize,
    /// How long they are kept.
    pub keep_age: Duration,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            allow_private: false,
            max_at_once: 16,
            max_at_once_each: 4,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            retry_delay: Duration::from_secs(10),
            max_retry_delay: Duration::from_secs(3600),
            max_attempts: 20,
            max_refusals: 3,
            max_age: Duration::from_secs(86_400),
            max_waiting: 10_000,
            max_waiting_each: 1000,
            keep: 1000,
            keep_age: Duration::from_secs(30 * 86_400),
        }
    }
}

impl Section for Webhooks {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("allow_private", &mut self.allow_private);
        keys.key("max_at_once", &mut self.max_at_once);
        keys.key("max_at_once_each", &mut self.max_at_once_each);
        keys.key("connect_timeout", &mut self.connect_timeout);
        keys.key("timeout", &mut self.timeout);
        keys.key("retry_delay", &mut self.retry_delay);
        keys.key("max_retry_delay", &mut self.max_retry_delay);
        keys.key("max_attempts", &mut self.max_attempts);
        keys.key("max_refusals", &mut self.max_refusals);
        keys.key("max_age", &mut self.max_age);
        keys.key("max_waiting", &mut self.max_waiting);
        keys.key("max_waiting_each", &mut self.max_waiting_each);
        keys.key("keep", &mut self.keep);
        keys.key("keep_age", &mut self.keep_age);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        let milliseconds = Duration::from_millis;
        checks.require((2..=256).contains(&self.max_at_once), "max_at_once", "must be 2 to 256");
        checks.require((1..=256).contains(&self.max_at_once_each), "max_at_once_each", "must be 1 to 256");
        checks.require(self.connect_timeout >= milliseconds(100), "connect_timeout", "must be at least `100ms`");
        let is_between = (self.connect_timeout..=milliseconds(60_000)).contains(&self.timeout);
        checks.require(is_between, "timeout", "must be at least `webhooks.connect_timeout` and at most `60s`");
        checks.require(self.retry_delay >= milliseconds(10), "retry_delay", "must be at least `10ms`");
        let is_between = (self.retry_delay..=milliseconds(86_400_000)).contains(&self.max_retry_delay);
        checks.require(is_between, "max_retry_delay", "must be at least `webhooks.retry_delay` and at most `24h`");
        checks.require(self.max_attempts > 0, "max_attempts", "must be at least 1");
        checks.require(self.max_refusals > 0, "max_refusals", "must be at least 1");
        checks.require(self.max_age >= self.timeout, "max_age", "must be at least `webhooks.timeout`");
        checks.require(self.max_waiting > 0, "max_waiting", "must be at least 1");
        checks.require(self.max_waiting_each > 0, "max_waiting_each", "must be at least 1");
        checks.require(self.keep > 0, "keep", "must be at least 1");
        checks.require(self.keep_age >= milliseconds(60_000), "keep_age", "must be at least `1m`");
    }
}
