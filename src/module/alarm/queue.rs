//! What waits to be stored of alarms, in an order in which no module delays another by more than its share.

use std::collections::{HashMap, VecDeque};

use super::flush::Transition;
use crate::domain::ids::{ModuleId, RuleId};

/// How many changes of one module may wait; its readings are judged no more until those are stored.
const WAITING_EACH: usize = 64;
/// How many changes of one module share a transaction with those of others.
const AT_ONCE_EACH: usize = 8;

/// Changes that wait, of each module in their order, and the modules in turn.
///
/// Invariant: `turns` names each module of `lines` once, and no line is empty.
#[derive(Debug, Default)]
pub struct Queue {
    lines: HashMap<ModuleId, VecDeque<Transition>>,
    turns: VecDeque<ModuleId>,
}

impl Queue {
    /// Adds a change; what is not judged from readings is never refused.
    pub fn push(&mut self, transition: Transition) {
        let line = self.lines.entry(transition.module.clone()).or_default();
        if line.is_empty() {
            self.turns.push_back(transition.module.clone());
        }
        line.push_back(transition);
    }

    /// How many changes a module's readings may add.
    pub fn room(&self, module: &ModuleId) -> usize {
        self.lines.get(module).map_or(WAITING_EACH, |line| WAITING_EACH.saturating_sub(line.len()))
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Whether something waits about a rule and a module.
    pub fn holds(&self, rule: &RuleId, module: &ModuleId) -> bool {
        self.lines.get(module).is_some_and(|line| line.iter().any(|waiting| waiting.rule == *rule))
    }

    /// What is to be stored next, at most so much.
    pub fn batch(&self, most: usize) -> Vec<Transition> {
        let lines = self.turns.iter().filter_map(|module| self.lines.get(module));
        lines.flat_map(|line| line.iter().take(AT_ONCE_EACH)).take(most).cloned().collect()
    }

    /// Takes off what is stored: the first of the line of each module, which then goes to the end of the turns. Answers the
    /// modules of which nothing waits any more.
    pub fn take_off(&mut self, stored: &[Transition]) -> Vec<ModuleId> {
        let mut done = Vec::new();
        for of_module in stored.chunk_by(|one, next| one.module == next.module) {
            let module = &of_module[0].module;
            let Some(line) = self.lines.get_mut(module) else { continue };
            line.drain(..of_module.len().min(line.len()));
            let is_over = line.is_empty();
            if let Some(place) = self.turns.iter().position(|turn| turn == module) {
                self.turns.remove(place);
            }
            if is_over {
                self.lines.remove(module);
                done.push(module.clone());
            } else {
                self.turns.push_back(module.clone());
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alarm::ClearCause;
    use crate::domain::time::Timestamp;
    use crate::module::alarm::flush::What;

    fn change(module: &str, millis: i64) -> Transition {
        Transition {
            module: module.parse().unwrap(),
            rule: RuleId::generate(),
            what: What::Clear(ClearCause::Rule),
            at: Timestamp::from_millis(millis),
        }
    }

    fn words(batch: &[Transition]) -> Vec<(String, i64)> {
        batch.iter().map(|change| (change.module.to_string(), change.at.as_millis())).collect()
    }

    #[test]
    fn a_module_with_much_to_tell_takes_its_share_and_no_more() {
        let mut queue = Queue::default();
        (0..100).for_each(|at| queue.push(change("LOUD", at)));
        queue.push(change("SOFT", 100));
        let first = queue.batch(100);
        assert_eq!(first.len(), AT_ONCE_EACH + 1);
        assert_eq!(first.last().unwrap().module.to_string(), "SOFT");
        assert_eq!(queue.take_off(&first), ["SOFT".parse().unwrap()]);
        assert_eq!(queue.batch(2).iter().map(|change| change.at.as_millis()).collect::<Vec<_>>(), [8, 9]);
    }

    #[test]
    fn every_change_comes_once_and_those_of_a_module_in_their_order() {
        let mut queue = Queue::default();
        for at in 0..50 {
            ["A", "B", "C"].iter().take(1 + at % 3).for_each(|module| queue.push(change(module, at as i64)));
        }
        let mut seen = Vec::new();
        while !queue.is_empty() {
            let batch = queue.batch(7);
            assert!(!batch.is_empty() && batch.len() <= 7);
            queue.take_off(&batch);
            seen.extend(words(&batch));
        }
        for module in ["A", "B", "C"] {
            let of: Vec<_> = seen.iter().filter(|(name, _)| name == module).map(|(_, at)| *at).collect();
            assert!(of.is_sorted() && !of.is_empty(), "{module}: {of:?}");
        }
        assert_eq!(seen.len(), 50 + 33 + 16);
    }

    #[test]
    fn a_module_has_room_again_when_what_waited_is_stored() {
        let mut queue = Queue::default();
        let module = "A".parse().unwrap();
        (0..70).for_each(|at| queue.push(change("A", at)));
        assert_eq!(queue.room(&module), 0);
        while !queue.is_empty() {
            queue.take_off(&queue.batch(100));
        }
        assert_eq!(queue.room(&module), WAITING_EACH);
    }
}
