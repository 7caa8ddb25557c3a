//! What passes between people, a module's actor and the door of its device.

use std::sync::Arc;
use std::time::Duration;

use actix::Message;
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::actor::ConnectionId;
use super::super::error::ModuleError;
use crate::domain::command::{Command, CommandName, CommandResult};
use crate::domain::document::{Document, MergePatch};
use crate::domain::ids::{CommandId, UserId};
use crate::domain::module::TokenHash;
use crate::domain::stop::EmergencyStop;
use crate::store::twins::Twin;

/// Something for the device, which the link of its door writes down as that door does.
///
/// A link gets what is in force right after it was attached, and again after [`Repeat`].
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub enum ToDevice {
    /// A command; one may come again, with the same id.
    Command(Arc<Command>),
    /// The state that people want; only the newest version counts.
    Desired(Desired),
}

/// The state that people want of a module.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The whole state.
    pub desired: Arc<Document>,
    /// Its version, from 1.
    pub version: i64,
}

/// The device of a connection can hear only now: what is unanswered and the desired state are told again.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Repeat(pub ConnectionId);

/// A command as a person writes it.
#[derive(Debug, Clone)]
pub struct NewCommand {
    /// What to do.
    pub name: CommandName,
    /// How; finished JSON.
    pub params: Box<RawValue>,
    /// How long to wait for the answer.
    pub timeout: Duration,
}

/// Tells the device something, and answers what it answered.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Outcome, ModuleError>")]
pub struct SendCommand {
    /// Who asks.
    pub by: UserId,
    /// What to do.
    pub command: NewCommand,
}

/// What came of a command: `{commandId, ok, result}`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CommandOutcome)]
pub struct Outcome {
    /// Which command.
    #[schema(value_type = String)]
    pub command_id: CommandId,
    /// Whether the device did it.
    pub ok: bool,
    /// What it answered, any JSON.
    #[schema(value_type = Value)]
    pub result: Box<RawValue>,
}

/// A device answers a command; answered when that is stored.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), ModuleError>")]
pub struct TakeResult(pub CommandResult);

/// A device reports its state; answered with the twin after the commit.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Arc<Twin>, ModuleError>")]
pub struct Report {
    /// What has changed.
    pub patch: MergePatch,
    /// The token it came with; none from a link, which has shown it before.
    pub token: Option<TokenHash>,
}

/// Changes the state that people want; answered with the twin after the commit.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Arc<Twin>, ModuleError>")]
pub struct ChangeDesired {
    /// What to change.
    pub patch: MergePatch,
    /// The version that is to be changed; none for whatever it is.
    pub expected: Option<i64>,
}

/// Asks for the twin.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Result<Arc<Twin>, ModuleError>")]
pub struct ReadTwin {
    /// The token of the module itself, if it asks.
    pub token: Option<TokenHash>,
}

/// Stops were made or cleared, or the module has another type: it looks whether it must stand still.
#[derive(Debug, Clone, Default, Message)]
#[rtype(result = "()")]
pub struct LookAtStops {
    /// The stop that was made: it takes back what waits also when it was cleared before the module could look.
    pub made: Option<Arc<EmergencyStop>>,
}
