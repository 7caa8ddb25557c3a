//! The hours of the day in which what is too old goes; pure.

use crate::domain::time::Timestamp;

/// The length of an hour, in milliseconds.
const HOUR: i64 = 3_600_000;

/// Some hours of each day, by UTC; they may go on over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    from: i64,
    until: i64,
}

impl QuietHours {
    /// From the beginning of one hour to that of another; all hours if they are the same.
    #[must_use]
    pub fn new(from: u32, until: u32) -> Self {
        Self { from: i64::from(from % 24), until: i64::from(until % 24) }
    }

    /// Whether a moment lies in them.
    #[must_use]
    pub const fn hold(self, moment: Timestamp) -> bool {
        let hour = moment.as_millis().div_euclid(HOUR).rem_euclid(24);
        (hour - self.from).rem_euclid(24) < (self.until - self.from - 1).rem_euclid(24) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours_of(quiet: QuietHours) -> Vec<i64> {
        let day = 20_000 * 24;
        (0..24).filter(|hour| quiet.hold(Timestamp::from_millis((day + hour) * HOUR + HOUR - 1))).collect()
    }

    #[test]
    fn quiet_hours_may_go_on_over_midnight_and_may_be_all() {
        assert_eq!(hours_of(QuietHours::new(1, 5)), [1, 2, 3, 4]);
        assert_eq!(hours_of(QuietHours::new(22, 2)), [0, 1, 22, 23]);
        assert_eq!(hours_of(QuietHours::new(23, 0)), [23]);
        assert_eq!(hours_of(QuietHours::new(7, 7)), (0..24).collect::<Vec<_>>());
        assert_eq!(hours_of(QuietHours::new(0, 24)), (0..24).collect::<Vec<_>>());
    }
}
