//! How many connections may begin: a token bucket lets them in, and gives those it turns away a moment of their own,
//! unless they are one login's or one address's and ask for more than half of the rate.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::line::{LATEST, Line};
use crate::auth::{Counters, network_of};
use crate::config;
use crate::domain::ids::LoginId;
use crate::observe::{Admitted, Door, Metrics};

/// How much of chance is added to a moment.
const JITTER: Duration = Duration::from_millis(100);

/// After what span, more or less, a login or an address that asks too often may ask again.
const GREEDY: Duration = Duration::from_secs(2);

/// Who wants to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comer<'a> {
    /// Somebody with a token of the hub's own, perhaps of a login that has ended meanwhile: one login gets half of the
    /// rate at most, so that it keeps nobody out.
    Login(&'a LoginId),
    /// Anybody else: the same for one address.
    Stranger(IpAddr),
    /// A module that has shown its token; modules have a rate of their own, and a fleet may be behind one address.
    Module,
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

/// Lets the connections of one kind begin, at most `socket.accept_rate` in any second; clones share it.
///
/// The bucket holds `accept_burst` and fills by the rest of the rate each second, so that a second that begins with a full
/// bucket has no more either.
///
/// People and modules have one each: a fleet whose hub comes back does not keep people out, nor people a fleet. All
/// dialects of people share theirs, as they are the same clients by other ways.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bucket: DefaultDirectRateLimiter,
    logins: Counters,
    strangers: Counters,
    line: Line,
    door: Door,
    metrics: Metrics,
}

impl Admission {
    /// Takes `accept_rate` and `accept_burst`; `door` is whom it counts for.
    #[must_use]
    pub fn new(options: &config::Socket, door: Door, metrics: Metrics) -> Self {
        let (rate, burst) = (options.steady_rate(), options.accept_burst);
        let (quota, share) = (quota(rate, burst), quota(rate / 2, burst / 2));
        let (bucket, line) = (RateLimiter::direct(quota), Line::new(options.return_rate()));
        let (logins, strangers) = (Counters::new(share), Counters::new(share));
        Self(Arc::new(Inner { bucket, logins, strangers, line, door, metrics }))
    }

    /// Asks for a connection that wants to begin; one that is let in counts whatever becomes of it.
    #[must_use]
    pub fn ask(&self, comer: Comer<'_>) -> Verdict {
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
        self.0.line.waiting(Instant::now())
    }

    fn judge(&self, comer: Comer<'_>) -> Verdict {
        let share = match comer {
            Comer::Login(login) => self.0.logins.check(login),
            Comer::Stranger(address) => self.0.strangers.check(&network_of(address)),
            Comer::Module => Ok(()),
        };
        if share.is_err() {
            // No moment of the line: one login or address would give them all to itself.
            return Verdict::Later(GREEDY.mul_f64(rand::random_range(0.5..1.5)));
        }
        if self.0.bucket.check().is_ok() {
            return Verdict::Enter;
        }
        let jitter = JITTER.mul_f64(rand::random_range(0.0..1.0));
        match self.0.line.take(Instant::now()) {
            Some(wait) => Verdict::Later(wait + jitter),
            None => Verdict::Full(LATEST.mul_f64(rand::random_range(0.5..1.5))),
        }
    }
}

/// So many each second, and so many at once; at least one.
fn quota(rate: u32, burst: u32) -> Quota {
    let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(rate)).allow_burst(at_least_one(burst))
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn no_second_has_more_than_the_rate() {
        for (accept_rate, accept_burst) in [(1000, 100), (20, 19), (2, 1)] {
            let options = config::Socket { accept_rate, accept_burst, ..config::Socket::default() };
            let clock = FakeRelativeClock::default();
            let bucket = RateLimiter::direct_with_clock(quota(options.steady_rate(), accept_burst), clock.clone());
            let mut entered = Vec::new();
            for ms in 0..5000_u32 {
                // Nobody comes in the second second, so that the bucket is full again.
                while !(1000..2000).contains(&ms) && bucket.check().is_ok() {
                    entered.push(ms);
                }
                clock.advance(Duration::from_millis(1));
            }
            let most = entered.iter().map(|from| entered.iter().filter(|ms| (*from..from + 1000).contains(ms)).count());
            let (most, rate) = (most.max().unwrap_or_default(), accept_rate as usize);
            assert!((rate - 1..=rate).contains(&most), "{most} of {rate}, {accept_burst} at once");
        }
    }

    #[test]
    fn one_address_or_login_does_not_keep_others_out() {
        let options = config::Socket { accept_rate: 22, accept_burst: 20, ..config::Socket::default() };
        let (login, other) = (LoginId::generate(), LoginId::generate());
        let floods = [Comer::Stranger("192.0.2.1".parse().unwrap()), Comer::Login(&login)];
        let others = [Comer::Stranger("192.0.2.2".parse().unwrap()), Comer::Login(&other), Comer::Module];
        for flood in floods {
            let admission = Admission::new(&options, Door::Native, Metrics::default());
            let entered = (0..1000).filter(|_| admission.ask(flood) == Verdict::Enter).count();
            assert!((10..=11).contains(&entered), "{entered} of {flood:?}");
            assert_eq!(admission.waiting(), 0);
            for other in others {
                assert_eq!(admission.ask(other), Verdict::Enter, "{other:?} beside {flood:?}");
            }
        }
    }

    #[test]
    fn no_more_than_the_rate_are_let_in() {
        let options = config::Socket { accept_rate: 4, accept_burst: 3, ..config::Socket::default() };
        let admission = Admission::new(&options, Door::Native, Metrics::default());
        let verdicts: Vec<_> = (0..40).map(|_| admission.ask(Comer::Module)).collect();

        let is = |wanted: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| wanted(verdict)).count();
        assert_eq!(is(|verdict| *verdict == Verdict::Enter), 3);
        assert_eq!(is(|verdict| matches!(verdict, Verdict::Later(_))), 27, "{verdicts:?}");
        assert_eq!(is(|verdict| matches!(verdict, Verdict::Full(_))), 10, "{verdicts:?}");
        assert!((26..=27).contains(&admission.waiting()), "{}", admission.waiting());
    }
}
