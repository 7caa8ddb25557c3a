//! `/api/v1/modules/{moduleId}/commands`: what modules are told to do, and what they answered.

use std::time::Duration;

use actix::{Addr, Recipient};
use actix_web::http::Method;
use actix_web::web::{self, Data, ServiceConfig, to};
use actix_web::{HttpResponse, Responder};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::extract::{Json, Path, Query};
use super::super::paging::{Listed, PageQuery};
use super::super::problem::{ApiError, ApiResult};
use super::super::table::methods;
use super::{ReadProblems, WriteProblems};
use crate::auth::Principal;
use crate::config::Commands;
use crate::domain::command::CommandName;
use crate::domain::grant::Permission;
use crate::domain::ids::{CommandId, ModuleId, UserId};
use crate::domain::problem::Problem;
use crate::domain::time::Timestamp;
use crate::module::{ListCommands, Outcome, Registry};
use crate::session::{CommandModule, CommandWish};
use crate::store::commands::CommandRecord;

/// How long the parts of the hub may take besides the module.
const SPARE: Duration = Duration::from_secs(30);

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    let path = "/modules/{moduleId}/commands";
    config.service(methods(path, [(Method::GET, to(list_commands)), (Method::POST, to(send_command))]));
}

/// A command to a module.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandBody {
    /// What to do: 1 to 64 of `A-Z a-z 0-9 . _ : -`.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$", example = "open")]
    command: String,
    /// How: any JSON up to 16 KiB.
    #[schema(value_type = Option<Value>)]
    params: Option<Box<RawValue>>,
    /// How long to wait for the answer, in milliseconds.
    #[schema(minimum = 1)]
    timeout_ms: Option<u64>,
}

/// Tells a module to do something, and waits for what it answers.
#[utoipa::path(
    post,
    path = "/api/v1/modules/{moduleId}/commands",
    tag = "commands",
    params(("moduleId" = String, Path, description = "Which module")),
    request_body = CommandBody,
    responses(
        (status = 200, description = "What the module answered", body = Outcome),
        (status = 504, description = "It did not answer in time", body = Problem, content_type = "application/problem+json"),
        WriteProblems
    )
)]
pub async fn send_command(
    caller: Principal,
    id: Path<ModuleId>,
    body: Json<CommandBody>,
    commander: Data<Recipient<CommandModule>>,
    limits: Data<Commands>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesCommand)?;
    let CommandBody { command, params, timeout_ms } = body.into_inner();
    let wish = CommandWish { command, params, timeout_ms };
    let asked = CommandModule { principal: caller.into(), module: id.0, wish };
    let outcome = commander.send(asked).timeout(limits.max_timeout + SPARE).await?.map_err(ApiError::from)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(Box::<str>::from(outcome).into_string()))
}

/// How a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CommandStatus {
    /// The module has not answered yet, and may still.
    Sent,
    /// The module answered in time.
    Answered,
    /// The module did not answer in time.
    Expired,
    /// The module answered when nobody waited any more.
    Late,
    /// An emergency stop took it back.
    Cancelled,
}

/// A command and what came of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Command)]
pub struct CommandView {
    /// Which command.
    #[schema(value_type = String)]
    command_id: CommandId,
    /// What to do.
    #[schema(value_type = String)]
    command: CommandName,
    /// How.
    #[schema(value_type = Value)]
    params: Box<RawValue>,
    /// Who asked.
    #[schema(value_type = String)]
    user_id: UserId,
    /// How it stands.
    status: CommandStatus,
    /// Whether the module did it; null until it answers.
    ok: Option<bool>,
    /// What it answered.
    #[schema(value_type = Option<Value>)]
    result: Option<Box<RawValue>>,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Until when somebody waited.
    #[schema(value_type = String, format = DateTime)]
    deadline: Timestamp,
    /// When the module answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    answered_at: Option<Timestamp>,
}

impl CommandView {
    fn of(record: CommandRecord, now: Timestamp) -> Self {
        let status = match (record.answered_at, record.cancelled_at) {
            (Some(_), Some(_)) => CommandStatus::Late,
            (Some(at), None) if at > record.deadline => CommandStatus::Late,
            (Some(_), None) => CommandStatus::Answered,
            (None, Some(_)) => CommandStatus::Cancelled,
            (None, None) if now > record.deadline => CommandStatus::Expired,
            (None, None) => CommandStatus::Sent,
        };
        Self {
            command_id: record.id,
            command: record.name,
            params: record.params,
            user_id: record.by,
            status,
            ok: record.ok,
            result: record.result,
            created_at: record.created_at,
            deadline: record.deadline,
            answered_at: record.answered_at,
        }
    }
}

/// Lists what a module was told, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/modules/{moduleId}/commands",
    tag = "commands",
    params(("moduleId" = String, Path, description = "Which module"), PageQuery),
    responses((status = 200, description = "One page of its commands", body = Listed<CommandView>), ReadProblems)
)]
pub async fn list_commands(
    caller: Principal,
    id: Path<ModuleId>,
    query: Query<PageQuery>,
    registry: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesRead)?;
    let page = query.0.check()?;
    let asked = ListCommands { by: caller, id: id.0, skip: page.offset(), limit: page.size };
    let (records, total) = registry.send(asked).timeout(SPARE).await??;
    let now = Timestamp::now();
    let items = records.into_iter().map(|record| CommandView::of(record, now)).collect();
    Ok(web::Json(Listed::new(items, page, total)))
}
