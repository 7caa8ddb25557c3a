//! When what is tried: pure.

use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::store::deliveries::{Delivery, DeliveryState};
use crate::store::webhooks::Webhook;

/// How long is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The bound of the first wait; it doubles with each.
    pub delay: Duration,
    /// The bound of all waits.
    pub max_delay: Duration,
    /// How many attempts.
    pub max_attempts: i64,
    /// How long after it was written down.
    pub max_age: Duration,
}

/// The next thing that a webhook is to be told.
#[derive(Debug, Clone)]
pub struct Head {
    /// Who.
    pub webhook: Webhook,
    /// What.
    pub delivery: Delivery,
}

/// What is begun now, and when there is more to do.
#[derive(Debug, Default)]
pub struct Plan {
    /// What is begun.
    pub begin: Vec<Head>,
    /// When the first of the others is due; none while what is under way must end before.
    pub next: Option<Timestamp>,
}

/// How many places are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Free {
    /// For anything.
    pub all: usize,
    /// For what has failed before: it never takes all places, so that a target that answers waits for none that hang.
    pub again: usize,
}

impl Plan {
    /// Chooses of what each webhook is to be told next: what was not tried yet first, then what waits for longest.
    #[must_use]
    pub fn of(mut heads: Vec<Head>, now: Timestamp, mut free: Free) -> Self {
        heads.sort_by_key(|head| (head.delivery.attempts > 0, head.delivery.next_at));
        let mut plan = Self::default();
        for head in heads {
            let is_again = head.delivery.attempts > 0;
            if head.delivery.next_at > now {
                plan.next = [plan.next, Some(head.delivery.next_at)].into_iter().flatten().min();
            } else if free.all > 0 && (!is_again || free.again > 0) {
                free.all -= 1;
                free.again -= usize::from(is_again && free.again > 0);
                plan.begin.push(head);
            }
        }
        plan
    }
}

/// A delivery after an attempt: `came` is the status of the answer, or why there is none; `chance` is from 0 to 1.
#[must_use]
pub fn judged(
    delivery: Delivery,
    came: Result<u16, String>,
    now: Timestamp,
    patience: Patience,
    chance: f64,
) -> Delivery {
    let (status, error) = match came {
        Ok(status) if (200..300).contains(&status) => (Some(i64::from(status)), None),
        Ok(status) if (300..400).contains(&status) => {
            (Some(i64::from(status)), Some(format!("it was answered with {status}; redirects are not followed")))
        }
        Ok(status) => (Some(i64::from(status)), Some(format!("it was answered with {status}"))),
        Err(error) => (None, Some(error)),
    };
    let attempts = delivery.attempts + 1;
    let next_at = now.plus(wait(patience, attempts, chance));
    let is_over = attempts >= patience.max_attempts || next_at > delivery.created_at.plus(patience.max_age);
    let state = match (&error, is_over) {
        (None, _) => DeliveryState::Delivered,
        (Some(_), true) => DeliveryState::Failed,
        (Some(_), false) => DeliveryState::Pending,
    };
    let finished_at = (state != DeliveryState::Pending).then_some(now);
    Delivery { state, attempts, next_at, finished_at, status, error, ..delivery }
}

/// Full jitter: anything up to a bound that doubles with each attempt, so that those that failed together do not come back
/// together.
fn wait(patience: Patience, attempts: i64, chance: f64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 32) - 1).unwrap_or(31);
    let bound = patience.delay.saturating_mul(2_u32.saturating_pow(doublings)).min(patience.max_delay);
    bound.mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::DeliveryId;
    use crate::store::testing::webhook;

    const PATIENCE: Patience = Patience {
        delay: Duration::from_secs(10),
        max_delay: Duration::from_secs(60),
        max_attempts: 5,
        max_age: Duration::from_secs(1000),
    };

    fn head(name: &str, attempts: i64, next_at: i64) -> Head {
        let webhook = webhook(name);
        let at = Timestamp::from_millis(next_at);
        let delivery = Delivery::new(DeliveryId::generate(), webhook.id.clone(), "alarm.raised", "{}".into(), at);
        Head { delivery: Delivery { attempts, ..delivery }, webhook }
    }

    fn names(plan: &Plan) -> Vec<&str> {
        plan.begin.iter().map(|head| head.webhook.name.as_str()).collect()
    }

    #[test]
    fn what_was_not_tried_comes_before_what_failed_which_never_takes_all_places() {
        let heads = || vec![head("c", 1, 5), head("d", 3, 4), head("a", 0, 9), head("later", 1, 50), head("b", 0, 10)];
        let now = Timestamp::from_millis(10);

        let plan = Plan::of(heads(), now, Free { all: 9, again: 9 });
        assert_eq!((names(&plan), plan.next), (vec!["a", "b", "d", "c"], Some(Timestamp::from_millis(50))));
        assert_eq!(names(&Plan::of(heads(), now, Free { all: 3, again: 3 })), ["a", "b", "d"]);
        assert_eq!(names(&Plan::of(heads(), now, Free { all: 9, again: 1 })), ["a", "b", "d"]);
        assert_eq!(names(&Plan::of(heads(), now, Free { all: 0, again: 0 })), [""; 0]);
    }

    #[test]
    fn waits_double_up_to_a_bound_and_end() {
        let (now, mut delivery) = (Timestamp::from_millis(0), head("a", 0, 0).delivery);
        let mut waits = Vec::new();
        while delivery.state == DeliveryState::Pending {
            delivery = judged(delivery, Ok(503), now, PATIENCE, 1.0);
            waits.push(delivery.next_at.as_millis() / 1000);
        }
        assert_eq!((waits, delivery.state), (vec![10, 20, 40, 60, 60], DeliveryState::Failed));
        assert_eq!((delivery.status, delivery.error.as_deref()), (Some(503), Some("it was answered with 503")));

        let half = judged(head("a", 1, 0).delivery, Err("no answer".into()), now, PATIENCE, 0.25);
        assert_eq!((half.state, half.next_at.as_millis(), half.status), (DeliveryState::Pending, 5000, None));
        let old = judged(head("a", 0, -999_000).delivery, Ok(500), now, PATIENCE, 0.5);
        assert_eq!(old.state, DeliveryState::Failed);
        let huge = Patience { max_attempts: i64::MAX, max_age: Duration::MAX, max_delay: Duration::MAX, ..PATIENCE };
        assert_eq!(judged(head("a", 1_000_000, 0).delivery, Ok(500), now, huge, 0.0).next_at, now);
    }

    #[test]
    fn only_2xx_is_taken_for_delivered() {
        let after =
            |status| judged(head("a", 0, 0).delivery, Ok(status), Timestamp::from_millis(0), PATIENCE, 1.0).state;
        for status in [200, 201, 204, 299] {
            assert_eq!(after(status), DeliveryState::Delivered, "{status}");
        }
        for status in [100, 199, 300, 301, 302, 307, 308, 304, 400, 404, 410, 500, 999] {
            assert_eq!(after(status), DeliveryState::Pending, "{status}");
        }
    }
}
