//! `/api/v1/emergency-stops`: what stands still until somebody says that it may go on.

use std::time::Duration;

use actix::Addr;
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Data, ServiceConfig, to};
use actix_web::{HttpResponse, Responder};
use serde::Deserialize;

use super::super::extract::{Json, Path, Query};
use super::super::paging::{Listed, PageQuery};
use super::super::problem::{ApiError, ApiResult};
use super::super::table::methods;
use super::audit::note;
use super::{ReadProblems, WriteProblems};
use crate::admin::Audit;
use crate::auth::Principal;
use crate::domain::audit::Action;
use crate::domain::grant::Permission;
use crate::domain::ids::{ModuleId, StopId};
use crate::domain::module::ModuleKind;
use crate::domain::problem::Problem;
use crate::domain::stop::{StopReason, StopScope};
use crate::module::{ClearStop, ListStops, MakeStop, Registry, StopModule, StopModules, StopView, Waiting};

/// How long the registry may take; longer than its own time-outs.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(60);

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    let all = [(Method::GET, to(list_stops)), (Method::POST, to(make_stop))];
    config
        .service(methods("/emergency-stops", all))
        .service(methods("/emergency-stops/{stopId}/modules", [(Method::GET, to(list_stop_modules))]))
        .service(methods("/emergency-stops/{stopId}/clear", [(Method::POST, to(clear_stop))]));
}

/// What to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScopeKind {
    /// The module `moduleId`.
    Module,
    /// Every module of the type `type`, also those that come later; admins only.
    Type,
    /// Every module, also those that come later; admins only.
    All,
}

/// An emergency stop to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewStop {
    /// What to stop.
    scope: ScopeKind,
    /// The module, for the scope `module`.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    module_id: Option<ModuleId>,
    /// The type, for the scope `type`.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]([A-Za-z0-9 _-]{0,48}[A-Za-z0-9_-])?$")]
    r#type: Option<ModuleKind>,
    /// Why: up to 200 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    reason: StopReason,
}

impl NewStop {
    fn scope(&self) -> ApiResult<StopScope> {
        let wrong = |pointer: &str, detail: &str| {
            let problem = Problem::new("invalid-fields", 422, "some fields are not as they must be");
            Err(ApiError::from(problem.with_error(pointer, detail)))
        };
        match (self.scope, &self.module_id, &self.r#type) {
            (ScopeKind::Module, Some(id), None) => Ok(StopScope::Module(id.clone())),
            (ScopeKind::Type, None, Some(kind)) => Ok(StopScope::Type(kind.clone())),
            (ScopeKind::All, None, None) => Ok(StopScope::All),
            (ScopeKind::Module, ..) => wrong("/moduleId", "name the module, and no type, for the scope `module`"),
            (ScopeKind::Type, ..) => wrong("/type", "name the type, and no module, for the scope `type`"),
            (ScopeKind::All, ..) => wrong("/scope", "leave `moduleId` and `type` out for the scope `all`"),
        }
    }
}

/// Stops modules: each in scope is told `emergency_stop` until it acknowledges, and takes no other command until the stop
/// is cleared. Who stops what stands still already gets the stop in force. A stop is in force and told before it is stored,
/// which is tried until it succeeds.
#[utoipa::path(
    post,
    path = "/api/v1/emergency-stops",
    tag = "commands",
    request_body = NewStop,
    responses(
        (status = 201, description = "In force and stored", body = StopView),
        (
            status = 202,
            description = "In force and told to the modules, but not stored yet: it is lost if the hub ends before",
            body = StopView
        ),
        (status = 200, description = "It was in force already; `stored` tells of it too", body = StopView),
        WriteProblems
    )
)]
pub async fn make_stop(
    caller: Principal,
    body: Json<NewStop>,
    registry: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesCommand)?;
    let new = body.into_inner();
    let asked = MakeStop { by: caller, scope: new.scope()?, reason: new.reason };
    let (stop, is_new) = registry.send(asked).timeout(REGISTRY_TIMEOUT).await??;
    let status = match (is_new, stop.stored) {
        (true, true) => StatusCode::CREATED,
        (true, false) => StatusCode::ACCEPTED,
        (false, _) => StatusCode::OK,
    };
    Ok(HttpResponse::build(status).json(stop))
}

/// Ends a stop; clearing again changes nothing. Its owner or an admin for one module, else admins only.
#[utoipa::path(
    post,
    path = "/api/v1/emergency-stops/{stopId}/clear",
    tag = "commands",
    params(("stopId" = String, Path, description = "Which stop")),
    responses((status = 200, description = "The stop, no longer in force", body = StopView), ReadProblems)
)]
pub async fn clear_stop(
    caller: Principal,
    id: Path<StopId>,
    registry: Data<Addr<Registry>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesCommand)?;
    let waiting = Waiting::default();
    let asked = ClearStop { by: caller.clone(), id: id.0, wanted: waiting.watch() };
    let (stop, was_active) = registry.send(asked).timeout(REGISTRY_TIMEOUT).await??;
    if was_active {
        note(&audit, caller.deed(Action::StopClear, subject_of(&stop))).await;
    }
    Ok(web::Json(stop))
}

/// `module:<moduleId>`, `type:<type>` or `all`.
fn subject_of(stop: &StopView) -> String {
    match (&stop.module_id, &stop.r#type) {
        (Some(id), _) => format!("module:{id}"),
        (None, Some(kind)) => format!("type:{kind}"),
        (None, None) => "all".to_owned(),
    }
}

/// Which stops to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StopQuery {
    /// Counted from 1; D 1.
    #[param(minimum = 1)]
    page: Option<u32>,
    /// Stops on a page, 1 to 100; D 20.
    #[param(minimum = 1, maximum = 100)]
    per_page: Option<u32>,
    /// Only those in force, or only those that were cleared.
    active: Option<bool>,
    /// Only those that concern this module.
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    module_id: Option<ModuleId>,
}

/// Lists the stops that concern modules of the caller: those in force first, then the newest.
#[utoipa::path(
    get,
    path = "/api/v1/emergency-stops",
    tag = "commands",
    params(StopQuery),
    responses((status = 200, description = "One page of the stops", body = Listed<StopView>), ReadProblems)
)]
pub async fn list_stops(
    caller: Principal,
    query: Query<StopQuery>,
    registry: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesRead)?;
    let Query(StopQuery { page, per_page, active, module_id }) = query;
    let page = PageQuery { page, per_page }.check()?;
    let limit = page.size as usize;
    let asked = ListStops { by: caller, active, module: module_id, skip: page.offset(), limit };
    let (stops, total) = registry.send(asked).timeout(REGISTRY_TIMEOUT).await??;
    Ok(web::Json(Listed::new(stops, page, total)))
}

/// Which modules of a stop to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StopModuleQuery {
    /// Counted from 1; D 1.
    #[param(minimum = 1)]
    page: Option<u32>,
    /// Modules on a page, 1 to 100; D 20.
    #[param(minimum = 1, maximum = 100)]
    per_page: Option<u32>,
    /// Only this one, if the stop concerns it.
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    module_id: Option<ModuleId>,
}

/// Lists the modules that a stop concerns, and how far it has come with each.
#[utoipa::path(
    get,
    path = "/api/v1/emergency-stops/{stopId}/modules",
    tag = "commands",
    params(("stopId" = String, Path, description = "Which stop"), StopModuleQuery),
    responses((status = 200, description = "One page of its modules", body = Listed<StopModule>), ReadProblems)
)]
pub async fn list_stop_modules(
    caller: Principal,
    id: Path<StopId>,
    query: Query<StopModuleQuery>,
    registry: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesRead)?;
    let Query(StopModuleQuery { page, per_page, module_id }) = query;
    let page = PageQuery { page, per_page }.check()?;
    let asked = StopModules { by: caller, id: id.0, module: module_id, skip: page.offset(), limit: page.size as usize };
    let (modules, total) = registry.send(asked).timeout(REGISTRY_TIMEOUT).await??;
    Ok(web::Json(Listed::new(modules, page, total)))
}
