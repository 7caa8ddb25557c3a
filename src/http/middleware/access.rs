//! The span, the headers, the log line and the figures of every request.

use std::rc::Rc;
use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use tracing::{Instrument, debug, info, info_span, warn};

use super::super::problem::ApiError;
use super::headers::SecurityHeaders;
use super::request_id::{self, RequestId};
use crate::observe::Metrics;

/// The route of a request that fits none.
const NO_ROUTE: &str = "none";

/// Names the request, lets it be answered, completes the answer's headers, then logs and counts it.
///
/// Successes are logged at `debug` (one line for each of a thousand readings a second helps nobody), refusals at
/// `info`, failures at `warn`, all under the target of this file.
///
/// # Errors
/// Those of the service itself.
pub async fn measure<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    security: Rc<SecurityHeaders>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    // What is logged within the span carries the id.
    let span = info_span!("request", request.id = %id, http.method = %request.method());
    let metrics = request.app_data::<Data<Metrics>>().cloned();

    let mut answer = next.call(request).instrument(span.clone()).await?;

    security.complete(answer.headers_mut());
    answer.headers_mut().insert(request_id::HEADER.clone(), id.into_header_value());
    let _entered = span.enter();
    note(&answer, metrics.as_deref().map(AsRef::as_ref), started);
    Ok(answer)
}

fn note<B>(answer: &ServiceResponse<B>, metrics: Option<&Metrics>, started: Instant) {
    let route = answer.request().match_pattern();
    let route = route.as_deref().unwrap_or(NO_ROUTE);
    let status = answer.status().as_u16();
    let took = started.elapsed();
    if let Some(metrics) = metrics {
        metrics.http_request(route, status, took);
        if let Some(error) = answer.response().error().and_then(|error| error.as_error::<ApiError>()) {
            metrics.refused(error.kind().to_owned());
        }
    }
    let duration_ms = took.as_secs_f64() * 1000.0;
    match status {
        ..400 => debug!(http.route = route, http.status = status, duration_ms, "answered"),
        400..500 => info!(http.route = route, http.status = status, duration_ms, "refused"),
        _ => warn!(http.route = route, http.status = status, duration_ms, "failed"),
    }
}
