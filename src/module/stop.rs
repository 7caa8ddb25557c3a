//! What can be said to the registry of emergency stops, and how they are shown outside.

use std::sync::{Arc, Weak};

use actix::Message;
use serde::Serialize;
use serde_json::value::RawValue;

use super::command::StopState;
use super::entry::{Entry, Status};
use super::error::ModuleError;
use crate::auth::Principal;
use crate::domain::ids::{ModuleId, StopId, UserId};
use crate::domain::module::{ModuleKind, ModuleName};
use crate::domain::stop::{EmergencyStop, StopReason, StopScope};
use crate::domain::time::Timestamp;
use crate::store::stops::{Answered, StopAnswer};

/// Stops modules; answers also whether they did not stand still already.
#[derive(Debug, Message)]
#[rtype(result = "Result<(StopView, bool), ModuleError>")]
pub struct MakeStop {
    /// Who asks.
    pub by: Principal,
    /// Whom it concerns.
    pub scope: StopScope,
    /// Why.
    pub reason: StopReason,
}

/// Lets modules go on; answers also whether they stood still.
#[derive(Debug, Message)]
#[rtype(result = "Result<(StopView, bool), ModuleError>")]
pub struct ClearStop {
    /// Who asks.
    pub by: Principal,
    /// Which stop.
    pub id: StopId,
    /// Whether somebody still waits for the answer; else nothing is done.
    pub wanted: Wanted,
}

/// Somebody waits for an answer, for as long as they hold this.
#[derive(Debug, Default)]
pub struct Waiting(Arc<()>);

impl Waiting {
    /// What tells whether they still do.
    #[must_use]
    pub fn watch(&self) -> Wanted {
        Wanted(Arc::downgrade(&self.0))
    }
}

/// Whether somebody still waits for an answer.
#[derive(Debug, Clone)]
pub struct Wanted(Weak<()>);

impl Wanted {
    /// Whether they do.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// Asks for a page of the stops, and how many there are.
#[derive(Debug, Message)]
#[rtype(result = "Result<(Vec<StopView>, u64), ModuleError>")]
pub struct ListStops {
    /// Who asks.
    pub by: Principal,
    /// Only those in force, or only those that are not.
    pub active: Option<bool>,
    /// Only those that concern this module.
    pub module: Option<ModuleId>,
    /// How many to pass over.
    pub skip: u64,
    /// How many at most.
    pub limit: usize,
}

/// Asks for a page of the modules that a stop concerns, and how many there are.
#[derive(Debug, Message)]
#[rtype(result = "Result<(Vec<StopModule>, u64), ModuleError>")]
pub struct StopModules {
    /// Who asks.
    pub by: Principal,
    /// Which stop.
    pub id: StopId,
    /// Only this module.
    pub module: Option<ModuleId>,
    /// How many to pass over.
    pub skip: u64,
    /// How many at most.
    pub limit: usize,
}

/// A stop as it is shown outside; only modules that the caller may see are counted.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EmergencyStop)]
pub struct StopView {
    /// Which stop.
    #[schema(value_type = String)]
    pub stop_id: StopId,
    /// `module`, `type` or `all`.
    #[schema(value_type = String)]
    pub scope: &'static str,
    /// The module that stands still, if it is one.
    #[schema(value_type = Option<String>)]
    pub module_id: Option<ModuleId>,
    /// The type whose modules stand still, if it is one.
    #[schema(value_type = Option<String>)]
    pub r#type: Option<ModuleKind>,
    /// Why.
    #[schema(value_type = String)]
    pub reason: StopReason,
    /// Who made it.
    #[schema(value_type = String)]
    pub user_id: UserId,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was cleared; null while it is in force.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub cleared_at: Option<Timestamp>,
    /// Who cleared it.
    #[schema(value_type = Option<String>)]
    pub cleared_by: Option<UserId>,
    /// Whether it outlives a restart of the hub: false while the database does not take it, which is tried until it does.
    pub stored: bool,
    /// How many modules have not answered.
    pub pending: usize,
    /// How many have answered that they could not stop.
    pub refused: usize,
    /// How many stand still.
    pub acknowledged: usize,
}

impl StopView {
    /// A stop, whether it is stored, how many modules it concerns and how many of these have answered.
    pub fn of(stop: &EmergencyStop, stored: bool, concerned: usize, answered: Answered) -> Self {
        let Answered { acknowledged, refused } = answered;
        let (module_id, kind) = match &stop.scope {
            StopScope::Module(id) => (Some(id.clone()), None),
            StopScope::Type(kind) => (None, Some(kind.clone())),
            StopScope::All => (None, None),
        };
        Self {
            stop_id: stop.id.clone(),
            scope: stop.scope.name(),
            module_id,
            r#type: kind,
            reason: stop.reason.clone(),
            user_id: stop.by.clone(),
            created_at: stop.created_at,
            cleared_at: stop.cleared.as_ref().map(|(at, _)| *at),
            cleared_by: stop.cleared.as_ref().map(|(_, by)| by.clone()),
            stored,
            pending: concerned.saturating_sub(acknowledged + refused),
            refused,
            acknowledged,
        }
    }
}

/// How far a stop has come with one module.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EmergencyStopModule)]
pub struct StopModule {
    /// Which module.
    #[schema(value_type = String)]
    pub module_id: ModuleId,
    /// What people call it.
    #[schema(value_type = String)]
    pub name: ModuleName,
    /// Whether it is there to be told.
    pub status: Status,
    /// What it answered.
    pub state: StopState,
    /// What it added to that, any JSON.
    #[schema(value_type = Option<Value>)]
    pub result: Option<Box<RawValue>>,
    /// When it answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered_at: Option<Timestamp>,
}

impl StopModule {
    /// A module and what it answered.
    pub fn of(entry: &Entry, answer: Option<&StopAnswer>) -> Self {
        Self {
            module_id: entry.id.clone(),
            name: entry.meta.load().name.clone(),
            status: entry.live.load().status,
            state: state_of(answer),
            result: answer.and_then(|answer| RawValue::from_string(answer.result.clone()).ok()),
            answered_at: answer.map(|answer| answer.answered_at),
        }
    }
}

fn state_of(answer: Option<&StopAnswer>) -> StopState {
    match answer {
        None => StopState::Pending,
        Some(answer) if answer.ok => StopState::Acknowledged,
        Some(_) => StopState::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_any_more_who_has_gone() {
        let waiting = Waiting::default();
        let wanted = waiting.watch();
        assert!(wanted.clone().holds());
        drop(waiting);
        assert!(!wanted.holds());
    }
}
