//! `/api/v1/alarms`: what was raised, and what people say to it.

use std::time::Duration;

use actix::Addr;
use actix_web::http::Method;
use actix_web::web::{self, Data, ServiceConfig, to};
use serde::{Deserialize, Serialize};

use super::super::extract::{Path, Query};
use super::super::paging::{Listed, PageQuery};
use super::super::problem::ApiResult;
use super::super::table::methods;
use super::ReadProblems;
use super::audit::note;
use crate::admin::Audit;
use crate::auth::Principal;
use crate::domain::alarm::{Alarm, AlarmState, Severity};
use crate::domain::audit::Action;
use crate::domain::grant::Permission;
use crate::domain::ids::{AlarmId, ModuleId};
use crate::domain::topic::Topic;
use crate::module::{AcknowledgeAlarm, AlarmQuery, ClearAlarm, GetAlarm, ListAlarms, Warden};

/// How long the warden may take; longer than its own time-outs.
const WARDEN_TIMEOUT: Duration = Duration::from_secs(40);

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(methods("/alarms", [(Method::GET, to(list_alarms))]))
        .service(methods("/alarms/{alarmId}", [(Method::GET, to(tell_alarm))]))
        .service(methods("/alarms/{alarmId}/acknowledge", [(Method::POST, to(acknowledge_alarm))]))
        .service(methods("/alarms/{alarmId}/clear", [(Method::POST, to(clear_alarm))]));
}

/// Which alarms to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlarmsQuery {
    /// Counted from 1; D 1.
    #[param(minimum = 1)]
    page: Option<u32>,
    /// Alarms on a page, 1 to 100; D 20.
    #[param(minimum = 1, maximum = 100)]
    per_page: Option<u32>,
    /// Only those that have come so far.
    state: Option<AlarmState>,
    /// Only those that are so bad.
    severity: Option<Severity>,
    /// Only those of this module.
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    module_id: Option<ModuleId>,
}

/// One page of the alarms.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlarmList {
    /// The alarms of this page.
    items: Vec<Alarm>,
    /// Which page, from 1.
    page: u32,
    /// How many alarms a page holds.
    per_page: u32,
    /// How many alarms there are on all pages.
    total: u64,
    /// How many alarms of the caller nobody has seen to, whatever was asked for.
    active: u64,
}

/// Lists the alarms of modules of the caller: those that are not cleared first, then the newest.
#[utoipa::path(
    get,
    path = "/api/v1/alarms",
    tag = "alarms",
    params(AlarmsQuery),
    responses((status = 200, description = "One page of the alarms", body = AlarmList), ReadProblems)
)]
pub async fn list_alarms(
    caller: Principal,
    query: Query<AlarmsQuery>,
    warden: Data<Addr<Warden>>,
) -> ApiResult<web::Json<AlarmList>> {
    caller.require(Permission::ModulesRead)?;
    let Query(AlarmsQuery { page, per_page, state, severity, module_id }) = query;
    let page = PageQuery { page, per_page }.check()?;
    let query = AlarmQuery { state, severity, skip: page.offset(), limit: page.size };
    let asked = ListAlarms { by: caller, module: module_id, query };
    let found = warden.send(asked).timeout(WARDEN_TIMEOUT).await??;
    let Listed { items, page, per_page, total } = Listed::new(found.alarms, page, found.total);
    Ok(web::Json(AlarmList { items, page, per_page, total, active: found.active }))
}

/// Tells an alarm.
#[utoipa::path(
    get,
    path = "/api/v1/alarms/{alarmId}",
    tag = "alarms",
    params(("alarmId" = String, Path, description = "Which alarm")),
    responses((status = 200, description = "The alarm", body = Alarm), ReadProblems)
)]
pub async fn tell_alarm(
    caller: Principal,
    id: Path<AlarmId>,
    warden: Data<Addr<Warden>>,
) -> ApiResult<web::Json<Alarm>> {
    caller.require(Permission::ModulesRead)?;
    Ok(web::Json(warden.send(GetAlarm { by: caller, id: id.0 }).timeout(WARDEN_TIMEOUT).await??))
}

/// Says that somebody has seen to an alarm; doing so again changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/alarms/{alarmId}/acknowledge",
    tag = "alarms",
    params(("alarmId" = String, Path, description = "Which alarm")),
    responses((status = 200, description = "The alarm, acknowledged", body = Alarm), ReadProblems)
)]
pub async fn acknowledge_alarm(
    caller: Principal,
    id: Path<AlarmId>,
    warden: Data<Addr<Warden>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<web::Json<Alarm>> {
    caller.require(Permission::ModulesCommand)?;
    let asked = AcknowledgeAlarm { by: caller.clone(), id: id.0 };
    let (alarm, is_new) = warden.send(asked).timeout(WARDEN_TIMEOUT).await??;
    if is_new {
        note(&audit, caller.deed(Action::AlarmAcknowledge, Topic::Module(alarm.module_id.clone()))).await;
    }
    Ok(web::Json(alarm))
}

/// Says that an alarm is over; doing so again changes nothing. There is no other of its rule until what it told of is over
/// and comes again.
#[utoipa::path(
    post,
    path = "/api/v1/alarms/{alarmId}/clear",
    tag = "alarms",
    params(("alarmId" = String, Path, description = "Which alarm")),
    responses((status = 200, description = "The alarm, cleared", body = Alarm), ReadProblems)
)]
pub async fn clear_alarm(
    caller: Principal,
    id: Path<AlarmId>,
    warden: Data<Addr<Warden>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<web::Json<Alarm>> {
    caller.require(Permission::ModulesCommand)?;
    let asked = ClearAlarm { by: caller.clone(), id: id.0 };
    let (alarm, is_new) = warden.send(asked).timeout(WARDEN_TIMEOUT).await??;
    if is_new {
        note(&audit, caller.deed(Action::AlarmClear, Topic::Module(alarm.module_id.clone()))).await;
    }
    Ok(web::Json(alarm))
}
