//! The moments of those who were turned away, one after the other.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Nobody is told to come back sooner: a handshake takes a while to come round again.
const SOONEST: Duration = Duration::from_millis(250);
/// Nobody is told to come back later; where the moments up to then are given away, the line is full.
pub const LATEST: Duration = Duration::from_secs(30);

/// Gives moments away, no two of them closer together than `step`.
///
/// Invariant: runs follow one another in time, and only the last one grows. One that is over is forgotten, so that there
/// are no more than steps in [`SOONEST`].
#[derive(Debug)]
pub struct Line {
    step: Duration,
    runs: Mutex<VecDeque<Run>>,
}

/// Moments that are evenly spaced.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: Instant,
    count: u32,
}

impl Line {
    /// A line from which so many come back each second.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self { step: Duration::from_secs_f64(1.0 / rate), runs: Mutex::default() }
    }

    /// Gives away the next moment; answers how long it is until then, none when it would be too long.
    pub fn take(&self, now: Instant) -> Option<Duration> {
        let (mut runs, soonest) = (self.runs(), now + SOONEST);
        while runs.front().is_some_and(|run| self.end(run) <= now) {
            runs.pop_front();
        }
        match runs.back_mut().map(|run| (self.end(run), run)) {
            Some((next, run)) if next >= soonest => {
                let wait = next.saturating_duration_since(now);
                (wait <= LATEST).then(|| {
                    run.count += 1;
                    wait
                })
            }
            _ => {
                runs.push_back(Run { first: soonest, count: 1 });
                Some(SOONEST)
            }
        }
    }

    /// How many have been given a moment that is still to come.
    #[must_use]
    pub fn waiting(&self, now: Instant) -> u64 {
        self.runs().iter().map(|run| u64::from(run.count.saturating_sub(self.passed(run, now)))).sum()
    }

    /// How many moments of a run have come.
    fn passed(&self, run: &Run, now: Instant) -> u32 {
        match now.checked_duration_since(run.first) {
            None => 0,
            Some(since) => (since.as_secs_f64() / self.step.as_secs_f64()) as u32 + 1,
        }
    }

    /// The first moment behind a run.
    fn end(&self, run: &Run) -> Instant {
        run.first + self.step * run.count
    }

    fn runs(&self) -> MutexGuard<'_, VecDeque<Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_turned_away_come_back_one_after_the_other() {
        let (line, now) = (Line::new(900.0), Instant::now());
        let waits: Vec<_> = (0..4500).map(|_| line.take(now).unwrap()).collect();

        assert_eq!(waits[0], SOONEST);
        for pair in waits.windows(2) {
            assert_eq!(pair[1] - pair[0], line.step);
        }
        assert!((5.2..5.3).contains(&waits[4499].as_secs_f64()), "{:?}", waits[4499]);
    }

    #[test]
    fn a_line_that_is_full_gives_no_more_moments_until_some_have_passed() {
        let (line, now) = (Line::new(10.0), Instant::now());
        let given = std::iter::from_fn(|| line.take(now)).count();
        assert_eq!(given, 298, "the moments from a quarter of a second to half a minute, ten a second");

        assert_eq!(line.take(now), None);
        assert!(line.take(now + Duration::from_secs(1)).is_some());
    }

    #[test]
    fn only_those_wait_who_were_given_a_moment() {
        let (line, now) = (Line::new(10.0), Instant::now());
        let after = |ms| now + Duration::from_millis(ms);
        assert_eq!(line.waiting(now), 0);
        assert!((0..3).all(|_| line.take(now).is_some()));
        assert_eq!([line.waiting(now), line.waiting(after(260)), line.waiting(after(500))], [3, 2, 0]);

        assert_eq!(line.take(after(320)), Some(SOONEST), "the line has moved on");
        assert_eq!([line.waiting(after(320)), line.waiting(after(460)), line.waiting(after(600))], [3, 1, 0]);
        assert_eq!(line.take(after(10_000)), Some(SOONEST));
        assert_eq!((line.waiting(after(10_000)), line.runs().len()), (1, 1));
    }
}
