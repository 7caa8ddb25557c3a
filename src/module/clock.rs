//! When readings were measured: what devices say of it, judged, and what is taken where they say nothing; pure.

use std::time::Duration;

use super::error::ModuleError;
use crate::domain::telemetry::Reading;
use crate::domain::time::Timestamp;

/// Times before this one come from devices that do not know the time: 2000-01-01.
const EARLIEST: Timestamp = Timestamp::from_millis(946_684_800_000);
/// How far the times that the hub gives may at least run ahead of its own: what comes in one request must have room.
const ROOM: Duration = Duration::from_secs(60);

/// How far the times of readings may lie from the hub's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How far in the future.
    pub ahead: Duration,
    /// How far in the past; none for as far as one likes.
    pub behind: Option<Duration>,
}

/// A time that no reading can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeFault {
    /// It lies in the future.
    #[error("`{ts}` lies in the future, and the hub has `{now}`; set the clock, or leave `ts` out")]
    Ahead {
        /// The time.
        ts: Timestamp,
        /// The hub's.
        now: Timestamp,
    },
    /// What is so old is not kept.
    #[error("`{ts}` is older than what is kept; send nothing measured before `{earliest}`")]
    TooOld {
        /// The time.
        ts: Timestamp,
        /// What would be kept.
        earliest: Timestamp,
    },
}

impl Bounds {
    /// Judges the time of a reading, if it names one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, reading: &Reading, now: Timestamp) -> Result<(), TimeFault> {
        let Some(ts) = reading.ts else { return Ok(()) };
        if ts > now.plus(self.ahead) {
            return Err(TimeFault::Ahead { ts, now });
        }
        let earliest = self.behind.map_or(EARLIEST, |behind| now.minus(behind).max(EARLIEST));
        if ts < earliest { Err(TimeFault::TooOld { ts, earliest }) } else { Ok(()) }
    }
}

/// Gives readings that name no time one of their own, so that none replaces another.
///
/// Invariant: the times it gives grow, also from one actor of a module to the next and over a restart; only where the hub's
/// own clock was put back by far do they begin anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clock {
    last: Option<Timestamp>,
}

impl Clock {
    /// The clock that goes on behind the last time that was given.
    #[must_use]
    pub const fn after(last: Option<Timestamp>) -> Self {
        Self { last }
    }

    /// The last time that was given, if any ever was.
    #[must_use]
    pub const fn last(self) -> Option<Timestamp> {
        self.last
    }

    /// The time of each reading: its own, or that at which it was `received`, a millisecond apart where several came together.
    ///
    /// # Errors
    /// [`ModuleError::BadTime`] of the first reading with a time that cannot be; [`ModuleError::NoTimeLeft`] where so many
    /// name none that theirs would run too far ahead. The clock stands as before then.
    pub fn times(
        &mut self,
        readings: &[Reading],
        bounds: Bounds,
        (now, received): (Timestamp, Timestamp),
    ) -> Result<Vec<Timestamp>, ModuleError> {
        for (place, reading) in readings.iter().enumerate() {
            bounds.check(reading, now).map_err(|fault| ModuleError::BadTime { reading: place, fault })?;
        }
        let mut left = readings.iter().filter(|reading| reading.ts.is_none()).count() as u64;
        let room = bounds.ahead.max(ROOM);
        let latest = now.plus(room);
        // It never ran as far as twice the room: the hub's own clock has been put back.
        let mut last = self.last.filter(|last| *last <= latest.plus(room));
        let mut time_of = |reading: &Reading| {
            reading.ts.unwrap_or_else(|| {
                // The last of them came then, those before it a little earlier.
                left = left.saturating_sub(1);
                let own = received.minus(Duration::from_millis(left));
                let given = last.map_or(own, |last| own.max(last.plus(Duration::from_millis(1))));
                last = Some(given);
                given
            })
        };
        let times = readings.iter().map(&mut time_of).collect();
        if last > self.last && last > Some(latest) {
            return Err(ModuleError::NoTimeLeft);
        }
        self.last = last;
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;
    const BOUNDS: Bounds = Bounds { ahead: Duration::from_secs(600), behind: Some(Duration::from_secs(86_400)) };

    fn reading(ts: Option<i64>) -> Reading {
        Reading::new(ts.map(Timestamp::from_millis), serde_json::from_str("{}").unwrap())
    }

    fn at(now: i64) -> (Timestamp, Timestamp) {
        (Timestamp::from_millis(now), Timestamp::from_millis(now))
    }

    fn times(clock: &mut Clock, ts: &[Option<i64>], now: i64) -> Vec<i64> {
        let readings: Vec<_> = ts.iter().map(|ts| reading(*ts)).collect();
        let times = clock.times(&readings, BOUNDS, at(now)).unwrap();
        times.into_iter().map(Timestamp::as_millis).collect()
    }

    #[test]
    fn readings_without_a_time_get_different_ones() {
        let mut clock = Clock::default();
        assert_eq!(times(&mut clock, &[None, Some(NOW - 50), None, None], NOW), [NOW - 2, NOW - 50, NOW - 1, NOW]);
        assert_eq!(times(&mut clock, &[None], NOW), [NOW + 1]);
        assert_eq!(times(&mut clock, &[None, None], NOW + 10), [NOW + 9, NOW + 10]);
        let (now, received) = (Timestamp::from_millis(NOW + 9000), Timestamp::from_millis(NOW + 50));
        let waited = clock.times(&[reading(None)], BOUNDS, (now, received)).unwrap();
        assert_eq!(waited, [received], "waiting makes it no newer");
    }

    #[test]
    fn those_that_come_too_fast_to_have_times_of_their_own_are_refused() {
        let mut clock = Clock::default();
        let (most, one) = (vec![reading(None); 600_000], [reading(None)]);
        clock.times(&one, BOUNDS, at(NOW)).unwrap();
        let given = clock.times(&most, BOUNDS, at(NOW)).unwrap();
        assert_eq!(given.last(), Some(&Timestamp::from_millis(NOW + 600_000)));
        let before = clock;
        assert!(matches!(clock.times(&one, BOUNDS, at(NOW)), Err(ModuleError::NoTimeLeft)));
        assert_eq!(clock, before);
        assert_eq!(times(&mut clock, &[Some(NOW)], NOW), [NOW], "with a time of its own it is taken");
        assert_eq!(times(&mut clock, &[None], NOW + 1), [NOW + 600_001], "a moment later there is room again");
        let none_ahead = Bounds { ahead: Duration::ZERO, ..BOUNDS };
        assert!(Clock::default().times(&most[..1000], none_ahead, at(NOW)).is_ok());
    }

    #[test]
    fn a_clock_goes_on_behind_the_last_time_unless_that_cannot_have_been_given() {
        let goes_on = |last| times(&mut Clock::after(Some(Timestamp::from_millis(last))), &[None, None], NOW);
        assert_eq!(goes_on(NOW), [NOW + 1, NOW + 2]);
        assert_eq!(goes_on(NOW - 5000), [NOW - 1, NOW]);
        assert_eq!(goes_on(NOW + 599_998), [NOW + 599_999, NOW + 600_000]);
        assert_eq!(goes_on(NOW + 1_200_001), [NOW - 1, NOW], "the hub's clock was put back");
    }

    #[test]
    fn times_that_cannot_be_are_named() {
        for (ts, is_good) in [
            (NOW, true),
            (NOW + 600_000, true),
            (NOW + 600_001, false),
            (NOW - 86_400_000, true),
            (NOW - 86_400_001, false),
            (0, false),
            (i64::MAX, false),
            (i64::MIN, false),
        ] {
            let readings = [reading(None), reading(Some(ts))];
            let judged = Clock::default().times(&readings, BOUNDS, at(NOW));
            assert_eq!(judged.is_ok(), is_good, "{ts}");
            assert!(is_good || judged.is_err_and(|error| error.reading() == Some(1)), "{ts}");
        }
        let for_ever = Bounds { behind: None, ..BOUNDS };
        let old = [reading(Some(EARLIEST.as_millis()))];
        assert!(Clock::default().times(&old, for_ever, at(NOW)).is_ok());
        let older = [reading(Some(EARLIEST.as_millis() - 1))];
        assert!(Clock::default().times(&older, for_ever, at(NOW)).is_err());
    }
}
