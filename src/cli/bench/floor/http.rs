//! What a request with readings costs where nothing is looked up, nothing stored and nobody told.

use std::net::SocketAddr;

use actix_web::{
    App, HttpResponse, HttpServer,
    web::{Bytes, post, resource},
};
use serde_json::json;

use crate::{
    cli::{CliError, bench::report::Report},
    domain::telemetry::Reading,
};

/// Serves until it is ended: one route, no middleware, as many workers as there are processors.
///
/// # Errors
/// [`CliError::Io`] when it cannot listen.
pub async fn serve(at: SocketAddr) -> Result<Report, CliError> {
    let app = || App::new().service(resource("/api/v1/modules/{moduleId}/telemetry").route(post().to(parse)));
    let server = HttpServer::new(app).bind(at).map_err(CliError::io(format!("cannot listen at `{at}`")))?;
    server.run().await.map_err(CliError::io("the floor broke off"))?;

    Ok(Report::new("floor"))
}

/// Reads one reading or an array of them into the types of the hub, by its reader.
async fn parse(body: Bytes) -> HttpResponse {
    let read = match body.first() {
        Some(b'[') => Reading::read_list(&body),
        _ => Reading::read(&body).map(|reading| vec![reading]),
    };

    match read {
        Ok(readings) => HttpResponse::Ok().json(json!({ "accepted": readings.len() })),
        Err(problem) => HttpResponse::BadRequest().json(problem),
    }
}
