//! `/metrics`: the hub's figures for Prometheus.

use actix_web::http::{Method, header};
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpResponse, Responder};

use super::super::address::ClientAddress;
use super::super::problem::{ApiError, ApiResult};
use super::super::table::methods;
use crate::auth::Principal;
use crate::config::MetricsAccess;
use crate::domain::grant::Permission;
use crate::domain::problem::Problem;
use crate::observe::Metrics;

/// The route of this file, outside the API's prefix.
pub fn routes(config: &mut ServiceConfig) {
    config.service(methods("/metrics", [(Method::GET, to(tell_metrics))]));
}

/// Tells the figures in the OpenMetrics text format; who may ask is configured by `http.metrics`.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses(
        (status = 200, description = "The figures", body = String, content_type = "application/openmetrics-text"),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn tell_metrics(
    access: Data<MetricsAccess>,
    address: ClientAddress,
    caller: Result<Principal, ApiError>,
    metrics: Data<Metrics>,
) -> ApiResult<impl Responder> {
    let is_open = match **access {
        MetricsAccess::Public => true,
        MetricsAccess::Loopback => address.is_this_machine(),
        MetricsAccess::Admin => false,
    };
    if !is_open {
        caller?.require(Permission::StatsRead)?;
    }
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, Metrics::CONTENT_TYPE))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(metrics.encode()))
}
