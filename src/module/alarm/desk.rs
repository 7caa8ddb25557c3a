//! Where the warden does its work: all modules with their rules, and what waits to be stored.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use actix::Recipient;

use super::super::entry::Entry;
use super::super::error::ModuleError;
use super::super::line::Line;
use super::book::Book;
use super::flush::{Transition, What};
use super::forget::Forgetting;
use super::messages::{AlarmsPage, ListAlarms};
use super::queue::Queue;
use super::ward::{Step, Ward};
use super::warden::WardenParts;
use super::watch::Observed;
use crate::auth::Principal;
use crate::broker::Announce;
use crate::config::Alarms;
use crate::domain::alarm::{Alarm, AlarmRule, Change, ClearCause, Standing};
use crate::domain::grant::Permission;
use crate::domain::ids::{AlarmId, ModuleId, RuleId};
use crate::domain::time::Timestamp;
use crate::observe::Metrics;
use crate::store::Store;
use crate::store::alarms::{self, AlarmFilter};

/// How many people may wait for their turn.
const WAITING_MAX: usize = 256;

/// All modules with their rules.
pub struct Desk {
    pub(super) store: Store,
    pub(super) announce: Recipient<Announce>,
    pub(super) options: Alarms,
    pub(super) metrics: Metrics,
    pub(super) book: RefCell<Book>,
    pub(super) wards: RefCell<HashMap<ModuleId, Ward>>,
    /// What waits to be stored.
    pub(super) transitions: RefCell<Queue>,
    pub(super) is_flushing: Cell<bool>,
    pub(super) forgetting: Forgetting,
    /// When to look at what though no reading comes; each rule of a module once.
    due: RefCell<BTreeSet<(Timestamp, ModuleId, RuleId)>>,
    /// What the database knew of alarms at the start, until their modules are there.
    standings: RefCell<HashMap<(RuleId, ModuleId), Standing>>,
    /// Before when no silence is told.
    start: Timestamp,
    /// In which changes wait: what is stored, and what is known of it.
    pub(super) line: Line,
}

impl Desk {
    /// A desk with what the database holds.
    pub fn new(parts: WardenParts) -> Self {
        let mut book = Book::default();
        parts.rules.into_iter().for_each(|rule| book.insert(Arc::new(rule)));
        parts.standings.open.iter().for_each(|severity| parts.metrics.alarm_open(severity.name(), 1));
        Self {
            store: parts.store,
            announce: parts.announce,
            start: Timestamp::now().plus(parts.options.start_grace),
            options: parts.options,
            metrics: parts.metrics,
            book: RefCell::new(book),
            wards: RefCell::default(),
            transitions: RefCell::default(),
            is_flushing: Cell::new(false),
            forgetting: Forgetting::default(),
            due: RefCell::default(),
            standings: RefCell::new(parts.standings.by_place),
            line: Line::new(WAITING_MAX),
        }
    }

    /// Modules are there. What the database knew of the alarms of other rules is over.
    pub fn enter(self: &Rc<Self>, entries: Vec<Arc<Entry>>) {
        for entry in entries {
            let id = entry.id.clone();
            self.wards.borrow_mut().insert(id.clone(), Ward::new(entry));
            self.fit(&id);
        }
        for ((rule, module), standing) in self.standings.take() {
            if standing == Standing::Raised {
                self.push(Transition { module, rule, what: What::Clear(ClearCause::Rule), at: Timestamp::now() });
            }
        }
        self.kick();
    }

    /// A module may be of another type.
    pub fn follow(self: &Rc<Self>, id: &ModuleId) {
        self.fit(id);
        self.kick();
    }

    /// A module is gone.
    pub fn leave(&self, id: &ModuleId) {
        if let Some(mut ward) = self.wards.borrow_mut().remove(id) {
            self.forget_due(id, ward.take_noted());
        }
        self.book.borrow_mut().remove_of(id);
    }

    /// Judges readings, unless too much waits of their module: then its newest values are judged when that is stored.
    pub fn observe(self: &Rc<Self>, observed: &Observed) {
        let id = &observed.module_id;
        if let Some(ward) = self.wards.borrow_mut().get_mut(id) {
            let was_behind = ward.is_behind();
            let room = self.transitions.borrow().room(id);
            self.push_all(id, ward.observe(observed, room));
            self.note(ward);
            if ward.is_behind() {
                self.metrics.alarm_readings_lost(observed.samples.len());
            }
            if ward.is_behind() && !was_behind {
                tracing::warn!(module.id = %id, "alarms of a module come faster than they are told; not all its readings are judged");
            }
        }
        self.kick();
    }

    /// Judges the newest values of modules that were behind: nothing of theirs waits any more.
    pub(super) fn resume(&self, modules: Vec<ModuleId>) {
        let mut wards = self.wards.borrow_mut();
        for id in modules {
            if let Some(ward) = wards.get_mut(&id).filter(|ward| ward.is_behind()) {
                self.push_all(&id, ward.resume(Timestamp::now()));
                self.note(ward);
            }
        }
    }

    /// Judges the newest values of modules of which readings found the mailbox full.
    pub fn make_good(self: &Rc<Self>, now: Timestamp) {
        let mut wards = self.wards.borrow_mut();
        for (id, ward) in wards.iter_mut().filter(|(_, ward)| ward.entry.watch.take_missed()) {
            if !ward.is_behind() {
                self.push_all(id, ward.resume(now));
                self.note(ward);
            }
        }
        drop(wards);
        self.kick();
    }

    /// Looks at what is due.
    pub fn tick(self: &Rc<Self>, now: Timestamp) {
        loop {
            let mut due = self.due.borrow_mut();
            if due.first().is_none_or(|(at, ..)| *at > now) {
                break;
            }
            let Some((_, module, rule)) = due.pop_first() else { break };
            drop(due);
            if let Some(ward) = self.wards.borrow_mut().get_mut(&module) {
                self.push_all(&module, ward.tick(&rule, self.start, now));
                self.note(ward);
            }
        }
        self.kick();
    }

    /// Gives a module the rules that hold for it now.
    pub(super) fn fit(&self, id: &ModuleId) {
        let (mut wards, book) = (self.wards.borrow_mut(), self.book.borrow());
        let Some(ward) = wards.get_mut(id) else { return };
        let kind = ward.entry.meta.load().kind.clone();
        let mut standings = self.standings.borrow_mut();
        let known = |rule: &RuleId| standings.get(&(rule.clone(), id.clone())).copied().unwrap_or(Standing::Normal);
        self.forget_due(id, ward.take_noted());
        let (withdrawn, steps) = ward.fit(book.holding(id, &kind), known, Timestamp::now());
        for rule in book.holding(id, &kind) {
            standings.remove(&(rule.id.clone(), id.clone()));
        }
        for rule in withdrawn {
            let what = What::Clear(ClearCause::Rule);
            self.push(Transition { module: id.clone(), rule: rule.id.clone(), what, at: Timestamp::now() });
        }
        self.push_all(id, steps);
        self.note(ward);
    }

    fn note(&self, ward: &mut Ward) {
        let id = ward.entry.id.clone();
        let due = ward.note_due(self.start, Timestamp::now());
        self.due.borrow_mut().extend(due.map(|(at, rule)| (at, id.clone(), rule)));
    }

    fn forget_due(&self, id: &ModuleId, noted: Vec<(Timestamp, RuleId)>) {
        let mut due = self.due.borrow_mut();
        for (at, rule) in noted {
            due.remove(&(at, id.clone(), rule));
        }
    }

    fn push_all(&self, id: &ModuleId, steps: impl IntoIterator<Item = Step>) {
        for (rule, change) in steps {
            self.push(transition(id, &rule, change));
        }
    }

    fn push(&self, transition: Transition) {
        self.transitions.borrow_mut().push(transition);
    }

    /// The module, if the person may see it.
    pub(super) fn visible(&self, id: &ModuleId, to: &Principal) -> Result<Arc<Entry>, ModuleError> {
        let wards = self.wards.borrow();
        let entry = wards.get(id).map(|ward| &ward.entry).filter(|entry| entry.is_visible_to(to));
        entry.cloned().ok_or_else(|| ModuleError::NotFound(id.clone()))
    }

    /// A page of the alarms that the person may see.
    pub async fn list(&self, ListAlarms { by, module, query }: ListAlarms) -> Result<AlarmsPage, ModuleError> {
        let module = module.map(|id| self.visible(&id, &by)).transpose()?;
        let filter = AlarmFilter {
            owner: (!by.may(Permission::ModulesAll)).then(|| by.user_id.clone()),
            state: query.state,
            module: module.map(|entry| entry.id.clone()),
            severity: query.severity,
            skip: i64::try_from(query.skip).unwrap_or(i64::MAX),
            limit: query.limit.into(),
        };
        let read = self.store.snapshot(move |conn| {
            Ok((alarms::list(conn, &filter)?, alarms::count_active(conn, filter.owner.as_ref())?))
        });
        let ((alarms, total), active) = read.await?;
        Ok(AlarmsPage { alarms, total: total.unsigned_abs(), active: active.unsigned_abs() })
    }

    /// One alarm, if the person may see its module.
    pub async fn find(&self, by: &Principal, id: &AlarmId) -> Result<Alarm, ModuleError> {
        let wanted = id.clone();
        let found = self.store.read(move |conn| alarms::find(conn, &wanted)).await?;
        found.filter(|alarm| self.visible(&alarm.module_id, by).is_ok()).ok_or(ModuleError::NoSuchAlarm)
    }
}

fn transition(id: &ModuleId, rule: &Arc<AlarmRule>, change: Change) -> Transition {
    let what = match change {
        Change::Raised { since, value } => What::Raise { rule: Arc::clone(rule), since, value },
        Change::Cleared => What::Clear(ClearCause::Condition),
    };
    Transition { module: id.clone(), rule: rule.id.clone(), what, at: Timestamp::now() }
}
