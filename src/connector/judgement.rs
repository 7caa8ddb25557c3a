//! What comes of an attempt: pure.

use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::store::deliveries::{Delivery, DeliveryState};

/// What a target says to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// How long it asks not to be called.
    pub wait: Option<Duration>,
}

/// How long is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The bound of the first wait; it doubles with each.
    pub delay: Duration,
    /// The bound of all waits.
    pub max_delay: Duration,
    /// How many attempts.
    pub max_attempts: i64,
    /// How many answers that refuse it.
    pub max_refusals: i64,
    /// How long after it was written down.
    pub max_age: Duration,
}

/// What an attempt says of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has taken the delivery.
    Taken,
    /// It is there, and will hardly take this delivery when it comes again: it refuses what is in it.
    Refused,
    /// It may take it another time, and not before this wait if it names one: it is down, or it refuses the hub whatever
    /// it is told, which people can put right.
    Failed(Option<Duration>),
}

impl Verdict {
    /// What the answer, or why there is none, says.
    #[must_use]
    pub const fn of(came: &Result<Answer, String>) -> Self {
        match came {
            Ok(Answer { status: 200..300, .. }) => Self::Taken,
            // It took too long to ask, it was too early or too often: all of that passes.
            Ok(Answer { status: 408 | 425 | 429, wait }) => Self::Failed(*wait),
            Ok(Answer { status, wait }) if refuses_all(*status) => Self::Failed(*wait),
            Ok(Answer { status: 400..500, .. }) => Self::Refused,
            Ok(Answer { wait, .. }) => Self::Failed(*wait),
            Err(_) => Self::Failed(None),
        }
    }
}

/// Whether a status says nothing of what is told, but that the target takes nothing from the hub, or is not where it was:
/// a fault of its address or of what it asks of callers.
const fn refuses_all(status: u16) -> bool {
    matches!(status, 401..=405 | 407 | 410 | 421 | 423 | 426 | 451)
}

/// A delivery after an attempt; `chance` is from 0 to 1.
#[must_use]
pub fn judged(
    delivery: Delivery,
    came: Result<Answer, String>,
    now: Timestamp,
    patience: Patience,
    chance: f64,
) -> Delivery {
    let verdict = Verdict::of(&came);
    let attempts = delivery.attempts + 1;
    let refusals = delivery.refusals + i64::from(verdict == Verdict::Refused);
    let asked = if let Verdict::Failed(asked) = verdict { asked } else { None };
    let wait = patience.wait(attempts, chance).max(patience.bounded(asked));
    let next_at = now.plus(wait);
    let is_over = attempts >= patience.max_attempts
        || refusals >= patience.max_refusals
        || next_at > delivery.created_at.plus(patience.max_age);
    let state = match (verdict, is_over) {
        (Verdict::Taken, _) => DeliveryState::Delivered,
        (_, true) => DeliveryState::Failed,
        (_, false) => DeliveryState::Pending,
    };
    let finished_at = (state != DeliveryState::Pending).then_some(now);
    let status = came.as_ref().ok().map(|answer| i64::from(answer.status));
    let error = if verdict == Verdict::Taken { None } else { Some(reason(came)) };
    Delivery { state, attempts, refusals, next_at, finished_at, status, error, ..delivery }
}

fn reason(came: Result<Answer, String>) -> String {
    match came {
        Ok(Answer { status: status @ 300..400, .. }) => {
            format!("it was answered with {status}; redirects are not followed")
        }
        Ok(Answer { status, .. }) if refuses_all(status) => {
            format!("it was answered with {status}; check the address of the target, and what it asks of callers")
        }
        Ok(Answer { status, .. }) => format!("it was answered with {status}"),
        Err(error) => error,
    }
}

impl Patience {
    /// Full jitter: anything up to a bound that doubles with each attempt, so that those that failed together do not come
    /// back together.
    #[must_use]
    pub fn wait(&self, attempts: i64, chance: f64) -> Duration {
        let doublings = u32::try_from(attempts.clamp(1, 32) - 1).unwrap_or(31);
        let bound = self.delay.saturating_mul(2_u32.saturating_pow(doublings)).min(self.max_delay);
        bound.mul_f64(chance.clamp(0.0, 1.0))
    }

    /// The wait that a target asks for, as far as it is granted.
    #[must_use]
    pub fn bounded(&self, asked: Option<Duration>) -> Duration {
        asked.unwrap_or_default().min(self.max_delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::testing::{PATIENCE, delivery};

    const fn answer(status: u16) -> Result<Answer, String> {
        Ok(Answer { status, wait: None })
    }

    #[test]
    fn waits_double_up_to_a_bound_and_end() {
        let (now, mut delivery) = (Timestamp::from_millis(0), delivery(0, 0));
        let mut waits = Vec::new();
        while delivery.state == DeliveryState::Pending {
            delivery = judged(delivery, answer(503), now, PATIENCE, 1.0);
            waits.push(delivery.next_at.as_millis() / 1000);
        }
        assert_eq!((waits, delivery.state), (vec![10, 20, 40, 60, 60], DeliveryState::Failed));
        assert_eq!((delivery.status, delivery.error.as_deref()), (Some(503), Some("it was answered with 503")));
    }

    #[test]
    fn waits_are_shortened_at_random_and_an_old_delivery_ends() {
        let now = Timestamp::from_millis(0);
        let half = judged(delivery(1, 0), Err("no answer".into()), now, PATIENCE, 0.25);
        assert_eq!((half.state, half.next_at.as_millis(), half.status), (DeliveryState::Pending, 5000, None));
        let old = judged(delivery(0, -999_000), answer(500), now, PATIENCE, 0.5);
        assert_eq!(old.state, DeliveryState::Failed);
        let huge = Patience { max_attempts: i64::MAX, max_age: Duration::MAX, max_delay: Duration::MAX, ..PATIENCE };
        assert_eq!(judged(delivery(1_000_000, 0), answer(500), now, huge, 0.0).next_at, now);
    }

    #[test]
    fn only_2xx_is_taken_for_delivered() {
        let after = |status| judged(delivery(0, 0), answer(status), Timestamp::from_millis(0), PATIENCE, 1.0).state;
        for status in [200, 201, 204, 299] {
            assert_eq!(after(status), DeliveryState::Delivered, "{status}");
        }
        for status in [100, 199, 300, 301, 302, 307, 308, 304, 400, 404, 410, 500, 999] {
            assert_eq!(after(status), DeliveryState::Pending, "{status}");
        }
    }

    #[test]
    fn a_refusal_is_tried_again_a_few_times_only() {
        let now = Timestamp::from_millis(0);
        let tries = |status| {
            let mut delivery = delivery(0, 0);
            while delivery.state == DeliveryState::Pending {
                delivery = judged(delivery, answer(status), now, PATIENCE, 0.0);
            }
            delivery.attempts
        };
        for refused in [400, 406, 409, 413, 415, 422, 499] {
            assert_eq!(tries(refused), PATIENCE.max_refusals, "{refused}");
        }
        for passing in [301, 401, 403, 404, 405, 408, 410, 425, 429, 451, 500, 502, 503, 504] {
            assert_eq!(tries(passing), PATIENCE.max_attempts, "{passing}");
        }
        let long_down = Delivery { attempts: 3, ..delivery(0, 0) };
        assert_eq!(judged(long_down, answer(400), now, PATIENCE, 0.0).state, DeliveryState::Pending);
    }

    #[test]
    fn a_wait_that_a_target_asks_for_is_granted_up_to_the_bound_of_all_waits() {
        let after = |status, seconds| {
            let came = Ok(Answer { status, wait: Some(Duration::from_secs(seconds)) });
            judged(delivery(0, 0), came, Timestamp::from_millis(0), PATIENCE, 0.1).next_at.as_millis()
        };
        assert_eq!((after(429, 30), after(503, 30), after(429, 3600), after(429, 0)), (30_000, 30_000, 60_000, 1000));
        assert_eq!(after(422, 30), 1000, "it is refused, and given up soon");
    }
}
