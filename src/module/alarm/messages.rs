//! What can be said to the warden.

use std::sync::Arc;

use actix::Message;

use super::super::entry::Entry;
use super::super::error::ModuleError;
use super::view::{NewRule, RuleChange, RuleView};
use crate::auth::Principal;
use crate::domain::alarm::{Alarm, AlarmState, Severity};
use crate::domain::ids::{AlarmId, ModuleId, RuleId};

/// Modules are there.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Enter(pub Vec<Arc<Entry>>);

/// A module may be of another type.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Follow(pub ModuleId);

/// A module is gone, and in the database its rules and alarms are.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Leave(pub ModuleId);

/// Makes a rule.
#[derive(Debug, Message)]
#[rtype(result = "Result<RuleView, ModuleError>")]
pub struct CreateRule {
    /// Who asks.
    pub by: Principal,
    /// Which rule.
    pub rule: NewRule,
}

/// Changes a rule.
#[derive(Debug, Message)]
#[rtype(result = "Result<RuleView, ModuleError>")]
pub struct ChangeRule {
    /// Who asks.
    pub by: Principal,
    /// Which rule.
    pub id: RuleId,
    /// What of it.
    pub change: RuleChange,
}

/// Removes a rule; answers what it was.
#[derive(Debug, Message)]
#[rtype(result = "Result<RuleView, ModuleError>")]
pub struct DeleteRule {
    /// Who asks.
    pub by: Principal,
    /// Which rule.
    pub id: RuleId,
}

/// Asks for one rule.
#[derive(Debug, Message)]
#[rtype(result = "Result<RuleView, ModuleError>")]
pub struct GetRule {
    /// Who asks.
    pub by: Principal,
    /// Which rule.
    pub id: RuleId,
}

/// Asks for a page of the rules, oldest first, and how many there are.
#[derive(Debug, Message)]
#[rtype(result = "Result<(Vec<RuleView>, u64), ModuleError>")]
pub struct ListRules {
    /// Who asks.
    pub by: Principal,
    /// Only those that are about this module, by its id or its type.
    pub module: Option<ModuleId>,
    /// How many to pass over.
    pub skip: u64,
    /// How many at most.
    pub limit: usize,
}

/// Which alarms to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlarmQuery {
    /// Only those that have come so far.
    pub state: Option<AlarmState>,
    /// Only those that are so bad.
    pub severity: Option<Severity>,
    /// How many to pass over.
    pub skip: u64,
    /// How many at most.
    pub limit: u32,
}

/// Asks for a page of the alarms, those that are not cleared first, then the newest.
#[derive(Debug, Message)]
#[rtype(result = "Result<AlarmsPage, ModuleError>")]
pub struct ListAlarms {
    /// Who asks.
    pub by: Principal,
    /// Only those of this module.
    pub module: Option<ModuleId>,
    /// Which of them.
    pub query: AlarmQuery,
}

/// Some alarms of a list.
#[derive(Debug)]
pub struct AlarmsPage {
    /// The alarms of the page.
    pub alarms: Vec<Alarm>,
    /// How many there are on all pages.
    pub total: u64,
    /// How many nobody has seen to, whatever was asked for.
    pub active: u64,
}

/// Asks for one alarm.
#[derive(Debug, Message)]
#[rtype(result = "Result<Alarm, ModuleError>")]
pub struct GetAlarm {
    /// Who asks.
    pub by: Principal,
    /// Which alarm.
    pub id: AlarmId,
}

/// Somebody has seen to an alarm; answers also whether that is new.
#[derive(Debug, Message)]
#[rtype(result = "Result<(Alarm, bool), ModuleError>")]
pub struct AcknowledgeAlarm {
    /// Who.
    pub by: Principal,
    /// Which alarm.
    pub id: AlarmId,
}

/// Somebody says that an alarm is over; answers also whether that is new.
#[derive(Debug, Message)]
#[rtype(result = "Result<(Alarm, bool), ModuleError>")]
pub struct ClearAlarm {
    /// Who.
    pub by: Principal,
    /// Which alarm.
    pub id: AlarmId,
}
