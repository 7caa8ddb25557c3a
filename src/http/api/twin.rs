//! `/api/v1/modules/{moduleId}/twin`: the state that people want of a module, and the one it says it has.

use std::time::Duration;

use actix::Addr;
use actix_web::http::{Method, header};
use actix_web::web::{Data, Payload, ServiceConfig, to};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, Responder};

use super::super::address::ClientAddress;
use super::super::caller::{Gate, authenticate};
use super::super::credential;
use super::super::extract::{Path, read_body};
use super::super::problem::{ApiError, ApiResult};
use super::super::table::methods;
use super::audit::note;
use super::{ReadProblems, WriteProblems};
use crate::admin::Audit;
use crate::domain::audit::Action;
use crate::domain::document::MergePatch;
use crate::domain::grant::Permission;
use crate::domain::ids::ModuleId;
use crate::domain::problem::{Problem, read_json};
use crate::domain::topic::Topic;
use crate::module::{ChangeDesired, Directory, ModuleError, ReadTwin, Report};
use crate::store::twins::Twin;

/// How long the module's actor may take.
const TWIN_TIMEOUT: Duration = Duration::from_secs(25);

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(methods(
            "/modules/{moduleId}/twin",
            [(Method::GET, to(read_twin)), (Method::PATCH, to(change_desired))],
        ))
        .service(methods("/modules/{moduleId}/twin/reported", [(Method::PATCH, to(report_state))]));
}

/// What a module's own token begins with; access tokens of people are JWTs.
const MODULE_TOKEN: &str = "cm_";

/// Tells the desired and the reported state of a module, to people who may see it and to the module itself.
#[utoipa::path(
    get,
    path = "/api/v1/modules/{moduleId}/twin",
    tag = "twin",
    params(("moduleId" = String, Path, description = "Which module")),
    responses(
        (status = 200, description = "The twin", body = Twin, headers(("etag" = String, description = "The version of the desired state"))),
        ReadProblems
    )
)]
pub async fn read_twin(
    request: HttpRequest,
    id: Path<ModuleId>,
    gate: Data<Gate>,
    directory: Data<Directory>,
) -> ApiResult<impl Responder> {
    let own = credential::bearer(request.headers()).filter(|token| token.starts_with(MODULE_TOKEN));
    let token = if let Some(own) = own {
        Some(directory.verify(&id, own, ClientAddress::of(&request).ip()).await?)
    } else {
        let caller = authenticate(&request, &gate).await?;
        caller.require(Permission::ModulesRead)?;
        directory.see(&caller, &id).await?;
        None
    };
    let twin = directory.ask(&id, ReadTwin { token }, TWIN_TIMEOUT).await;
    Ok(told(&*twin.map_err(|error| if token.is_some() { as_stranger(error) } else { error })?))
}

/// Changes the desired state by a merge patch (RFC 7396); the module is told at once, or when it comes back.
#[utoipa::path(
    patch,
    path = "/api/v1/modules/{moduleId}/twin",
    tag = "twin",
    params(
        ("moduleId" = String, Path, description = "Which module"),
        ("if-match" = Option<String>, Header, description = "The version to change, as in `ETag`"),
    ),
    request_body(
        content((Object = "application/merge-patch+json"), (Object = "application/json")),
        description = "What to change; null removes. The whole state has at most 16 KiB and 8 levels",
    ),
    responses(
        (status = 200, description = "The twin as it is now", body = Twin),
        (status = 412, description = "Somebody else changed it first", body = Problem, content_type = "application/problem+json"),
        WriteProblems
    )
)]
pub async fn change_desired(
    request: HttpRequest,
    payload: Payload,
    id: Path<ModuleId>,
    gate: Data<Gate>,
    directory: Data<Directory>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    let caller = authenticate(&request, &gate).await?;
    caller.require(Permission::ModulesCommand)?;
    directory.see(&caller, &id).await?;
    let (patch, expected) = (read_patch(&request, payload).await?, expected(&request)?);
    let twin = directory.ask(&id, ChangeDesired { patch, expected }, TWIN_TIMEOUT).await?;
    note(&audit, caller.deed(Action::TwinUpdate, Topic::Module(id.0))).await;
    Ok(told(&twin))
}

/// Takes what a module says of its state, a merge patch (RFC 7396); answers the twin, and with it what is wanted.
#[utoipa::path(
    patch,
    path = "/api/v1/modules/{moduleId}/twin/reported",
    tag = "twin",
    params(("moduleId" = String, Path, description = "Which module")),
    request_body(
        content((Object = "application/merge-patch+json"), (Object = "application/json")),
        description = "What has changed; null removes. The whole state has at most 16 KiB and 8 levels",
    ),
    responses((status = 200, description = "The twin as it is now", body = Twin), WriteProblems),
    security(("bearer" = []))
)]
pub async fn report_state(
    request: HttpRequest,
    payload: Payload,
    directory: Data<Directory>,
) -> ApiResult<impl Responder> {
    let (id, token) = credential::module_of(&request)?;
    // Only the module itself learns what is wrong with its report.
    let token = directory.verify(&id, &token, ClientAddress::of(&request).ip()).await?;
    let patch = read_patch(&request, payload).await?;
    let report = Report { patch, token: Some(token) };
    let twin = directory.ask(&id, report, TWIN_TIMEOUT).await.map_err(as_stranger)?;
    Ok(told(&twin))
}

/// Nobody learns by a token which modules there are.
fn as_stranger(error: ModuleError) -> ModuleError {
    if matches!(error, ModuleError::NotFound(_)) { ModuleError::WrongToken } else { error }
}

fn told(twin: &Twin) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, format!("\"{}\"", twin.desired_version))).json(twin)
}

async fn read_patch(request: &HttpRequest, payload: Payload) -> ApiResult<MergePatch> {
    let kind = request.content_type();
    let is_patch =
        ["application/merge-patch+json", "application/json"].iter().any(|one| kind.eq_ignore_ascii_case(one));
    let body = read_body(request, &mut payload.into_inner()).await?;
    if !is_patch {
        let detail = "send the patch as `application/merge-patch+json` or `application/json`";
        return Err(ApiError::new("unsupported-media-type", 415, detail));
    }
    Ok(read_json(&body)?)
}

/// The version that `If-Match` names; none without one, or for `*`.
fn expected(request: &HttpRequest) -> ApiResult<Option<i64>> {
    let Some(given) = request.headers().get(header::IF_MATCH) else { return Ok(None) };
    let text = given.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    version.map(Some).ok_or_else(|| {
        let problem = Problem::new("invalid-header", 422, "`If-Match` is not as it must be");
        problem.with_error("", "send a version as `ETag` told it, such as `\"3\"`").into()
    })
}
