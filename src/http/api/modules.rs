//! `/api/v1/modules`: the modules a person may see.

use std::time::Duration;

use actix::Addr;
use actix_web::http::{Method, header};
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
use crate::domain::ids::ModuleId;
use crate::domain::problem::Problem;
use crate::domain::topic::Topic;
use crate::module::{
    CreateModule, Created, DeleteModule, GetModule, ListModules, ListTypes, ModuleChange, ModuleFilter, ModuleSort,
    ModuleView, NewModule, Registry, RotateCredential, Rotated, Status, TypeView, UpdateModule,
};

/// How long the registry may take; longer than its own time-outs.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(30);

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(methods("/modules", [(Method::GET, to(list_modules)), (Method::POST, to(create_module))]))
        .service(methods(
            "/modules/{moduleId}",
            [(Method::GET, to(tell_module)), (Method::PATCH, to(change_module)), (Method::DELETE, to(delete_module))],
        ))
        .service(methods("/module-types", [(Method::GET, to(list_types))]))
        .service(methods("/modules/{moduleId}/credentials", [(Method::POST, to(rotate_credential))]));
}

/// Which modules to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ModuleQuery {
    /// Counted from 1; D 1.
    #[param(minimum = 1)]
    page: Option<u32>,
    /// Modules on a page, 1 to 100; D 20.
    #[param(minimum = 1, maximum = 100)]
    per_page: Option<u32>,
    /// Only these.
    status: Option<Status>,
    /// Only this type, case ignored.
    r#type: Option<String>,
    /// Part of the id or the name, case ignored.
    search: Option<String>,
    /// `moduleId`, `name`, `type`, `status`, `lastSeen`, `createdAt` or `updatedAt`, after a `-` for descending;
    /// D `moduleId`.
    #[param(pattern = "^-?(moduleId|name|type|status|lastSeen|createdAt|updatedAt)$")]
    sort: Option<String>,
}

/// Lists modules.
#[utoipa::path(
    get,
    path = "/api/v1/modules",
    tag = "modules",
    params(ModuleQuery),
    responses((status = 200, description = "One page of the modules", body = Listed<ModuleView>), ReadProblems)
)]
pub async fn list_modules(
    caller: Principal,
    query: Query<ModuleQuery>,
    registry: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesRead)?;
    let Query(query) = query;
    let page = PageQuery { page: query.page, per_page: query.per_page }.check()?;
    let sort = query.sort.as_deref().map(sort_of).transpose()?.unwrap_or_default();
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let filter = ModuleFilter { status: query.status, kind: given(query.r#type), search: given(query.search) };
    let asked = ListModules { by: caller, filter, sort, skip: page.offset(), limit: page.size as usize };
    let found = registry.send(asked).timeout(REGISTRY_TIMEOUT).await?;
    let items = found.entries.iter().map(|entry| ModuleView::from(&**entry)).collect();
    Ok(web::Json(Listed::new(items, page, found.total)))
}

fn sort_of(text: &str) -> ApiResult<ModuleSort> {
    text.parse().map_err(|error: crate::module::SortError| {
        let problem = Problem::new("invalid-query", 422, "the query of the address is not as it must be");
        ApiError::from(problem.with_error("/sort", error.to_string()))
    })
}

/// Which types to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TypeQuery {
    /// Counted from 1; D 1.
    #[param(minimum = 1)]
    page: Option<u32>,
    /// Types on a page, 1 to 100; D 20.
    #[param(minimum = 1, maximum = 100)]
    per_page: Option<u32>,
    /// Part of the type, case ignored.
    search: Option<String>,
}

/// Lists the types of modules, and how many modules are of each.
#[utoipa::path(
    get,
    path = "/api/v1/module-types",
    tag = "modules",
    params(TypeQuery),
    responses((status = 200, description = "One page of the types", body = Listed<TypeView>), ReadProblems)
)]
pub async fn list_types(
    caller: Principal,
    query: Query<TypeQuery>,
    registry: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesRead)?;
    let Query(TypeQuery { page, per_page, search }) = query;
    let page = PageQuery { page, per_page }.check()?;
    let asked = ListTypes { by: caller, search, skip: page.offset(), limit: page.size as usize };
    let found = registry.send(asked).timeout(REGISTRY_TIMEOUT).await?;
    Ok(web::Json(Listed::new(found.types, page, found.total)))
}

/// Registers a module; answers its token, shown this once.
#[utoipa::path(
    post,
    path = "/api/v1/modules",
    tag = "modules",
    request_body = NewModule,
    responses(
        (status = 201, description = "Registered", body = Created, headers(("location" = String, description = "Where it is"))),
        WriteProblems
    )
)]
pub async fn create_module(
    caller: Principal,
    body: Json<NewModule>,
    registry: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesWrite)?;
    let asked = CreateModule { by: caller, module: body.into_inner() };
    let created = registry.send(asked).timeout(REGISTRY_TIMEOUT).await??;
    let location = format!("/api/v1/modules/{}", created.module.module_id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(created))
}

/// Tells a module.
#[utoipa::path(
    get,
    path = "/api/v1/modules/{moduleId}",
    tag = "modules",
    params(("moduleId" = String, Path, description = "Which module")),
    responses((status = 200, description = "The module", body = ModuleView), ReadProblems)
)]
pub async fn tell_module(
    caller: Principal,
    id: Path<ModuleId>,
    registry: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesRead)?;
    let module = registry.send(GetModule { by: caller, id: id.0 }).timeout(REGISTRY_TIMEOUT).await??;
    Ok(web::Json(module))
}

/// Changes name, type or owner of a module.
#[utoipa::path(
    patch,
    path = "/api/v1/modules/{moduleId}",
    tag = "modules",
    params(("moduleId" = String, Path, description = "Which module")),
    request_body = ModuleChange,
    responses((status = 200, description = "The module as it is now", body = ModuleView), WriteProblems)
)]
pub async fn change_module(
    caller: Principal,
    id: Path<ModuleId>,
    body: Json<ModuleChange>,
    registry: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesWrite)?;
    let asked = UpdateModule { by: caller, id: id.0, change: body.into_inner() };
    Ok(web::Json(registry.send(asked).timeout(REGISTRY_TIMEOUT).await??))
}

/// Removes a module; its connection closes.
#[utoipa::path(
    delete,
    path = "/api/v1/modules/{moduleId}",
    tag = "modules",
    params(("moduleId" = String, Path, description = "Which module")),
    responses((status = 204, description = "Removed"), ReadProblems)
)]
pub async fn delete_module(
    caller: Principal,
    id: Path<ModuleId>,
    registry: Data<Addr<Registry>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesWrite)?;
    let deed = caller.deed(Action::ModuleDelete, Topic::Module(id.0.clone()));
    registry.send(DeleteModule { by: caller, id: id.0 }).timeout(REGISTRY_TIMEOUT).await??;
    note(&audit, deed).await;
    Ok(HttpResponse::NoContent())
}

/// Gives a module a new token, shown this once; the old one stops working and its connection closes.
#[utoipa::path(
    post,
    path = "/api/v1/modules/{moduleId}/credentials",
    tag = "modules",
    params(("moduleId" = String, Path, description = "Which module")),
    responses((status = 200, description = "The new token", body = Rotated), ReadProblems)
)]
pub async fn rotate_credential(
    caller: Principal,
    id: Path<ModuleId>,
    registry: Data<Addr<Registry>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesWrite)?;
    let rotated = registry.send(RotateCredential { by: caller, id: id.0 }).timeout(REGISTRY_TIMEOUT).await??;
    Ok(web::Json(rotated))
}
