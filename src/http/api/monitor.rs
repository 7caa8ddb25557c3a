//! `/api/v1/monitor`: how the hub fares right now, for admins.

use std::time::Duration;

use actix::Addr;
use actix_web::http::Method;
use actix_web::web::{self, Data, ServiceConfig, to};

use super::super::problem::ApiResult;
use super::super::table::methods;
use crate::admin::{Monitor, Monitored, ReadMonitor};
use crate::auth::Principal;
use crate::domain::grant::Permission;
use crate::domain::problem::Problem;

/// How long gathering may take; longer than the monitor's own time-outs.
const GATHER_TIMEOUT: Duration = Duration::from_secs(8);

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config.service(methods("/monitor", [(Method::GET, to(read_monitor))]));
}

/// Tells how the hub fares: connections, reconnections, refusals, the slowest clients and the busiest topics.
///
/// Rates are taken since somebody asked last; ask every few seconds.
#[utoipa::path(
    get,
    path = "/api/v1/monitor",
    tag = "admin",
    responses(
        (status = 200, description = "How the hub fares", body = Monitored),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn read_monitor(caller: Principal, monitor: Data<Addr<Monitor>>) -> ApiResult<web::Json<Monitored>> {
    caller.require(Permission::StatsRead)?;
    Ok(web::Json(monitor.send(ReadMonitor).timeout(GATHER_TIMEOUT).await?))
}
