//! `/health/live` and `/health/ready`: whether the process runs, and whether it can work.

use actix_web::http::{Method, header};
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpResponse, Responder};
use serde::Serialize;

use super::super::table::methods;
use crate::observe::{Health, HealthReport};

/// The routes of this file, outside the API's prefix.
pub fn routes(config: &mut ServiceConfig) {
    config.service(methods("/health/live", [(Method::GET, to(tell_live))]));
    config.service(methods("/health/ready", [(Method::GET, to(tell_ready))]));
}

/// That the process answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Live {
    /// Always `live`.
    status: &'static str,
    /// The version of the hub.
    version: &'static str,
}

/// Tells that the process answers.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "operation",
    security(()),
    responses((status = 200, description = "The process answers", body = Live))
)]
pub async fn tell_live() -> impl Responder {
    let live = Live { status: "live", version: env!("CARGO_PKG_VERSION") };
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(live)
}

/// Tells whether the hub can work: its database, its broker and its relays.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "operation",
    security(()),
    responses(
        (status = 200, description = "Ready for work", body = HealthReport),
        (status = 503, description = "Something fails, or the hub stops", body = HealthReport),
    )
)]
pub async fn tell_ready(health: Data<Health>) -> impl Responder {
    let report = health.report().await;
    let mut answer = if report.is_ready() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.insert_header((header::CACHE_CONTROL, "no-store")).json(report)
}
