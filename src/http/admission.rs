//! How many connections may begin: a token bucket lets them in, and gives those it turns away a moment of their own.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::auth::{Counters, network_of};
use crate::config;
use crate::observe::{Admitted, Door, Metrics};

/// Nobody is told to come back sooner: a handshake takes a while to come round again.
const SOONEST: Duration = Duration::from_millis(250);
/// Nobody is told to come back later; where the moments up to then are given away, the line is full.
const LATEST: Duration = Duration::from_secs(30);
/// How much of chance is added to a moment.
const JITTER: Duration = Duration::from_millis(100);

/// After what span, more or less, an address that asks too often may ask again.
const STRANGERS: Duration = Duration::from_secs(2);

/// Who wants to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comer {
    /// Somebody with a token of the hub's own.
    Known,
    /// Anybody else: one address gets half of the rate at most, so that it keeps nobody out.
    Stranger(IpAddr),
}

/// What a connection that wants to begin is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may begin.
    Enter,
    /// It may begin after this span; the moment is its own.
    Later(Duration),
    /// So many wait that it gets no moment of its own; it may ask again after this span.
    Full(Duration),
}

/// Lets the connections of one kind begin, at most `socket.accept_rate` each second; clones share it.
///
/// People and modules have one each: a fleet whose hub comes back does not keep people out, nor people a fleet. All
/// dialects of people share theirs, as they are the same clients by other ways.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bucket: DefaultDirectRateLimiter,
    strangers: Counters,
    line: Line,
    door: Door,
    metrics: Metrics,
}

impl Admission {
    /// Takes `accept_rate` and `accept_burst`; `door` is whom it counts for.
    #[must_use]
    pub fn new(options: &config::Socket, door: Door, metrics: Metrics) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::per_second(at_least_one(options.accept_rate)).allow_burst(at_least_one(options.accept_burst));
        let share = Quota::per_second(at_least_one(options.accept_rate / 2))
            .allow_burst(at_least_one(options.accept_burst / 2));
        let (bucket, line) = (RateLimiter::direct(quota), Line::new(options.return_rate()));
        Self(Arc::new(Inner { bucket, strangers: Counters::new(share), line, door, metrics }))
    }

    /// Asks for a connection that wants to begin; one that is let in counts whatever becomes of it.
    #[must_use]
    pub fn ask(&self, comer: Comer) -> Verdict {
        let verdict = self.judge(comer);
        let told = match verdict {
            Verdict::Enter => Admitted::Now,
            Verdict::Later(_) => Admitted::Later,
            Verdict::Full(_) => Admitted::Never,
        };
        self.0.metrics.connection_asked(self.0.door, told);
        verdict
    }

    /// How many have been given a moment that is still to come.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.0.line.waiting()
    }

    fn judge(&self, comer: Comer) -> Verdict {
        if let Comer::Stranger(address) = comer
            && self.0.strangers.check(&network_of(address)).is_err()
        {
            // No moment of the line: one address would give them all to itself.
            return Verdict::Later(STRANGERS.mul_f64(rand::random_range(0.5..1.5)));
        }
        if self.0.bucket.check().is_ok() {
            return Verdict::Enter;
        }
        let jitter = JITTER.mul_f64(rand::random_range(0.0..1.0));
        match self.0.line.take(self.0.line.now()) {
            Some(wait) => Verdict::Later(wait + jitter),
            None => Verdict::Full(LATEST.mul_f64(rand::random_range(0.5..1.5))),
        }
    }
}

/// The moments of those who were turned away, evenly spaced; in nanoseconds since the start.
///
/// Invariant: `next` is the first moment that nobody has been given; it only grows.
#[derive(Debug)]
struct Line {
    start: Instant,
    step: u64,
    next: AtomicU64,
}

impl Line {
    fn new(rate: f64) -> Self {
        Self { start: Instant::now(), step: nanos(Duration::from_secs_f64(1.0 / rate)), next: AtomicU64::new(0) }
    }

    fn now(&self) -> u64 {
        nanos(self.start.elapsed())
    }

    /// Gives away the next moment; answers how long it is until then, none when it would be too long.
    fn take(&self, now: u64) -> Option<Duration> {
        let soonest = now + nanos(SOONEST);
        let given = self.next.fetch_update(Ordering::AcqRel, Ordering::Acquire, |next| {
            let moment = next.max(soonest);
            (moment - now <= nanos(LATEST)).then_some(moment + self.step)
        });
        given.ok().map(|next| Duration::from_nanos(next.max(soonest) - now))
    }

    fn waiting(&self) -> u64 {
        self.next.load(Ordering::Acquire).saturating_sub(self.now()) / self.step
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_turned_away_come_back_one_after_the_other() {
        let line = Line::new(900.0);
        let waits: Vec<_> = (0..4500).map(|_| line.take(7).unwrap()).collect();

        assert_eq!(waits[0], SOONEST);
        for pair in waits.windows(2) {
            assert_eq!(pair[1] - pair[0], Duration::from_nanos(line.step));
        }
        assert!((5.2..5.3).contains(&waits[4499].as_secs_f64()), "{:?}", waits[4499]);
    }

    #[test]
    fn a_line_that_is_full_gives_no_more_moments_until_some_have_passed() {
        let line = Line::new(10.0);
        let given = std::iter::from_fn(|| line.take(0)).count();
        assert_eq!(given, 298, "the moments from a quarter of a second to half a minute, ten a second");

        assert_eq!(line.take(0), None);
        assert!(line.take(nanos(Duration::from_secs(1))).is_some());
    }

    #[test]
    fn one_address_does_not_keep_others_out() {
        let options = config::Socket { accept_rate: 2, accept_burst: 20, ..config::Socket::default() };
        let admission = Admission::new(&options, Door::Native, Metrics::default());
        let flood = Comer::Stranger("192.0.2.1".parse().unwrap());
        let entered = (0..1000).filter(|_| admission.ask(flood) == Verdict::Enter).count();
        assert!((10..=11).contains(&entered), "{entered}");
        assert_eq!(admission.waiting(), 0);
        assert_eq!(admission.ask(Comer::Stranger("192.0.2.2".parse().unwrap())), Verdict::Enter);
        assert_eq!(admission.ask(Comer::Known), Verdict::Enter);
    }

    #[test]
    fn no_more_than_the_rate_are_let_in() {
        let options = config::Socket { accept_rate: 1, accept_burst: 3, ..config::Socket::default() };
        let admission = Admission::new(&options, Door::Native, Metrics::default());
        let verdicts: Vec<_> = (0..40).map(|_| admission.ask(Comer::Known)).collect();

        let is = |wanted: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| wanted(verdict)).count();
        assert_eq!(is(|verdict| *verdict == Verdict::Enter), 3);
        assert_eq!(is(|verdict| matches!(verdict, Verdict::Later(_))), 27, "{verdicts:?}");
        assert_eq!(is(|verdict| matches!(verdict, Verdict::Full(_))), 10, "{verdicts:?}");
        assert!(admission.waiting() >= 26);
    }
}
