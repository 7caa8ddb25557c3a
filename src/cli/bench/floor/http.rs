//! What a request with readings costs where nothing is looked up and nobody told, and nothing is stored unless asked for.

use std::{net::SocketAddr, path::Path};

use actix_web::{
    App, HttpResponse, HttpServer,
    web::{self, Bytes, Data, post, resource},
};
use serde_json::json;

use super::log::Log;
use crate::{
    cli::{CliError, bench::report::Report},
    domain::{problem::Problem, telemetry::Reading},
};

const PATH: &str = "/api/v1/modules/{moduleId}/telemetry";

/// Serves until it is ended: one route, no middleware, as many workers as there are processors; with a folder, what is read
/// is committed there before it is answered.
///
/// # Errors
/// [`CliError`] when it cannot listen, or cannot store.
pub async fn serve(at: SocketAddr, data: Option<&Path>) -> Result<Report, CliError> {
    let log = data.map(Log::open).transpose()?;
    let app = move || match log.clone() {
        None => App::new().service(resource(PATH).route(post().to(parse))),
        Some(log) => App::new().app_data(Data::new(log)).service(resource(PATH).route(post().to(store))),
    };
    let server = HttpServer::new(app).bind(at).map_err(CliError::io(format!("cannot listen at `{at}`")))?;
    server.run().await.map_err(CliError::io("the floor broke off"))?;

    Ok(Report::new("floor"))
}

async fn parse(body: Bytes) -> HttpResponse {
    read(&body).map_or_else(|problem| HttpResponse::BadRequest().json(problem), accepted)
}

async fn store(log: Data<Log>, module: web::Path<String>, body: Bytes) -> HttpResponse {
    match read(&body) {
        Ok(count) if log.store(module.into_inner(), body).await => accepted(count),
        Ok(_) => HttpResponse::InternalServerError().finish(),
        Err(problem) => HttpResponse::BadRequest().json(problem),
    }
}

/// Reads one reading or an array of them into the types of the hub, by its reader; answers how many they are.
fn read(body: &[u8]) -> Result<usize, Problem> {
    match body.first() {
        Some(b'[') => Reading::read_list(body).map(|readings| readings.len()),
        _ => Reading::read(body).map(|_| 1),
    }
}

fn accepted(count: usize) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "accepted": count }))
}
