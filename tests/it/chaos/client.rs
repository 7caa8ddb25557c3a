//! One client: comes back after every end, keeps what it heard, and finds at once what must never be heard.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use carillon::domain::cursor::{Cursor, Offset};
use carillon::domain::topic::Channel;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::Value;

use super::cable::Fuse;
use super::line::{Broken, Call, Dialect, Heard, Line, Ticket};
use super::topics::{channels_of, choose_topics};
use super::transcript::{Note, is_latest, mark};
use super::view::View;
use super::world::{Person, Stage, World};

/// How soon a client comes back by itself; a hub that says when is obeyed.
const COME_BACK: Duration = Duration::from_millis(20);
/// The longest that a client obeys.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// One client over all its connections.
pub struct Client {
    /// Its number in the run.
    pub number: usize,
    /// How it speaks.
    pub dialect: Dialect,
    /// Who it is.
    pub person: Person,
    /// What it may listen to.
    pub topics: Vec<String>,
    /// What it asks for though it may not.
    pub forbidden: Option<String>,
    /// The channels of its topics.
    pub channels: HashSet<Channel>,
    /// What it heard.
    pub notes: RefCell<Vec<Note>>,
    /// The modules as it knows them.
    pub view: RefCell<View>,
    /// What it must never have heard.
    pub faults: RefCell<Vec<String>>,
    /// Values that a later life of the hub took back; faults if these numbers were acknowledged.
    pub setbacks: RefCell<Vec<(u64, String)>>,
    /// It was told that it may not have what it must not have.
    pub was_refused: Cell<bool>,
    /// Cuts still to come.
    pub cuts_left: Cell<u32>,
    /// Connections that were welcomed.
    pub welcomes: Cell<u32>,
    /// Connections that went on where the last one ended.
    pub resumes: Cell<u32>,
    cursor: Cell<Option<Cursor>>,
    ticket: RefCell<Ticket>,
    /// It has had all snapshots that it waited for.
    is_whole: Cell<bool>,
    /// The life of the hub at the last welcome.
    last_life: Cell<u64>,
    numbers: RefCell<HashMap<String, (u64, u64)>>,
}

/// Where one connection stands.
struct Visit {
    /// The hub's life that it belongs to, or an earlier one.
    life: u64,
    /// It said where it left off.
    has_cursor: bool,
    is_welcomed: bool,
    /// It must be told of a gap before anything else.
    needs_gap: bool,
    /// Snapshots still to come, and what those say that came.
    awaited: BTreeSet<String>,
    staged: View,
}

impl Client {
    /// A client with topics by its dice.
    pub fn new(world: &World, number: usize) -> Rc<Self> {
        let mut dice = world.plan.dice(("topics", number));
        let place = number % world.people.len();
        let person = world.people[place].clone();
        let topics = choose_topics(world, place, &mut dice);
        let foreign = world.stations.iter().find(|station| station.owner != place).map(|station| &station.id);
        let forbidden = match dice.random_range(0..4) {
            _ if person.is_admin => None,
            0 => Some("admin".to_owned()),
            1 => foreign.map(|id| format!("module:{id}")),
            2 => Some(format!("user:{}", world.admin().id)),
            _ => None,
        };
        Rc::new(Self {
            number,
            dialect: Dialect::ALL[number / world.people.len() % Dialect::ALL.len()],
            channels: channels_of(&topics, &person),
            person,
            topics,
            forbidden,
            notes: RefCell::default(),
            view: RefCell::default(),
            faults: RefCell::default(),
            setbacks: RefCell::default(),
            was_refused: Cell::new(false),
            cuts_left: Cell::new(world.plan.cuts),
            welcomes: Cell::new(0),
            resumes: Cell::new(0),
            cursor: Cell::new(None),
            ticket: RefCell::default(),
            is_whole: Cell::new(false),
            last_life: Cell::new(0),
            numbers: RefCell::default(),
        })
    }

    /// Connects again and again until the run is over.
    pub async fn run(self: Rc<Self>, world: Rc<World>) {
        let mut dice = world.plan.dice(("client", self.number));
        loop {
            let fuse = if self.cuts_left.get() > 0 { Fuse::random(&mut dice) } else { Fuse::default() };
            // Where little comes, the fuse alone would take too long.
            let patience = dice.random_range(50..600);
            let retry_after = tokio::select! {
                retry_after = self.connect(&world, &fuse, &mut dice) => retry_after,
                () = world.let_pass(patience), if self.cuts_left.get() > 0 => {
                    fuse.burn();
                    None
                }
                () = world.reach(Stage::Over) => return,
            };
            if fuse.has_burnt() {
                self.cuts_left.set(self.cuts_left.get().saturating_sub(1));
            }
            tokio::time::sleep(retry_after.unwrap_or(COME_BACK).min(LONGEST_WAIT)).await;
            if world.plan.is_forgetful && dice.random_ratio(1, 4) {
                world.let_a_life_pass().await;
            }
            world.until_up().await;
        }
    }

    /// One connection from its beginning to its end; answers when the hub wants it back.
    async fn connect(&self, world: &World, fuse: &Fuse, dice: &mut StdRng) -> Option<Duration> {
        // Some dialects refuse all for one; then it asks for what it may have.
        let forbidden = self.forbidden.iter().filter(|_| !self.was_refused.get() || self.dialect == Dialect::Native);
        let asked: Vec<_> = self.topics.iter().chain(forbidden).cloned().collect();
        let (life, cursor) = (*world.lives.borrow(), self.cursor.get());
        let (authority, token, ticket) = (&*world.authority, &*self.person.token, &self.ticket);
        let has_ticket = ticket.borrow().is_some();
        let call = Call { authority, token, topics: &asked, cursor, ticket, fuse };
        let mut line = match Line::open(self.dialect, call).await {
            Ok(line) => line,
            Err(Broken::Off) => return None,
            Err(Broken::Forbidden) => {
                self.was_refused.set(true);
                return None;
            }
        };
        let mut visit = Visit::new(life, if self.dialect.has_tickets() { has_ticket } else { cursor.is_some() });
        // One connection in three stops reading for a while, somewhere.
        let mut stall = dice.random_ratio(1, 3).then(|| dice.random_range(0..60));
        let mut retry_after = None;
        loop {
            if stall == Some(0) {
                world.let_pass(dice.random_range(50..400)).await;
            }
            stall = stall.and_then(|left: u32| left.checked_sub(1));
            match line.next().await {
                Ok(Heard::Bye(wait)) => retry_after = wait,
                Ok(heard) => self.hear(&mut visit, heard),
                Err(_) => return retry_after,
            }
        }
    }

    /// Whether it has everything up to a place.
    pub fn is_past(&self, offset: Offset) -> bool {
        self.cursor.get().is_some_and(|cursor| cursor.offset >= offset)
    }

    /// Where it stands, for whoever waits for it.
    pub fn standing(&self) -> String {
        let cursor = self.cursor.get().map(|cursor| cursor.to_string());
        let (welcomes, cuts) = (self.welcomes.get(), self.cuts_left.get());
        let faults = self.faults.borrow();
        format!("at {cursor:?} after {welcomes} welcomes, {cuts} cuts to come, faults {faults:?}")
    }

    fn hear(&self, visit: &mut Visit, heard: Heard) {
        match heard {
            Heard::Welcome { recovered, from, is_told } => {
                if recovered && !is_told && from != self.cursor.get() {
                    self.blame(&format!("recovered from {from:?} without the snapshots before it"));
                }
                self.begin(visit, recovered, is_told);
            }
            // What may not be had is said at once.
            Heard::Refused => self.was_refused.set(true),
            _ if !visit.is_welcomed => self.blame("something came before the welcome"),
            Heard::Gap => {
                self.notes.borrow_mut().push(Note::Gap);
                visit.needs_gap = false;
                self.await_snapshots(visit);
            }
            Heard::Snapshot { topic, data, cursor } => self.take_snapshot(visit, &topic, &data, cursor),
            Heard::Synced(cursor) => self.start(visit, cursor),
            Heard::Event { name, data, cursor } => self.take_event(visit, &name, &data, cursor),
            Heard::Bye(_) => {}
        }
    }

    fn begin(&self, visit: &mut Visit, recovered: bool, is_told: bool) {
        self.welcomes.set(self.welcomes.get() + 1);
        visit.is_welcomed = true;
        let is_same_hub = self.last_life.replace(visit.life) == visit.life;
        match (visit.has_cursor, recovered) {
            (true, true) => {
                self.resumes.set(self.resumes.get() + 1);
                // Where the hub said welcome before it heard the hello, this one counts.
                visit.needs_gap = false;
            }
            (true, false) if is_told => visit.needs_gap = true,
            (true, false) => {
                // Private names live as long as their hub, and nobody is recovered who lacks a snapshot.
                let is_gap = is_same_hub && self.is_whole.get();
                self.notes.borrow_mut().push(if is_gap { Note::Gap } else { Note::Anew });
                self.await_snapshots(visit);
            }
            (false, false) => self.await_snapshots(visit),
            (false, true) => self.blame("recovered what it never had"),
        }
    }

    fn await_snapshots(&self, visit: &mut Visit) {
        self.is_whole.set(false);
        visit.awaited = self.topics.iter().cloned().collect();
        visit.staged = View::default();
    }

    fn take_snapshot(&self, visit: &mut Visit, topic: &str, data: &Value, cursor: Option<Cursor>) {
        if visit.needs_gap || !visit.awaited.remove(topic) {
            return self.blame(&format!("a snapshot of `{topic}` that nobody waits for"));
        }
        visit.staged.put(data);
        if let Some(cursor) = cursor.filter(|_| visit.awaited.is_empty()) {
            self.start(visit, cursor);
        }
    }

    /// All snapshots are there.
    fn start(&self, visit: &mut Visit, cursor: Cursor) {
        if !visit.awaited.is_empty() {
            return self.blame(&format!("snapshots of {:?} did not come", visit.awaited));
        }
        self.view.replace(std::mem::take(&mut visit.staged));
        self.cursor.set(Some(cursor));
        self.is_whole.set(true);
        self.notes.borrow_mut().push(Note::Began(cursor));
    }

    fn take_event(&self, visit: &Visit, name: &str, data: &Value, cursor: Cursor) {
        if visit.needs_gap || !visit.awaited.is_empty() {
            return self.blame(&format!("`{name}` at {cursor} before the snapshots"));
        }
        if is_latest(name) {
            self.check_number(visit, data, cursor);
            let module = data["moduleId"].as_str().map(Into::into);
            self.notes.borrow_mut().push(Note::Latest(cursor, module));
        } else {
            self.notes.borrow_mut().push(Note::Each(cursor, mark(name, data)));
        }
        if self.watches(data["moduleId"].as_str().unwrap_or_default()) {
            self.view.borrow_mut().apply(name, data);
        }
        self.cursor.set(Some(cursor));
    }

    /// Whether it keeps a picture of this module, if it may see it.
    pub fn watches(&self, module: &str) -> bool {
        let is_of = |topic: &String| topic == "modules" || topic.strip_prefix("module:") == Some(module);
        self.topics.iter().any(is_of)
    }

    /// The newest value of a module is never older than one that was heard before. Only what was not acknowledged may
    /// die with the hub, although it was told.
    fn check_number(&self, visit: &Visit, data: &Value, cursor: Cursor) {
        let (Some(module), Some(number)) = (data["moduleId"].as_str(), data["telemetry"]["n"].as_u64()) else { return };
        let Some((before, life)) = self.numbers.borrow_mut().insert(module.to_owned(), (number, visit.life)) else {
            return;
        };
        let fault = format!("telemetry of `{module}` at {cursor} goes back from {before} to {number}");
        if before > number && life == visit.life {
            self.blame(&fault);
        } else if before > number {
            self.setbacks.borrow_mut().push((before, fault));
        }
    }

    fn blame(&self, fault: &str) {
        self.faults.borrow_mut().push(fault.to_owned());
    }
}

impl Visit {
    fn new(life: u64, has_cursor: bool) -> Self {
        Self {
            life,
            has_cursor,
            is_welcomed: false,
            needs_gap: false,
            awaited: BTreeSet::new(),
            staged: View::default(),
        }
    }
}
