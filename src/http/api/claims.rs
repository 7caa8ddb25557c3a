//! `/api/v1/modules/claim` and `/api/v1/modules/{moduleId}/claim-code`: how a module finds its owner.

use std::time::Duration;

use actix::Addr;
use actix_web::http::Method;
use actix_web::web::{self, Data, ServiceConfig, to};
use actix_web::{HttpResponse, Responder};
use serde::Deserialize;

use super::super::extract::{Json, Path};
use super::super::problem::ApiResult;
use super::super::table::methods;
use super::audit::note;
use super::modules::{change_module, delete_module, tell_module};
use super::{ReadProblems, WriteProblems};
use crate::admin::Audit;
use crate::auth::Principal;
use crate::domain::audit::Action;
use crate::domain::grant::Permission;
use crate::domain::ids::ModuleId;
use crate::domain::topic::Topic;
use crate::module::{ClaimCode, ClaimModule, IssueCode, ModuleView, Registry, RevokeCode};

/// How long the registry may take; longer than its own time-outs.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(30);

/// The routes of this file; before those of single modules, as one of these may be called `claim`.
pub fn routes(config: &mut ServiceConfig) {
    let code = [(Method::POST, to(issue_code)), (Method::DELETE, to(revoke_code))];
    config.service(methods("/modules/{moduleId}/claim-code", code)).service(methods(
        "/modules/{moduleId:claim}",
        [
            (Method::POST, to(claim_module)),
            (Method::GET, to(tell_module)),
            (Method::PATCH, to(change_module)),
            (Method::DELETE, to(delete_module)),
        ],
    ));
}

/// Gives a module a claim code, shown this once; an older one works no more.
#[utoipa::path(
    post,
    path = "/api/v1/modules/{moduleId}/claim-code",
    tag = "modules",
    params(("moduleId" = String, Path, description = "Which module")),
    responses((status = 200, description = "The code", body = ClaimCode), ReadProblems)
)]
pub async fn issue_code(
    caller: Principal,
    id: Path<ModuleId>,
    registry: Data<Addr<Registry>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesWrite)?;
    let asked = IssueCode { by: caller.clone(), id: id.0.clone() };
    let code = registry.send(asked).timeout(REGISTRY_TIMEOUT).await??;
    note(&audit, caller.deed(Action::ClaimCode, Topic::Module(id.0))).await;
    Ok(web::Json(code))
}

/// Takes a module's claim code back; without one nothing changes.
#[utoipa::path(
    delete,
    path = "/api/v1/modules/{moduleId}/claim-code",
    tag = "modules",
    params(("moduleId" = String, Path, description = "Which module")),
    responses((status = 204, description = "It works no more"), ReadProblems)
)]
pub async fn revoke_code(
    caller: Principal,
    id: Path<ModuleId>,
    registry: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesWrite)?;
    registry.send(RevokeCode { by: caller, id: id.0 }).timeout(REGISTRY_TIMEOUT).await??;
    Ok(HttpResponse::NoContent())
}

/// A code from the label of a module.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimBody {
    /// Four times four letters; case, strokes and spaces do not matter.
    #[schema(max_length = 64, example = "7K3M-9QXV-2DFA-41HT")]
    claim_code: String,
}

/// Makes the caller the owner of the module that the code is for; a code works once.
#[utoipa::path(
    post,
    path = "/api/v1/modules/claim",
    tag = "modules",
    request_body = ClaimBody,
    responses((status = 200, description = "The module, now the caller's", body = ModuleView), WriteProblems)
)]
pub async fn claim_module(
    caller: Principal,
    body: Json<ClaimBody>,
    registry: Data<Addr<Registry>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesWrite)?;
    let asked = ClaimModule { by: caller.clone(), code: body.into_inner().claim_code };
    let module = registry.send(asked).timeout(REGISTRY_TIMEOUT).await??;
    note(&audit, caller.deed(Action::ModuleClaim, Topic::Module(module.module_id.clone()))).await;
    Ok(web::Json(module))
}
