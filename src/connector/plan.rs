//! Who is told what next: pure.

use std::collections::HashMap;

use super::course::Course;
use crate::domain::ids::{DeliveryId, WebhookId};
use crate::domain::time::Timestamp;
use crate::store::deliveries::Head;

/// How many places there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// For anything.
    pub all: usize,
    /// For one webhook, each for another module.
    pub each: usize,
}

impl Places {
    /// What has failed before, and all that webhooks are told beyond one thing each, never take more than half: so a target that
    /// answers waits for none that hang.
    const fn half(self) -> usize {
        self.all / 2
    }
}

/// What is begun now, and when there is more to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is begun; of each webhook in the order of its turns.
    pub begin: Vec<(WebhookId, DeliveryId)>,
    /// When the first of the others is due; none while what is under way must end before.
    pub next: Option<Timestamp>,
}

/// Something that could be begun.
struct Choice<'a> {
    webhook: &'a WebhookId,
    head: &'a Head,
    /// How many the webhook is told before it.
    rank: usize,
}

impl Plan {
    /// Chooses of what the webhooks are to be told next of each module. Webhooks come before those that are told more already,
    /// what was not tried yet comes before what failed, then what waits for longest; modules take turns.
    #[must_use]
    pub fn of(
        lines: &[(WebhookId, Vec<Head>)],
        courses: &HashMap<WebhookId, Course>,
        now: Timestamp,
        places: Places,
    ) -> Self {
        let (mut plan, mut choices, unknown) = (Self::default(), Vec::new(), Course::default());
        for (webhook, heads) in lines {
            let course = courses.get(webhook).unwrap_or(&unknown);
            plan.wait_for(course.first_due_after(heads, now));
            let due = course.due(heads, now, places.each).into_iter();
            choices.extend(due.map(|(rank, head)| Choice { webhook, head, rank }));
        }
        choices.sort_by_key(|choice| (choice.rank, choice.head.attempts > 0, choice.head.next_at));
        let mut taken = Taken::of(courses);
        for Choice { webhook, head, rank } in choices {
            if taken.takes(rank > 0, head.attempts > 0, places) {
                plan.begin.push((webhook.clone(), head.id.clone()));
            }
        }
        plan
    }

    fn wait_for(&mut self, at: Option<Timestamp>) {
        self.next = [self.next, at].into_iter().flatten().min();
    }
}

/// How many places are taken.
struct Taken {
    all: usize,
    further: usize,
    again: usize,
}

impl Taken {
    fn of(courses: &HashMap<WebhookId, Course>) -> Self {
        let busy = || courses.values().map(|course| &course.busy);
        Self {
            all: busy().map(HashMap::len).sum(),
            further: busy().map(|busy| busy.len().saturating_sub(1)).sum(),
            again: busy().flat_map(HashMap::values).filter(|again| **again).count(),
        }
    }

    /// Takes a place if there is one.
    fn takes(&mut self, is_further: bool, is_again: bool, places: Places) -> bool {
        let is_over = |is_such: bool, taken: usize| is_such && taken >= places.half();
        if self.all >= places.all || is_over(is_further, self.further) || is_over(is_again, self.again) {
            return false;
        }
        self.all += 1;
        self.further += usize::from(is_further);
        self.again += usize::from(is_again);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::judgement::Verdict;
    use crate::connector::testing::PATIENCE;
    use crate::domain::ids::ModuleId;

    const NOW: Timestamp = Timestamp::from_millis(10);
    const MANY: Places = Places { all: 32, each: 16 };

    fn module(name: &str) -> Option<ModuleId> {
        Some(name.parse().unwrap())
    }

    fn head(name: &str, attempts: i64, next_at: i64) -> Head {
        let next_at = Timestamp::from_millis(next_at);
        Head { id: name.parse().unwrap(), module_id: module(name), attempts, next_at }
    }

    fn line(webhook: &str, heads: Vec<Head>) -> (WebhookId, Vec<Head>) {
        (webhook.parse().unwrap(), heads)
    }

    fn busy(webhook: &str, modules: &[(&str, bool)]) -> (WebhookId, Course) {
        let busy = modules.iter().map(|(name, again)| (module(name), *again)).collect();
        (webhook.parse().unwrap(), Course { busy, ..Course::default() })
    }

    fn begun(plan: &Plan) -> Vec<&str> {
        plan.begin.iter().map(|(_, id)| id.as_str()).collect()
    }

    #[test]
    fn what_was_not_tried_comes_before_what_failed_which_never_takes_all_places() {
        let lines = [("v", "c", 1, 5), ("w", "d", 3, 4), ("x", "a", 0, 9), ("y", "later", 1, 50), ("z", "b", 0, 10)];
        let lines = lines.map(|(webhook, name, attempts, at)| line(webhook, vec![head(name, attempts, at)]));
        let of = |all, courses: &[(WebhookId, Course)]| {
            Plan::of(&lines, &courses.iter().cloned().collect(), NOW, Places { all, each: 1 })
        };

        let plan = of(9, &[]);
        assert_eq!((begun(&plan), plan.next), (vec!["a", "b", "d", "c"], Some(Timestamp::from_millis(50))));
        assert_eq!(begun(&of(3, &[])), ["a", "b", "d"]);
        assert_eq!(begun(&of(4, &[busy("u", &[("e", true)])])), ["a", "b", "d"]);
        assert_eq!(begun(&of(2, &[busy("u", &[("e", true), ("f", false)])])), [""; 0]);
    }

    #[test]
    fn modules_take_turns_and_each_has_one_delivery_under_way() {
        let lines = [line("w", vec![head("a", 0, 1), head("b", 0, 5), head("c", 2, 2), head("d", 1, 99)])];
        let of = |course: Course, each| {
            Plan::of(&lines, &HashMap::from([(lines[0].0.clone(), course)]), NOW, Places { each, ..MANY })
        };

        assert_eq!(begun(&of(Course::default(), 9)), ["a", "b", "c"]);
        for (last, turn) in [(None, "a"), (Some("a"), "b"), (Some("b"), "c"), (Some("c"), "a"), (Some("zz"), "a")] {
            let course = Course { last: last.and_then(module), ..Course::default() };
            assert_eq!(begun(&of(course, 1)), [turn], "{last:?}");
        }
        let plan = of(busy("w", &[("a", false)]).1, 2);
        assert_eq!((begun(&plan), plan.next), (vec!["b"], Some(Timestamp::from_millis(99))));
        let plan = of(busy("w", &[("a", false), ("d", true)]).1, 2);
        assert_eq!((begun(&plan), plan.next), (vec![], None));
    }

    #[test]
    fn a_webhook_that_is_told_much_leaves_half_of_the_places_to_others() {
        let heads = |names: &[&str]| names.iter().map(|name| head(name, 0, 1)).collect::<Vec<_>>();
        let lines = [line("v", heads(&["a", "b", "c", "d"])), line("w", heads(&["k", "l"]))];
        let places = Places { all: 4, each: 9 };

        let plan = Plan::of(&lines, &HashMap::new(), NOW, places);
        assert_eq!(begun(&plan), ["a", "k", "b", "l"]);
        let plan =
            Plan::of(&lines, &HashMap::from([busy("v", &[("x", false), ("y", false), ("z", false)])]), NOW, places);
        assert_eq!(begun(&plan), ["k"]);
    }

    #[test]
    fn a_target_that_is_down_rests_and_is_then_told_one_thing_that_never_failed() {
        let lines = [line("w", vec![head("a", 1, 1), head("b", 1, 1), head("c", 0, 1), head("d", 0, 1)])];
        let mut course = Course::default();
        for name in ["a", "b", "x"] {
            course.health.note(module(name), Verdict::Failed(None), NOW, PATIENCE, 0.5);
        }
        let until = course.health.rests_until().unwrap();
        let mut courses = HashMap::from([(lines[0].0.clone(), course)]);

        let resting = Plan::of(&lines, &courses, NOW, MANY);
        assert_eq!((begun(&resting), resting.next), (vec![], Some(until)));
        assert_eq!(begun(&Plan::of(&lines, &courses, until, MANY)), ["c"]);
        courses.values_mut().for_each(|course| course.meet(NOW));
        assert_eq!(begun(&Plan::of(&lines, &courses, NOW, MANY)), ["a", "b", "c", "d"], "it was changed");
    }
}
