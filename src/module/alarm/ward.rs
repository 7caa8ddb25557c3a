//! One module as the warden knows it: its rules, each with the machine that judges by it.

use std::sync::Arc;

use super::super::entry::Entry;
use super::watch::{Observed, Wanted};
use crate::domain::alarm::{AlarmRule, Change, Condition, Machine, Standing};
use crate::domain::ids::RuleId;
use crate::domain::time::Timestamp;

/// One module.
#[derive(Debug)]
pub struct Ward {
    /// The module.
    pub entry: Arc<Entry>,
    /// Its rules.
    watched: Vec<Watched>,
    /// When it was last seen before the hub started.
    known: Timestamp,
    /// Not all of its readings were judged.
    is_behind: bool,
}

/// One rule of one module.
#[derive(Debug)]
struct Watched {
    rule: Arc<AlarmRule>,
    machine: Machine,
    /// When the warden will look at it.
    noted: Option<Timestamp>,
}

/// What becomes of an alarm: of which rule, and what.
pub type Step = (Arc<AlarmRule>, Change);

impl Ward {
    /// A module whose rules are not known yet.
    pub fn new(entry: Arc<Entry>) -> Self {
        let known = entry.live.load().last_seen.unwrap_or(Timestamp::from_millis(0));
        Self { known: known.max(entry.meta.load().created_at), entry, watched: Vec::new(), is_behind: false }
    }

    /// Takes over rules in the place of those it has. Answers the rules whose alarms are to be withdrawn, and what the
    /// newest values say to rules that are new; `known` says what is known of the alarms of a rule.
    pub fn fit<'a>(
        &mut self,
        rules: impl Iterator<Item = &'a Arc<AlarmRule>>,
        known: impl Fn(&RuleId) -> Standing,
        now: Timestamp,
    ) -> (Vec<Arc<AlarmRule>>, Vec<Step>) {
        let mut before: Vec<_> = std::mem::take(&mut self.watched);
        let (mut withdrawn, mut steps) = (Vec::new(), Vec::new());
        for rule in rules {
            let place = before.iter().position(|watched| watched.rule.id == rule.id);
            let old = place.map(|place| before.swap_remove(place));
            let watched = match old {
                Some(old) if Arc::ptr_eq(&old.rule, rule) => old,
                old => {
                    let standing = standing_after(old.as_ref(), rule, &known);
                    withdrawn
                        .extend(old.filter(|old| old.is_raised() && standing == Standing::Normal).map(|old| old.rule));
                    let mut watched = Watched::new(rule, standing);
                    steps.extend(watched.take_newest(&self.entry, now).map(|change| (Arc::clone(rule), change)));
                    watched
                }
            };
            self.watched.push(watched);
        }
        withdrawn.extend(before.into_iter().filter(Watched::is_raised).map(|gone| gone.rule));
        self.want();
        (withdrawn, steps)
    }

    /// Whether readings are not judged until it is told to go on.
    pub const fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// What readings change, at most so much: when there is more it is behind, and judges nothing until it goes on.
    pub fn observe(&mut self, observed: &Observed, room: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut is_heard = false;
        for watched in &mut self.watched {
            if self.is_behind {
                break;
            }
            is_heard |= watched.is_ended_by_any();
            self.is_behind = !watched.observe(observed, &mut steps, room);
        }
        if is_heard {
            self.want();
        }
        steps
    }

    /// Goes on with the newest values.
    pub fn resume(&mut self, now: Timestamp) -> Vec<Step> {
        self.is_behind = false;
        let mut steps = Vec::new();
        for watched in &mut self.watched {
            let change = watched.take_newest(&self.entry, now);
            steps.extend(change.map(|change| (Arc::clone(&watched.rule), change)));
        }
        steps
    }

    /// What time changes of one rule.
    pub fn tick(&mut self, rule: &RuleId, start: Timestamp, now: Timestamp) -> Option<Step> {
        let heard = self.heard();
        let watched = self.watched.iter_mut().find(|watched| watched.rule.id == *rule)?;
        watched.noted = None;
        let change = watched.machine.tick(heard, watched.earliest(start), now);
        let step = change.map(|change| (Arc::clone(&watched.rule), change));
        if step.is_some() {
            self.want();
        }
        step
    }

    /// When to look at which rule, of those that are not noted yet: they are from now on.
    pub fn note_due(&mut self, start: Timestamp, now: Timestamp) -> impl Iterator<Item = (Timestamp, RuleId)> {
        let heard = self.heard();
        self.watched.iter_mut().filter(|watched| watched.noted.is_none()).filter_map(move |watched| {
            let due = watched.machine.due(heard, watched.earliest(start), now)?;
            watched.noted = Some(due);
            Some((due, watched.rule.id.clone()))
        })
    }

    /// What is noted of its rules; it is to be noted anew.
    pub fn take_noted(&mut self) -> Vec<(Timestamp, RuleId)> {
        let noted = |watched: &mut Watched| Some((watched.noted.take()?, watched.rule.id.clone()));
        self.watched.iter_mut().filter_map(noted).collect()
    }

    /// Somebody cleared the alarm of a rule.
    pub fn mute(&mut self, rule: &RuleId) {
        if let Some(watched) = self.watched.iter_mut().find(|watched| watched.rule.id == *rule) {
            watched.machine.mute();
        }
    }

    fn heard(&self) -> Timestamp {
        self.entry.watch.heard().map_or(self.known, |heard| heard.max(self.known))
    }

    fn want(&self) {
        let mut wanted = Wanted::default();
        for watched in &self.watched {
            match watched.machine.condition().key() {
                Some(key) if !wanted.keys.contains(key) => wanted.keys.push(Arc::clone(key)),
                Some(_) => {}
                None => wanted.any |= watched.is_ended_by_any(),
            }
        }
        self.entry.watch.want(wanted);
    }
}

/// What is known of the alarm of a rule that is new, or has taken the place of an older one: an alarm about something else
/// is none of it.
fn standing_after(old: Option<&Watched>, rule: &AlarmRule, known: &impl Fn(&RuleId) -> Standing) -> Standing {
    let about = |condition: &Condition| (condition.kind(), condition.key().cloned());
    match old {
        None => known(&rule.id),
        Some(old) if about(&old.rule.condition) == about(&rule.condition) => old.machine.standing(),
        Some(_) => Standing::Normal,
    }
}

impl Watched {
    fn new(rule: &Arc<AlarmRule>, standing: Standing) -> Self {
        Self { rule: Arc::clone(rule), machine: Machine::new(rule.condition.clone(), standing), noted: None }
    }

    /// Judges readings as long as there are fewer changes than so many; answers whether all were judged.
    fn observe(&mut self, observed: &Observed, steps: &mut Vec<Step>, room: usize) -> bool {
        let Some(key) = self.machine.condition().key().cloned() else {
            steps.extend(self.machine.hear().map(|change| (Arc::clone(&self.rule), change)));
            return true;
        };
        for sample in observed.samples.iter().filter(|sample| sample.key == key) {
            if steps.len() >= room {
                return false;
            }
            let change = self.machine.observe(sample.measured, observed.came, sample.value);
            steps.extend(change.map(|change| (Arc::clone(&self.rule), change)));
        }
        true
    }

    /// Whether it wants to hear of whatever is measured, as that ends its alarm.
    fn is_ended_by_any(&self) -> bool {
        self.machine.condition().key().is_none() && self.machine.standing() != Standing::Normal
    }

    fn is_raised(&self) -> bool {
        self.machine.standing() == Standing::Raised
    }

    /// Judges the newest value, which may have come before the rule did, or before the hub was killed.
    fn take_newest(&mut self, entry: &Entry, now: Timestamp) -> Option<Change> {
        let key = self.machine.condition().key()?.clone();
        let live = entry.live.load();
        let measured = live.telemetry.newest().time_of(&key).or(live.last_seen).unwrap_or(now);
        let wanted = Wanted { keys: vec![key], any: false };
        let sample = wanted.samples(live.telemetry.values(), measured).next()?;
        self.machine.observe(measured, now, sample.value)
    }

    /// Before when no silence is told: modules must have had the time to come back, and to say something to a new rule.
    fn earliest(&self, start: Timestamp) -> Timestamp {
        match self.machine.condition() {
            Condition::Silence { span } => self.rule.updated_at.plus(*span).max(start),
            _ => start,
        }
    }
}
