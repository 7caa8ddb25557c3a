//! How much one question may cost.

use std::time::{Duration, Instant};

use super::HistoryError;

/// How long one question may be worked on.
const TIME_MAX: Duration = Duration::from_secs(5);
/// How many samples may be unpacked for one question.
const SAMPLES_MAX: usize = 1_000_000;

/// What is left for one question.
#[derive(Debug)]
pub struct Budget {
    until: Instant,
    samples: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { until: Instant::now() + TIME_MAX, samples: SAMPLES_MAX }
    }
}

impl Budget {
    /// What may be spent on finding out where something is, besides.
    pub fn for_looking() -> Self {
        Self { until: Instant::now() + TIME_MAX / 4, samples: SAMPLES_MAX / 4 }
    }

    /// How many samples were unpacked.
    #[cfg(test)]
    pub const fn spent(&self) -> usize {
        SAMPLES_MAX - self.samples
    }

    /// Some samples are unpacked.
    ///
    /// # Errors
    /// [`HistoryError::TooMuch`] when that is more than is left.
    pub fn spend(&mut self, samples: usize) -> Result<(), HistoryError> {
        self.samples = self.samples.checked_sub(samples).ok_or(HistoryError::TooMuch)?;
        if Instant::now() < self.until { Ok(()) } else { Err(HistoryError::TooMuch) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_costs_no_more_than_it_may() {
        let mut budget = Budget::default();
        assert!(budget.spend(SAMPLES_MAX).is_ok());
        assert!(matches!(budget.spend(1), Err(HistoryError::TooMuch)));
        let mut late = Budget { until: Instant::now(), ..Budget::default() };
        assert!(matches!(late.spend(0), Err(HistoryError::TooMuch)));
    }
}
