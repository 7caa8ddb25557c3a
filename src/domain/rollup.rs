//! Windows of time and what many values come to in them; pure.
//!
//! Windows begin at multiples of their length since 1970, so that they are the same whoever asks and whenever. Numbers
//! count as they are and switches as 0 and 1; texts and null count nothing.

use serde::Serialize;

use super::telemetry::Value;

/// A length for which windows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// One minute.
    Minutes,
    /// A quarter of an hour.
    Quarters,
    /// One hour.
    Hours,
    /// One day.
    Days,
}

impl Level {
    /// All of them, each made of those before it.
    pub const ALL: [Self; 4] = [Self::Minutes, Self::Quarters, Self::Hours, Self::Days];

    /// How long a window is, in milliseconds.
    #[must_use]
    pub const fn length(self) -> i64 {
        match self {
            Self::Minutes => 60_000,
            Self::Quarters => 900_000,
            Self::Hours => 3_600_000,
            Self::Days => 86_400_000,
        }
    }

    /// The level it is made of; none for what is made of values.
    #[must_use]
    pub const fn below(self) -> Option<Self> {
        match self {
            Self::Minutes => None,
            Self::Quarters => Some(Self::Minutes),
            Self::Hours => Some(Self::Quarters),
            Self::Days => Some(Self::Hours),
        }
    }

    /// The number it is stored under.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Minutes => 0,
            Self::Quarters => 1,
            Self::Hours => 2,
            Self::Days => 3,
        }
    }

    /// The longest level of which a window of a length is made up; none if only values will do.
    #[must_use]
    pub fn within(length: i64) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|level| length % level.length() == 0)
    }
}

/// The beginning of the window of a length that holds a moment.
#[must_use]
pub const fn start_of(moment: i64, length: i64) -> i64 {
    moment.saturating_sub(moment.rem_euclid(length))
}

/// What the values of a window come to.
///
/// Invariant: `beyond` is there if and only if all values together are more than a number can say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// How many there are; at least one.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// All together; as near as a number comes to it where it is `beyond`.
    pub sum: f64,
    /// The earliest.
    pub first: f64,
    /// The latest.
    pub last: f64,
    /// The mean, where the sum is beyond what numbers reach and no longer tells it.
    pub beyond: Option<f64>,
}

impl Window {
    /// A window with one value.
    #[must_use]
    pub const fn of(value: f64) -> Self {
        Self { count: 1, min: value, max: value, sum: value, first: value, last: value, beyond: None }
    }

    /// The window and a later one together.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let count = self.count + later.count;
        let (min, max) = (self.min.min(later.min), self.max.max(later.max));
        let mut sum = self.sum + later.sum;
        let mut beyond = None;
        if !sum.is_finite() || self.beyond.is_some() || later.beyond.is_some() {
            let part = |window: &Self| window.mean() * (window.count as f64 / count as f64);
            let mean = (part(&self) + part(&later)).clamp(min, max);
            sum = (mean * count as f64).clamp(f64::MIN, f64::MAX);
            beyond = Some(mean).filter(|_| sum.abs() == f64::MAX);
        }
        Self { count, min, max, sum, first: self.first, last: later.last, beyond }
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.beyond.unwrap_or(self.sum / self.count as f64)
    }
}

/// What a value counts as; none if it counts nothing.
#[must_use]
pub fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()),
        Value::Bool(is_on) => Some(f64::from(u8::from(*is_on))),
        Value::Null | Value::Text(_) => None,
    }
}

/// Puts windows or values, oldest first, together to windows of a length; each with its beginning.
pub fn gather(parts: impl IntoIterator<Item = (i64, Window)>, length: i64) -> Vec<(i64, Window)> {
    let mut windows: Vec<(i64, Window)> = Vec::new();
    for (moment, part) in parts {
        let start = start_of(moment, length);
        match windows.last_mut() {
            Some((known, window)) if *known == start => *window = window.and(part),
            _ => windows.push((start, part)),
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn windows_begin_at_multiples_of_their_length() {
        assert_eq!((start_of(0, 60_000), start_of(59_999, 60_000), start_of(60_000, 60_000)), (0, 0, 60_000));
        assert_eq!(start_of(-1, 60_000), -60_000);
        assert_eq!(start_of(i64::MIN, 60_000), i64::MIN);
        let within = |length| Level::within(length);
        assert_eq!(
            (within(60_000), within(300_000), within(1_800_000)),
            (Some(Level::Minutes), Some(Level::Minutes), Some(Level::Quarters))
        );
        assert_eq!(
            (within(7_200_000), within(604_800_000), within(90_000)),
            (Some(Level::Hours), Some(Level::Days), None)
        );
    }

    #[test]
    fn every_level_is_made_of_whole_windows_of_the_one_below() {
        for level in Level::ALL {
            assert_eq!(level.below().map_or(0, |below| level.length() % below.length()), 0);
        }
    }

    proptest! {
        #[test]
        fn windows_of_windows_are_windows_of_values(
            mut values in prop::collection::vec((0..10_000_000_i64, -1000..1000_i32), 0..200),
        ) {
            values.sort_by_key(|(moment, _)| *moment);
            let parts = values.iter().map(|(moment, value)| (*moment, Window::of(f64::from(*value))));
            let minutes = gather(parts.clone(), 60_000);
            // Sums of whole numbers are exact.
            prop_assert_eq!(gather(minutes, 900_000), gather(parts, 900_000));
        }

        #[test]
        fn the_mean_is_right_however_great_the_numbers_are(
            values in prop::collection::vec(
                prop_oneof![prop::num::f64::NORMAL, 1.0e307..=f64::MAX, f64::MIN..=-1.0e307, Just(f64::MAX), Just(1.0)],
                1..200,
            ),
        ) {
            let parts = || (0..).zip(&values).map(|(second, value)| (second * 1000, Window::of(*value)));
            let expected = values.iter().map(|value| value / values.len() as f64).sum::<f64>();
            let greatest = values.iter().fold(0.0_f64, |greatest, value| greatest.max(value.abs()));
            for window in [gather(parts(), 900_000).pop(), gather(gather(parts(), 60_000), 900_000).pop()] {
                let (_, window) = window.unwrap();
                let (mean, most) = (window.mean(), values.iter().copied().fold(f64::MIN, f64::max));
                prop_assert!((mean / greatest - expected / greatest).abs() < 1e-9, "{mean} {expected}");
                prop_assert!(window.sum.is_finite() && window.max == most);
                prop_assert_eq!(window.count, values.len() as u64);
            }
        }
    }
}
