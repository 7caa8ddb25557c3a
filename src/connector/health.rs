//! How a target does, as far as deliveries have shown it: pure.

use std::collections::HashSet;
use std::time::Duration;

use super::judgement::{Patience, Verdict};
use crate::domain::ids::ModuleId;
use crate::domain::time::Timestamp;

/// Deliveries of so many modules must fail in a row before the target counts as down: what one module has to tell may be to
/// blame for its own failures.
const DOWN_AFTER: usize = 3;
/// The longest rest of a target that is down: a call a minute is no burden, and new alarms wait no longer when it is back.
const REST_MAX: Duration = Duration::from_secs(60);

/// How a target does.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// Modules whose deliveries failed since the target last said something useful; at most [`DOWN_AFTER`].
    failing: HashSet<Option<ModuleId>>,
    /// Attempts in vain since it is down.
    in_vain: i64,
    /// Until when it is left alone as it is down.
    down_until: Option<Timestamp>,
    /// Until when it is left alone as it asked for that.
    asked_until: Option<Timestamp>,
}

impl Health {
    /// Whether it is down: then it is told one thing at a time, to see whether it is back.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.failing.len() >= DOWN_AFTER
    }

    /// Until when it is left alone.
    #[must_use]
    pub fn rests_until(&self) -> Option<Timestamp> {
        self.down_until.max(self.asked_until)
    }

    /// Takes note of an attempt with what a module has to tell; answers whether the target is back. `chance` is from 0 to 1.
    pub fn note(
        &mut self,
        module: Option<ModuleId>,
        verdict: Verdict,
        now: Timestamp,
        patience: Patience,
        chance: f64,
    ) -> bool {
        let Verdict::Failed(asked) = verdict else {
            let was_down = self.is_down();
            *self = Self { asked_until: self.asked_until, ..Self::default() };
            return was_down;
        };
        if asked.is_some() {
            self.asked_until = self.asked_until.max(Some(now.plus(patience.bounded(asked))));
        }
        if !self.is_down() {
            self.failing.insert(module);
        }
        // Of those that were under way together only one makes the rest longer.
        if self.is_down() && self.down_until.is_none_or(|until| until <= now) {
            self.in_vain += 1;
            self.down_until = Some(now.plus(patience.wait(self.in_vain, chance).min(REST_MAX)));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::testing::PATIENCE;

    const FAILED: Verdict = Verdict::Failed(None);

    fn module(number: usize) -> Option<ModuleId> {
        Some(format!("MC-{number}").parse().unwrap())
    }

    fn rest(health: &Health) -> Option<i64> {
        health.rests_until().map(|until| until.as_millis() / 1000)
    }

    #[test]
    fn a_target_that_fails_for_several_modules_is_down_and_rests_ever_longer() {
        let (mut health, mut now) = (Health::default(), Timestamp::from_millis(0));
        for number in [1, 2, 1, 2, 2] {
            health.note(module(number), FAILED, now, PATIENCE, 1.0);
        }
        assert_eq!((health.is_down(), rest(&health)), (false, None), "two modules may be to blame themselves");
        let mut rests = Vec::new();
        for number in 3..8 {
            health.note(module(number), FAILED, now, PATIENCE, 1.0);
            health.note(module(number), FAILED, now, PATIENCE, 1.0);
            let until = health.rests_until().unwrap();
            rests.push(until.since(now).as_secs());
            now = until;
        }
        assert_eq!((health.is_down(), rests), (true, vec![10, 20, 40, 60, 60]));
        let long = Patience { max_delay: Duration::from_secs(3600), ..PATIENCE };
        health.note(module(9), FAILED, now, long, 1.0);
        assert_eq!(health.rests_until().unwrap().since(now), REST_MAX);
    }

    #[test]
    fn a_target_that_takes_or_refuses_something_is_back() {
        for back in [Verdict::Taken, Verdict::Refused] {
            let (mut health, now) = (Health::default(), Timestamp::from_millis(0));
            (1..=2).for_each(|number| assert!(!health.note(module(number), FAILED, now, PATIENCE, 1.0)));
            assert!(!health.note(module(1), back, now, PATIENCE, 1.0), "it was not down");
            (1..=3).for_each(|number| assert!(!health.note(module(number), FAILED, now, PATIENCE, 0.5)));
            assert_eq!((health.is_down(), rest(&health)), (true, Some(5)));
            assert!(health.note(module(1), back, now, PATIENCE, 1.0));
            assert_eq!((health.is_down(), rest(&health)), (false, None));
        }
    }

    #[test]
    fn a_target_rests_as_long_as_it_asks_for_whatever_else_it_takes() {
        let (mut health, now) = (Health::default(), Timestamp::from_millis(0));
        health.note(module(1), Verdict::Failed(Some(Duration::from_secs(30))), now, PATIENCE, 1.0);
        health.note(module(2), Verdict::Taken, now, PATIENCE, 1.0);
        assert_eq!((health.is_down(), rest(&health)), (false, Some(30)));
        health.note(module(1), Verdict::Failed(Some(Duration::from_secs(9999))), now, PATIENCE, 1.0);
        assert_eq!(rest(&health), Some(60));
    }
}
