//! The actor that knows all rules and judges what modules tell.

use std::rc::Rc;
use std::time::Duration;

use actix::prelude::*;

use super::super::error::ModuleError;
use super::desk::Desk;
use super::messages::{
    AcknowledgeAlarm, AlarmsPage, ChangeRule, ClearAlarm, CreateRule, DeleteRule, Enter, Follow, GetAlarm, GetRule,
    Leave, ListAlarms, ListRules,
};
use super::view::RuleView;
use super::watch::Observed;
use crate::broker::Announce;
use crate::config::Alarms;
use crate::domain::alarm::{Alarm, AlarmRule};
use crate::domain::time::Timestamp;
use crate::observe::Metrics;
use crate::store::Store;
use crate::store::alarms::Standings;

/// How many messages may wait for the warden.
const MAILBOX: usize = 8192;
/// How often is looked at what is due.
const TICK: Duration = Duration::from_millis(250);
/// How often is looked for modules whose readings found the mailbox full.
const MISSED_INTERVAL: Duration = Duration::from_secs(1);
/// How often is looked for alarms to forget, at least.
const FORGET_INTERVAL: Duration = Duration::from_secs(600);

/// What the warden needs of the house.
pub struct WardenParts {
    /// The bounds.
    pub options: Alarms,
    /// The database.
    pub store: Store,
    /// Who orders events of changes that are in the database.
    pub announce: Recipient<Announce>,
    /// The counters.
    pub metrics: Metrics,
    /// The rules as they are stored.
    pub rules: Vec<AlarmRule>,
    /// What is stored of their alarms.
    pub standings: Standings,
}

/// Judges what modules tell by the rules that people have made, and keeps the alarms.
///
/// Invariant: what the rules say of a module is judged here only, in the order in which its readings came; the module's
/// actor may rest meanwhile.
/// Invariant: changes of alarms are stored one after the other, each with its event in one transaction; what the database
/// does not take waits, and the newest values are judged again at the next start.
pub struct Warden(Rc<Desk>);

impl Warden {
    /// A warden that knows no modules yet.
    #[must_use]
    pub fn new(parts: WardenParts) -> Self {
        Self(Rc::new(Desk::new(parts)))
    }
}

impl Actor for Warden {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(TICK, |warden, _| warden.0.tick(Timestamp::now()));
        ctx.run_interval(MISSED_INTERVAL, |warden, _| warden.0.make_good(Timestamp::now()));
        ctx.run_interval(FORGET_INTERVAL, |warden, _| warden.0.forget());
    }
}

impl Handler<Observed> for Warden {
    type Result = ();

    fn handle(&mut self, observed: Observed, _: &mut Self::Context) {
        self.0.observe(&observed);
    }
}

impl Handler<Enter> for Warden {
    type Result = ();

    fn handle(&mut self, Enter(entries): Enter, _: &mut Self::Context) {
        self.0.enter(entries);
    }
}

impl Handler<Follow> for Warden {
    type Result = ();

    fn handle(&mut self, Follow(id): Follow, _: &mut Self::Context) {
        self.0.follow(&id);
    }
}

impl Handler<Leave> for Warden {
    type Result = ();

    fn handle(&mut self, Leave(id): Leave, _: &mut Self::Context) {
        self.0.leave(&id);
    }
}

impl Handler<CreateRule> for Warden {
    type Result = ResponseFuture<Result<RuleView, ModuleError>>;

    fn handle(&mut self, CreateRule { by, rule }: CreateRule, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.create_rule(&by, rule).await })
    }
}

impl Handler<ChangeRule> for Warden {
    type Result = ResponseFuture<Result<RuleView, ModuleError>>;

    fn handle(&mut self, ChangeRule { by, id, change }: ChangeRule, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.change_rule(&by, &id, change).await })
    }
}

impl Handler<DeleteRule> for Warden {
    type Result = ResponseFuture<Result<RuleView, ModuleError>>;

    fn handle(&mut self, DeleteRule { by, id }: DeleteRule, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.delete_rule(&by, &id).await })
    }
}

impl Handler<GetRule> for Warden {
    type Result = Result<RuleView, ModuleError>;

    fn handle(&mut self, GetRule { by, id }: GetRule, _: &mut Self::Context) -> Self::Result {
        self.0.rule(&by, &id)
    }
}

impl Handler<ListRules> for Warden {
    type Result = Result<(Vec<RuleView>, u64), ModuleError>;

    fn handle(&mut self, asked: ListRules, _: &mut Self::Context) -> Self::Result {
        self.0.rules(asked)
    }
}

impl Handler<ListAlarms> for Warden {
    type Result = ResponseFuture<Result<AlarmsPage, ModuleError>>;

    fn handle(&mut self, asked: ListAlarms, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.list(asked).await })
    }
}

impl Handler<GetAlarm> for Warden {
    type Result = ResponseFuture<Result<Alarm, ModuleError>>;

    fn handle(&mut self, GetAlarm { by, id }: GetAlarm, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.find(&by, &id).await })
    }
}

impl Handler<AcknowledgeAlarm> for Warden {
    type Result = ResponseFuture<Result<(Alarm, bool), ModuleError>>;

    fn handle(&mut self, AcknowledgeAlarm { by, id }: AcknowledgeAlarm, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.acknowledge(&by, &id).await })
    }
}

impl Handler<ClearAlarm> for Warden {
    type Result = ResponseFuture<Result<(Alarm, bool), ModuleError>>;

    fn handle(&mut self, ClearAlarm { by, id }: ClearAlarm, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.clear(&by, &id).await })
    }
}
