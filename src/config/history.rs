//! The section `history`: how long what is kept.

use std::time::Duration;

use super::keys::{Checks, Keys, Section};

/// Nothing is kept for less.
const KEEP_MIN: Duration = Duration::from_secs(86_400);

/// How long what is kept; zero for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Samples as they were measured.
    pub raw: Duration,
    /// Windows of one minute.
    pub minutes: Duration,
    /// Windows of a quarter of an hour.
    pub quarters: Duration,
    /// Windows of one hour.
    pub hours: Duration,
    /// Windows of one day.
    pub days: Duration,
    /// Bytes that all samples and windows together take of the database beyond which the oldest samples go; zero for no such bound.
    pub max_bytes: usize,
    /// How often is looked for what is to go.
    pub tidy_interval: Duration,
    /// From which hour of the day, by UTC, what is too old goes.
    pub tidy_from: u32,
    /// Until which hour; the same one for the whole day.
    pub tidy_until: u32,
}

impl Default for History {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self {
            raw: days(2 * 365),
            minutes: days(2 * 365),
            quarters: days(2 * 365),
            hours: days(5 * 365),
            days: Duration::ZERO,
            max_bytes: 0,
            tidy_interval: Duration::from_secs(60),
            tidy_from: 1,
            tidy_until: 5,
        }
    }
}

impl History {
    /// How long samples, minutes, quarters of an hour, hours and days are kept.
    #[must_use]
    pub const fn spans(&self) -> [Duration; 5] {
        [self.raw, self.minutes, self.quarters, self.hours, self.days]
    }
}

impl Section for History {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("raw", &mut self.raw);
        keys.key("minutes", &mut self.minutes);
        keys.key("quarters", &mut self.quarters);
        keys.key("hours", &mut self.hours);
        keys.key("days", &mut self.days);
        keys.key("max_bytes", &mut self.max_bytes);
        keys.key("tidy_interval", &mut self.tidy_interval);
        keys.key("tidy_from", &mut self.tidy_from);
        keys.key("tidy_until", &mut self.tidy_until);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        let length = |span: Duration| if span.is_zero() { Duration::MAX } else { span };
        let names = ["raw", "minutes", "quarters", "hours", "days"];
        for (name, span) in names.into_iter().zip(self.spans()) {
            checks.require(length(span) >= KEEP_MIN, name, "must be at least `1d`, or `0s` for ever");
        }
        checks.require(self.tidy_interval >= Duration::from_secs(1), "tidy_interval", "must be at least `1s`");
        checks.require(self.tidy_from < 24, "tidy_from", "must be an hour of the day, from 0 to 23");
        checks.require(self.tidy_until < 24, "tidy_until", "must be an hour of the day, from 0 to 23");
        for (name, pair) in names[1..].iter().zip(self.spans().windows(2)) {
            let advice = "must not be shorter than the length before it, of what it is made of";
            checks.require(length(pair[0]) <= length(pair[1]), name, advice);
        }
    }
}
