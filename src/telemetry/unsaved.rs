//! States of modules that are saved a while after the readings they come from; pure.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::latest::Commit;
use crate::store::readings::{ModuleNumber, RowId};
use crate::store::states::{ModuleState, Said};

/// States whose readings are stored.
///
/// Invariant: `order` names each module once, that which has waited longest first.
#[derive(Debug, Default)]
pub struct Unsaved {
    modules: HashMap<ModuleNumber, Known>,
    order: VecDeque<(Instant, ModuleNumber)>,
}

#[derive(Debug)]
struct Known {
    state: ModuleState,
    /// The first row that the saved state does not know.
    first: RowId,
}

impl Unsaved {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Adds a state whose newest rows begin at `first`.
    pub fn add(&mut self, state: ModuleState, first: RowId, now: Instant) {
        if let Some(known) = self.modules.get_mut(&state.module) {
            known.state.follow(state);
        } else {
            self.order.push_back((now, state.module));
            self.modules.insert(state.module, Known { state, first });
        }
    }

    /// Notes a state that was saved by itself: what waits does not undo it.
    pub fn saved(&mut self, state: ModuleState) {
        let Some(known) = self.modules.get_mut(&state.module) else { return };
        known.first = state.said.as_ref().map_or(known.first, |said| said.until);
        known.state.follow(state);
    }

    /// Notes a state of which nobody knows whether it was saved.
    pub fn perhaps_saved(&mut self, state: ModuleState) {
        if let Some(known) = self.modules.get_mut(&state.module) {
            known.state.follow(state);
        }
    }

    /// The first row that the saved state of a module does not know; none if it knows all.
    pub fn first_of(&self, module: ModuleNumber) -> Option<RowId> {
        self.modules.get(&module).map(|known| known.first)
    }

    /// Whether any has waited for so long.
    pub fn is_due(&self, after: Duration, now: Instant) -> bool {
        self.order.front().is_some_and(|(since, _)| now.duration_since(*since) >= after)
    }

    /// Those that have waited for so long, those that have waited longest first, at most so many.
    pub fn due(&self, after: Duration, now: Instant, limit: usize) -> Vec<ModuleState> {
        let due = self.order.iter().take_while(|(since, _)| now.duration_since(*since) >= after).take(limit);
        due.filter_map(|(_, module)| self.modules.get(module)).map(|known| known.state.clone()).collect()
    }

    /// Forgets so many of those that have waited longest: they are saved.
    pub fn forget(&mut self, count: usize) {
        for (_, module) in self.order.drain(..count.min(self.order.len())) {
            self.modules.remove(&module);
        }
    }
}

/// What becomes of the states that a commit comes to.
#[derive(Debug, Clone, Default)]
pub struct States {
    /// Those that have waited.
    pub due: Vec<ModuleState>,
    /// Those that do not wait.
    pub at_once: Vec<ModuleState>,
    /// Those whose readings are stored first.
    pub later: Vec<ModuleState>,
}

impl States {
    /// Those after commits whose rows end before `until`, and `due`, which have waited; `must` tells of which modules none
    /// may wait.
    pub fn of(commits: &[Commit], until: RowId, due: Vec<ModuleState>, must: impl Fn(ModuleNumber) -> bool) -> Self {
        let mut states = Self { due, ..Self::default() };
        for commit in commits {
            let is_at_once = must(commit.module) || !is_told_by_readings(commit);
            let list = if is_at_once { &mut states.at_once } else { &mut states.later };
            let said = |telemetry| Said { telemetry, at: commit.seen_at, until };
            list.push(ModuleState {
                module: commit.module,
                said: commit.state.clone().map(said),
                seen_at: commit.seen_at,
                clock: commit.clock,
            });
        }
        states
    }

    /// Has no state wait that holds what was taken back: nothing stored tells of it.
    pub fn hasten(&mut self, taken_back: &[ModuleNumber]) {
        let is_told = |state: &ModuleState| !taken_back.contains(&state.module);
        let (later, at_once): (Vec<_>, Vec<_>) = std::mem::take(&mut self.later).into_iter().partition(is_told);
        self.later = later;
        self.at_once.extend(at_once);
    }

    /// Those that are saved with the commit, of a module the newest last.
    pub fn saved(&self) -> Vec<ModuleState> {
        self.due.iter().chain(&self.at_once).cloned().collect()
    }
}

/// Whether the readings of a commit tell all of the state after them. A clock may have run ahead of them all: the time that
/// was given last is then that of a reading that came with an earlier commit, or of none.
fn is_told_by_readings(commit: &Commit) -> bool {
    let is_reached = |clock| commit.readings.iter().rev().any(|reading| reading.ts.min(reading.received_at) >= clock);
    commit.state.is_some() && !commit.readings.is_empty() && commit.clock.is_none_or(is_reached)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::telemetry::{LatestState, Telemetry};
    use crate::domain::time::Timestamp;
    use crate::store::latest::NewReading;
    use crate::store::offer::Offer;

    fn state(module: ModuleNumber, seen_at: i64, until: RowId) -> ModuleState {
        let telemetry: Telemetry = serde_json::from_str(&format!(r#"{{"seen":{seen_at}}}"#)).unwrap();
        let (telemetry, at) = (Arc::new(LatestState::new(telemetry)), Timestamp::from_millis(seen_at));
        ModuleState { module, said: Some(Said { telemetry, at, until }), seen_at: at, clock: None }
    }

    fn said(state: &ModuleState) -> &Said {
        state.said.as_ref().unwrap()
    }

    fn seen(states: &[ModuleState]) -> Vec<(ModuleNumber, i64, RowId)> {
        states.iter().map(|state| (state.module, state.seen_at.as_millis(), said(state).until)).collect()
    }

    #[test]
    fn the_newest_state_of_a_module_waits_since_its_first() {
        let (mut unsaved, began) = (Unsaved::default(), Instant::now());
        let [second, two, three] = [1, 2, 3].map(Duration::from_secs);
        unsaved.add(state(1, 10, 3), 1, began);
        unsaved.add(state(2, 11, 4), 3, began + second);
        unsaved.add(state(1, 12, 6), 4, began + two);

        assert_eq!((unsaved.first_of(1), unsaved.first_of(2), unsaved.first_of(3)), (Some(1), Some(3), None));
        assert_eq!(seen(&unsaved.due(two, began + second, 10)), []);
        assert_eq!(seen(&unsaved.due(two, began + two, 10)), [(1, 12, 6)]);
        assert_eq!(seen(&unsaved.due(two, began + three, 10)), [(1, 12, 6), (2, 11, 4)]);
        assert_eq!(seen(&unsaved.due(two, began + three, 1)), [(1, 12, 6)]);

        unsaved.forget(1);
        assert_eq!((unsaved.first_of(1), unsaved.is_empty()), (None, false));
        unsaved.add(state(1, 13, 8), 6, began + three);
        assert_eq!(unsaved.first_of(1), Some(6));
        unsaved.forget(10);
        assert!(unsaved.is_empty() && unsaved.first_of(1).is_none());
    }

    #[test]
    fn what_waits_does_not_undo_what_was_saved_meanwhile() {
        let (mut unsaved, now, moment) = (Unsaved::default(), Instant::now(), Timestamp::from_millis);
        unsaved.add(state(1, 10, 3), 1, now);
        unsaved.saved(ModuleState { said: None, clock: Some(moment(20)), ..state(1, 20, 9) });
        unsaved.saved(state(2, 30, 9));

        let due = unsaved.due(Duration::ZERO, now, 10);
        assert_eq!(
            (seen(&due), unsaved.first_of(1)),
            (vec![(1, 20, 3)], Some(1)),
            "its values know no more than before"
        );
        assert_eq!((said(&due[0]).at, due[0].clock), (moment(10), Some(moment(20))));

        unsaved.perhaps_saved(state(1, 40, 5));
        assert_eq!(unsaved.first_of(1), Some(1));
        unsaved.saved(state(1, 50, 7));
        assert_eq!((seen(&unsaved.due(Duration::ZERO, now, 10)), unsaved.first_of(1)), (vec![(1, 50, 7)], Some(7)));
    }

    #[test]
    fn a_state_waits_only_where_its_readings_tell_all_of_it() {
        let moment = Timestamp::from_millis;
        let commit = |clock: Option<i64>, readings: &[(i64, i64)]| {
            let reading = |(ts, came): &(i64, i64)| NewReading {
                ts: moment(*ts),
                received_at: moment(*came),
                body: "{}".into(),
                offer: Offer::default(),
            };
            let readings = readings.iter().map(reading).collect();
            Commit { module: 1, state: Some(Arc::default()), seen_at: moment(90), clock: clock.map(moment), readings }
        };
        let waits = |commit: Commit| !States::of(&[commit], 9, vec![], |_| false).later.is_empty();
        assert!(waits(commit(None, &[(50, 60)])) && waits(commit(Some(50), &[(50, 60), (7, 70)])));
        assert!(!waits(commit(None, &[])), "nothing tells of it");
        assert!(!waits(Commit { state: None, ..commit(None, &[(50, 60)]) }), "it stays as it is");
        assert!(!waits(commit(Some(61), &[(61, 60)])), "the clock has run ahead");
        assert!(!waits(commit(Some(80), &[(7, 85)])), "a clock that has run ahead, and a reading that is late");
        assert!(States::of(&[commit(None, &[(50, 60)])], 9, vec![], |_| true).later.is_empty());
    }
}
