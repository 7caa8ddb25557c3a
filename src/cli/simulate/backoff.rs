use std::time::Duration;

use rand::Rng;

/// The waits between attempts to connect: full jitter below a bound that doubles (Brooker, "Exponential Backoff And
/// Jitter", 2015), so that a fleet which lost its hub does not come back in step.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
}

impl Backoff {
    /// Waits below `first` at first, and never longer than `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, attempts: 0 }
    }

    /// The wait before the next attempt.
    pub fn next(&mut self, random: &mut impl Rng) -> Duration {
        let bound = self.first.saturating_mul(2_u32.saturating_pow(self.attempts)).min(self.longest);
        self.attempts += 1;

        bound.mul_f64(random.random())
    }

    /// Starts over after a success.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(15);

    proptest! {
        #[test]
        fn no_wait_passes_its_bound(seed: u64, attempts in 1_usize..100) {
            let mut random = StdRng::seed_from_u64(seed);
            let mut backoff = Backoff::new(FIRST, LONGEST);

            for attempt in 0..attempts {
                let bound = FIRST.saturating_mul(1 << attempt.min(10)).min(LONGEST);
                prop_assert!(backoff.next(&mut random) <= bound);
            }
        }
    }

    #[test]
    fn a_success_starts_over() {
        let mut random = StdRng::seed_from_u64(1);
        let mut backoff = Backoff::new(FIRST, LONGEST);
        for _ in 0..10 {
            backoff.next(&mut random);
        }

        backoff.reset();

        assert!(backoff.next(&mut random) <= FIRST);
    }
}
