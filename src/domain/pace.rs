//! How often a client wants newer values at most.

use std::num::NonZeroU32;
use std::time::Duration;

/// The fewest values a second that can be asked for.
pub const RATE_MIN: f64 = 0.001;

/// The most values a second that can be asked for.
pub const RATE_MAX: f64 = 1000.0;

/// The shortest time between two values of one state, from a rate of [`RATE_MIN`] to [`RATE_MAX`] a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pace {
    micros: NonZeroU32,
}

/// A number that is no rate.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("must be from {RATE_MIN} to {RATE_MAX}, in values a second")]
pub struct PaceError;

impl Pace {
    /// The pace of so many values a second.
    ///
    /// # Errors
    /// [`PaceError`] for what is no number or out of bounds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the bounds keep it from 1,000 to 1,000,000,000"
    )]
    pub fn of_rate(rate: f64) -> Result<Self, PaceError> {
        if !(RATE_MIN..=RATE_MAX).contains(&rate) {
            return Err(PaceError);
        }
        NonZeroU32::new((1_000_000.0 / rate).round() as u32).map(|micros| Self { micros }).ok_or(PaceError)
    }

    /// The time between two values.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_micros(self.micros.get().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_bounds() {
        assert_eq!(Pace::of_rate(2.0).unwrap().interval(), Duration::from_millis(500));
        assert_eq!(Pace::of_rate(RATE_MIN).unwrap().interval(), Duration::from_secs(1000));
        assert_eq!(Pace::of_rate(RATE_MAX).unwrap().interval(), Duration::from_millis(1));
        for bad in [0.0, -1.0, 1e-300, 1000.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Pace::of_rate(bad), Err(PaceError), "{bad}");
        }
    }
}
