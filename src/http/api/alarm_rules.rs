//! `/api/v1/alarm-rules`: when there is an alarm.

use std::time::Duration;

use actix::Addr;
use actix_web::http::{Method, header};
use actix_web::web::{self, Data, ServiceConfig, to};
use actix_web::{HttpResponse, Responder};
use serde::Deserialize;

use super::super::extract::{Json, Path, Query};
use super::super::paging::{Listed, PageQuery};
use super::super::problem::ApiResult;
use super::super::table::methods;
use super::audit::note;
use super::{ReadProblems, WriteProblems};
use crate::admin::Audit;
use crate::auth::Principal;
use crate::domain::audit::Action;
use crate::domain::grant::Permission;
use crate::domain::ids::{ModuleId, RuleId};
use crate::module::{ChangeRule, CreateRule, DeleteRule, GetRule, ListRules, NewRule, RuleChange, RuleView, Warden};

/// How long the warden may take; longer than its own time-outs.
const WARDEN_TIMEOUT: Duration = Duration::from_secs(40);

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    let one = [(Method::GET, to(tell_rule)), (Method::PATCH, to(change_rule)), (Method::DELETE, to(delete_rule))];
    config
        .service(methods("/alarm-rules", [(Method::GET, to(list_rules)), (Method::POST, to(create_rule))]))
        .service(methods("/alarm-rules/{ruleId}", one));
}

/// Which rules to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RuleQuery {
    /// Counted from 1; D 1.
    #[param(minimum = 1)]
    page: Option<u32>,
    /// Rules on a page, 1 to 100; D 20.
    #[param(minimum = 1, maximum = 100)]
    per_page: Option<u32>,
    /// Only those that are about this module, by its id or its type.
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    module_id: Option<ModuleId>,
}

/// Lists the rules that are about modules of the caller, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/alarm-rules",
    tag = "alarms",
    params(RuleQuery),
    responses((status = 200, description = "One page of the rules", body = Listed<RuleView>), ReadProblems)
)]
pub async fn list_rules(
    caller: Principal,
    query: Query<RuleQuery>,
    warden: Data<Addr<Warden>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesRead)?;
    let Query(RuleQuery { page, per_page, module_id }) = query;
    let page = PageQuery { page, per_page }.check()?;
    let asked = ListRules { by: caller, module: module_id, skip: page.offset(), limit: page.size as usize };
    let (rules, total) = warden.send(asked).timeout(WARDEN_TIMEOUT).await??;
    Ok(web::Json(Listed::new(rules, page, total)))
}

/// Makes a rule: for one's own module, or, as an admin, for any or for all of a type. It judges the newest values at once.
#[utoipa::path(
    post,
    path = "/api/v1/alarm-rules",
    tag = "alarms",
    request_body = NewRule,
    responses(
        (status = 201, description = "Made", body = RuleView, headers(("location" = String, description = "Where it is"))),
        WriteProblems
    )
)]
pub async fn create_rule(
    caller: Principal,
    body: Json<NewRule>,
    warden: Data<Addr<Warden>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesWrite)?;
    let asked = CreateRule { by: caller.clone(), rule: body.into_inner() };
    let rule = warden.send(asked).timeout(WARDEN_TIMEOUT).await??;
    note(&audit, caller.deed(Action::AlarmRuleCreate, subject_of(&rule))).await;
    let location = format!("/api/v1/alarm-rules/{}", rule.rule_id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(rule))
}

/// Tells a rule.
#[utoipa::path(
    get,
    path = "/api/v1/alarm-rules/{ruleId}",
    tag = "alarms",
    params(("ruleId" = String, Path, description = "Which rule")),
    responses((status = 200, description = "The rule", body = RuleView), ReadProblems)
)]
pub async fn tell_rule(
    caller: Principal,
    id: Path<RuleId>,
    warden: Data<Addr<Warden>>,
) -> ApiResult<web::Json<RuleView>> {
    caller.require(Permission::ModulesRead)?;
    Ok(web::Json(warden.send(GetRule { by: caller, id: id.0 }).timeout(WARDEN_TIMEOUT).await??))
}

/// Changes a rule. Its alarms stay as long as the condition still holds; without it counting, they are cleared.
#[utoipa::path(
    patch,
    path = "/api/v1/alarm-rules/{ruleId}",
    tag = "alarms",
    params(("ruleId" = String, Path, description = "Which rule")),
    request_body = RuleChange,
    responses((status = 200, description = "The rule as it is now", body = RuleView), WriteProblems)
)]
pub async fn change_rule(
    caller: Principal,
    id: Path<RuleId>,
    body: Json<RuleChange>,
    warden: Data<Addr<Warden>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<web::Json<RuleView>> {
    caller.require(Permission::ModulesWrite)?;
    let asked = ChangeRule { by: caller.clone(), id: id.0, change: body.into_inner() };
    let rule = warden.send(asked).timeout(WARDEN_TIMEOUT).await??;
    note(&audit, caller.deed(Action::AlarmRuleUpdate, subject_of(&rule))).await;
    Ok(web::Json(rule))
}

/// Removes a rule; its alarms are cleared.
#[utoipa::path(
    delete,
    path = "/api/v1/alarm-rules/{ruleId}",
    tag = "alarms",
    params(("ruleId" = String, Path, description = "Which rule")),
    responses((status = 204, description = "Removed"), ReadProblems)
)]
pub async fn delete_rule(
    caller: Principal,
    id: Path<RuleId>,
    warden: Data<Addr<Warden>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::ModulesWrite)?;
    let rule = warden.send(DeleteRule { by: caller.clone(), id: id.0 }).timeout(WARDEN_TIMEOUT).await??;
    note(&audit, caller.deed(Action::AlarmRuleDelete, subject_of(&rule))).await;
    Ok(HttpResponse::NoContent())
}

/// `module:<moduleId>` or `type:<type>`.
fn subject_of(rule: &RuleView) -> String {
    match (&rule.module_id, &rule.r#type) {
        (Some(id), _) => format!("module:{id}"),
        (None, kind) => format!("type:{}", kind.as_ref().map_or("", |kind| kind.as_str())),
    }
}
