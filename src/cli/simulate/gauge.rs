use rand::{Rng, seq::IndexedRandom};
use serde_json::Value;

/// One value of a module's telemetry and the way it behaves in time.
///
/// Rates are per minute, so that the behaviour does not depend on how often a module reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Gauge {
    /// A measure that wanders between two bounds, by about `pace` in a minute.
    Walk {
        /// Where it stands.
        value: f64,
        /// Its lower and upper bound.
        bounds: (f64, f64),
        /// How far it wanders in a minute, as a standard deviation.
        pace: f64,
        /// The digits it is reported with after the point.
        decimals: i32,
    },
    /// Something that is on or off.
    Switch {
        /// Whether it is on.
        on: bool,
        /// How often it changes in a minute.
        rate: f64,
    },
    /// One of several named states.
    Choice {
        /// The state it is in.
        current: &'static str,
        /// All states it can be in.
        states: &'static [&'static str],
        /// How often it changes in a minute.
        rate: f64,
    },
    /// A count of things that happen, about `rate` in a minute.
    Counter {
        /// How many there were.
        count: u64,
        /// How many come in a minute.
        rate: f64,
    },
    /// A charge in percent that drains, and is recharged when it is nearly empty.
    Battery {
        /// What is left.
        percent: f64,
        /// How much goes in a minute.
        drain: f64,
        /// Whether it is being charged.
        charging: bool,
    },
}

/// A battery goes to the charger below this, in percent.
const NEARLY_EMPTY: f64 = 15.0;
/// A charger is this many times as fast as the drain.
const CHARGE_SPEED: f64 = 10.0;

impl Gauge {
    /// Lets `minutes` pass.
    pub fn advance(&mut self, minutes: f64, random: &mut impl Rng) {
        match self {
            Self::Walk { value, bounds, pace, .. } => {
                let (low, high) = *bounds;
                let step = *pace * minutes.sqrt() * standard_normal(random);
                *value = reflect(*value + step, low, high);
            }
            Self::Switch { on, rate } => *on ^= happens(*rate, minutes, random),
            Self::Choice { current, states, rate } => {
                if happens(*rate, minutes, random) {
                    *current = states.choose(random).copied().unwrap_or(current);
                }
            }
            Self::Counter { count, rate } => *count += arrivals(*rate * minutes, random),
            Self::Battery { percent, drain, charging } => {
                let speed = if *charging { *drain * CHARGE_SPEED } else { -*drain };
                *percent = (*percent + speed * minutes).clamp(0.0, 100.0);
                *charging = if *charging { *percent < 100.0 } else { *percent < NEARLY_EMPTY };
            }
        }
    }

    /// What the module reports.
    pub fn reading(&self) -> Value {
        match self {
            Self::Walk { value, decimals, .. } => rounded(*value, *decimals).into(),
            Self::Switch { on, .. } => (*on).into(),
            Self::Choice { current, .. } => (*current).into(),
            Self::Counter { count, .. } => (*count).into(),
            Self::Battery { percent, .. } => rounded(*percent, 1).into(),
        }
    }
}

/// Whether something that happens `rate` times a minute happens within `minutes` (a Poisson process).
fn happens(rate: f64, minutes: f64, random: &mut impl Rng) -> bool {
    random.random_bool(1.0 - (-rate * minutes).exp())
}

/// How many arrivals there are when `mean` are expected: its whole part, and one more as often as its fraction says.
fn arrivals(mean: f64, random: &mut impl Rng) -> u64 {
    // The mean is far below 2^53, so the whole part is exact.
    mean.trunc() as u64 + u64::from(random.random_bool(mean.fract()))
}

/// A draw from the standard normal distribution (Irwin–Hall: the sum of twelve uniform draws, less six).
fn standard_normal(random: &mut impl Rng) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

/// Turns a value that ran past a bound back inside, by as much as it was past it.
fn reflect(value: f64, low: f64, high: f64) -> f64 {
    let turned = if value < low { 2.0 * low - value } else { value };
    let turned = if turned > high { 2.0 * high - turned } else { turned };

    turned.clamp(low, high)
}

fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);

    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    proptest! {
        #[test]
        fn a_walk_never_leaves_its_bounds(seed: u64, start in -5.0..5.0, minutes in 0.0..100.0) {
            let mut random = StdRng::seed_from_u64(seed);
            let mut gauge = Gauge::Walk { value: start, bounds: (-5.0, 5.0), pace: 2.0, decimals: 2 };

            for _ in 0..50 {
                gauge.advance(minutes, &mut random);
                let value = gauge.reading().as_f64().unwrap();
                prop_assert!((-5.0..=5.0).contains(&value));
            }
        }

        #[test]
        fn a_counter_never_goes_back(seed: u64, minutes in 0.0..10.0) {
            let mut random = StdRng::seed_from_u64(seed);
            let mut gauge = Gauge::Counter { count: 7, rate: 30.0 };
            let mut last = 7;

            for _ in 0..50 {
                gauge.advance(minutes, &mut random);
                let count = gauge.reading().as_u64().unwrap();
                prop_assert!(count >= last);
                last = count;
            }
        }
    }

    #[test]
    fn a_battery_drains_and_is_charged_again() {
        let mut random = StdRng::seed_from_u64(1);
        let mut gauge = Gauge::Battery { percent: 16.0, drain: 1.0, charging: false };

        gauge.advance(1.5, &mut random);
        assert_eq!(gauge.reading(), 14.5);
        gauge.advance(1.0, &mut random);
        assert_eq!(gauge.reading(), 24.5);
        gauge.advance(60.0, &mut random);
        assert_eq!(gauge.reading(), 100.0);
        gauge.advance(1.0, &mut random);
        assert_eq!(gauge.reading(), 99.0);
    }

    #[test]
    fn arrivals_keep_their_mean() {
        let mut random = StdRng::seed_from_u64(2);
        let total: u64 = (0..10_000).map(|_| arrivals(0.3, &mut random)).sum();

        assert!((2_800..3_200).contains(&total), "{total} arrivals");
    }

    #[test]
    fn nothing_changes_when_no_time_passes() {
        let mut random = StdRng::seed_from_u64(3);
        let mut gauge = Gauge::Switch { on: true, rate: 100.0 };

        gauge.advance(0.0, &mut random);

        assert_eq!(gauge.reading(), true);
    }
}
