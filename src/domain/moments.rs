//! When those who are sent away at once come back: each at a moment of its own.

use std::time::Duration;

/// A span of moments, evenly spaced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// The moments lie within this, or a longer span where there are many.
    pub spread: Duration,
    /// How many may come back each second.
    pub return_rate: f64,
}

impl Moments {
    /// A moment for somebody who comes beside those who are counted.
    #[must_use]
    pub fn any(&self) -> Duration {
        self.moment(0, 1)
    }

    /// How long number `place` of `count` stays away: the moments are evenly spaced, each moved by chance within its own
    /// space, so that never more come back at once than the hub lets in.
    #[must_use]
    pub fn moment(&self, place: usize, count: usize) -> Duration {
        let needed = Duration::from_secs_f64(count as f64 / self.return_rate);
        let share = (place as f64 + rand::random_range(0.0..1.0)) / count.max(1) as f64;
        self.spread.max(needed).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_sent_away_come_back_no_faster_than_they_are_let_in() {
        let moments = Moments { spread: Duration::from_secs(5), return_rate: 900.0 };
        for (count, span) in [(1, 5.0), (100, 5.0), (9000, 10.0)] {
            let space = span / count as f64;
            for place in 0..count {
                let (begin, moment) = (place as f64 * space, moments.moment(place, count).as_secs_f64());
                assert!((begin - 1e-6..begin + space + 1e-6).contains(&moment), "{place} of {count}: {moment}");
            }
        }
    }
}
