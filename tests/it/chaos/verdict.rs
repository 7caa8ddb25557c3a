//! Holds what every client heard against the journal.

use std::collections::{HashMap, HashSet};
use std::fmt;

use carillon::domain::cursor::{Cursor, Offset};
use serde_json::Value;

use super::client::Client;
use super::order::Order;
use super::transcript::{Mark, Note};
use super::world::World;

/// Something that must not have happened.
#[derive(Debug)]
pub struct Fault(String);

impl Fault {
    /// A fault of the hub as a whole.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// A fault that one client heard of.
    pub fn of(client: &Client, what: impl fmt::Display) -> Self {
        let Client { number, dialect, topics, person, .. } = client;
        let role = if person.is_admin { "admin" } else { "owner" };
        Self(format!("client {number} ({dialect:?}, {role} {}, {}): {what}", person.id, topics.join(" ")))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one client was told.
#[derive(Debug, Default)]
pub struct Tally {
    /// Events that each listener gets.
    pub each: u64,
    /// Newest values.
    pub latest: u64,
    /// Gaps.
    pub gaps: u64,
}

/// Walks along what one client heard.
struct Walk<'a> {
    order: &'a Order,
    client: &'a Client,
    /// It has everything of its topics up to here.
    at: Option<Cursor>,
    is_excused: bool,
    faults: Vec<Fault>,
    tally: Tally,
}

/// Judges one client: nothing lost, doubled or reordered, nothing that it may not see.
pub fn judge_client(order: &Order, world: &World, client: &Client) -> (Vec<Fault>, Tally) {
    let mut walk = Walk { order, client, at: None, is_excused: true, faults: Vec::new(), tally: Tally::default() };
    for note in client.notes.borrow().iter() {
        walk.step(note);
    }
    let end = order.rows().filter(|(_, row)| row.name == "rt_chaos_end").map(|(offset, _)| offset).max();
    match (walk.at, end) {
        (Some(at), Some(end)) if at.epoch == order.epoch => walk.lose(at.offset, end),
        _ => walk.blame("it never got to the end of this order"),
    }
    walk.faults.extend(client.faults.borrow().iter().map(|fault| Fault::of(client, fault)));
    let readings = world.readings.borrow();
    let setbacks = client.setbacks.borrow();
    let setbacks = setbacks.iter().filter(|(number, _)| readings.contains(number));
    walk.faults.extend(setbacks.map(|(_, fault)| Fault::of(client, fault)));
    if client.forbidden.is_some() && !client.was_refused.get() {
        walk.blame("the topic that it may not have was never refused");
    }
    (walk.faults, walk.tally)
}

impl Walk<'_> {
    fn step(&mut self, note: &Note) {
        match note {
            Note::Gap => {
                self.is_excused = true;
                self.tally.gaps += 1;
            }
            Note::Anew => self.is_excused = true,
            Note::Began(cursor) => {
                if !self.is_excused {
                    self.blame(&format!("began again at {cursor} without a gap"));
                }
                self.is_excused = false;
                self.at = Some(*cursor);
            }
            Note::Each(cursor, mark) => {
                self.tally.each += 1;
                self.advance(*cursor);
                self.check_event(*cursor, *mark);
            }
            Note::Latest(cursor, module) => {
                self.tally.latest += 1;
                self.advance(*cursor);
                if let Some(module) = module {
                    self.check_module(*cursor, module);
                }
            }
        }
    }

    /// Goes on to an event: it must be a later one, and none may lie between.
    fn advance(&mut self, to: Cursor) {
        let Some(at) = self.at.replace(to) else { return self.blame(&format!("heard {to} before it began")) };
        if at.epoch != to.epoch {
            return self.blame(&format!("went from {at} to {to}, which is another order"));
        }
        if to.offset <= at.offset {
            let is_again = to.offset == at.offset || self.has_heard(to);
            let what = if is_again { "doubled" } else { "out of order" };
            return self.blame(&format!("{what}: heard {} after {}", to.offset, at.offset));
        }
        self.lose(at.offset, to.offset - 1);
    }

    fn has_heard(&self, cursor: Cursor) -> bool {
        let notes = self.client.notes.borrow();
        let same = |note: &&Note| matches!(note, Note::Each(at, _) | Note::Latest(at, _) if *at == cursor);
        notes.iter().filter(same).count() > 1
    }

    /// Everything of its topics in this span is lost.
    fn lose(&mut self, after: Offset, up_to: Offset) {
        let lost: Vec<_> = self.order.between(after, up_to, &self.client.channels).collect();
        for (offset, row) in lost {
            let (name, audience) = (&row.name, &row.audience);
            let what = format!("lost: {name} of {audience:?} at {offset}, between {after} and {}", up_to + 1);
            self.blame(&what);
        }
    }

    fn check_event(&mut self, cursor: Cursor, mark: Mark) {
        let Some(row) = self.order.at(cursor) else {
            return self.blame(&format!("heard an event at {} that is not in the journal", cursor.offset));
        };
        if row.mark != mark {
            self.blame(&format!("heard something else at {} than the journal's `{}`", cursor.offset, row.name));
        } else if !row.concerns(&self.client.channels) {
            self.blame(&format!("heard `{}` at {}, which it may not", row.name, cursor.offset));
        } else if let Some(module) = row.data["moduleId"].as_str().filter(|_| row.name != "rt_module_removed") {
            self.check_module(cursor, module);
        }
    }

    /// A module that one hears of is one's own.
    fn check_module(&mut self, cursor: Cursor, module: &str) {
        let person = &self.client.person;
        let owner = self.order.owner(module, cursor.offset);
        if !person.is_admin && owner != Some(&person.id) {
            self.blame(&format!("heard of `{module}` at {} while {owner:?} owned it", cursor.offset));
        }
    }

    fn blame(&mut self, what: &str) {
        self.faults.push(Fault::of(self.client, what));
    }
}

/// Judges the journal itself: whatever was acknowledged is in it, once and where it was said to be.
pub fn judge_journal(order: &Order, world: &World) -> Vec<Fault> {
    let mut places: HashMap<u64, Vec<Offset>> = HashMap::new();
    for (offset, row) in order.rows() {
        if let Some(number) = row.data["number"].as_u64() {
            places.entry(number).or_default().push(offset);
        }
    }
    let mut faults = Vec::new();
    for ack in world.acks.borrow().iter() {
        match (places.get(&ack.number).map(Vec::as_slice), ack.offset) {
            (None, _) => faults.push(Fault::new(format!("event {} was acknowledged and is not kept", ack.number))),
            (Some([place]), Some(told)) if *place != told => {
                faults.push(Fault::new(format!("event {} was told at {told} and is at {place}", ack.number)));
            }
            _ => {}
        }
    }
    let doubled = places.iter().filter(|(_, places)| places.len() > 1);
    faults.extend(doubled.map(|(number, places)| Fault::new(format!("event {number} is kept at {places:?}"))));
    faults.extend(judge_changes(order, world));
    faults
}

/// Every acknowledged change of a module has its event, and the events leave behind the modules that there are.
fn judge_changes(order: &Order, world: &World) -> Vec<Fault> {
    let mut told: HashMap<(&str, &str), usize> = HashMap::new();
    for (_, row) in order.rows().filter(|(_, row)| row.audience.len() > 1) {
        if let Some(module) = row.data["moduleId"].as_str() {
            *told.entry((&row.name, module)).or_default() += 1;
        }
    }
    let changes = world.changes.borrow();
    let mut made: HashMap<(&str, &str), usize> = HashMap::new();
    for (event, module) in changes.iter() {
        *made.entry((event, module)).or_default() += 1;
    }
    let missing = made.into_iter().filter(|(change, made)| {
        // A change to what it is already makes no event.
        change.0 != "rt_module_updated" && told.get(change).copied().unwrap_or_default() < *made
    });
    missing
        .map(|((event, module), made)| {
            let told = told.get(&(event, module)).copied().unwrap_or_default();
            Fault::new(format!("`{event}` of `{module}` was acknowledged {made} times and is kept {told} times"))
        })
        .collect()
}

/// The modules that the events leave behind are those that there are.
pub fn judge_modules(order: &Order, modules: &[Value]) -> Vec<Fault> {
    let there: HashSet<_> = modules.iter().filter_map(|module| module["moduleId"].as_str()).collect();
    let told = order.modules();
    let different = there.symmetric_difference(&told);
    different
        .map(|module| {
            let is = if there.contains(module) { "is there and was never told" } else { "is told and is not there" };
            Fault::new(format!("module `{module}` {is}"))
        })
        .collect()
}
