//! `/api/v1/stats`: the statistics of the house.

use std::time::Duration;

use actix::Addr;
use actix_web::http::Method;
use actix_web::web::{self, Data, ServiceConfig, to};

use super::super::problem::ApiResult;
use super::super::table::methods;
use crate::admin::{AdminRoom, ReadStats, Stats};
use crate::auth::Principal;
use crate::domain::grant::Permission;
use crate::domain::problem::Problem;

/// How long gathering may take.
const GATHER_TIMEOUT: Duration = Duration::from_secs(5);

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config.service(methods("/stats", [(Method::GET, to(read_stats))]));
}

/// Tells the statistics as they are now; the same object as in `rt_global_stats_updated`.
#[utoipa::path(
    get,
    path = "/api/v1/stats",
    tag = "stats",
    responses(
        (status = 200, description = "The statistics", body = Stats),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn read_stats(caller: Principal, room: Data<Addr<AdminRoom>>) -> ApiResult<web::Json<Stats>> {
    caller.require(Permission::StatsRead)?;
    let stats = room.send(ReadStats).timeout(GATHER_TIMEOUT).await?;
    Ok(web::Json(stats))
}
