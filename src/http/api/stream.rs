//! `GET /api/v1/events`: what a person listens to, as server-sent events.

use std::net::IpAddr;

use actix_web::body::BoxBody;
use actix_web::http::{Method, header};
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Deserialize;

use super::super::address::ClientAddress;
use super::super::credential::{Pages, credential_of};
use super::super::door_maker::WorkerDoors;
use super::super::doors::{Doors, Refused};
use super::super::extract::Query;
use super::super::open_sockets::SocketGuard;
use super::super::problem::{ApiError, ApiResult};
use super::super::sse::EventStream;
use super::ReadProblems;
use crate::auth::{Credential, Principal};
use crate::domain::topic::Topic;
use crate::observe::Door;
use crate::session::dialect::sse::{bye, read_listed};
use crate::session::{End, Hello, channel_of, read_pace, read_topics, too_many_topics};

/// The header by which a browser says what it saw last.
const LAST_EVENT_ID: &str = "last-event-id";

/// What to listen to, and from where.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listening {
    /// Topics, separated by commas: `modules`, `module:<moduleId>`, `user:<id>`, `admin`, `dashboard`, `custom:<name>`,
    /// and for admins `tap:<topic>`. Each may have its own `;maxRate=HZ`, and `;fresh` if it is to begin with a snapshot
    /// although the others go on from a cursor.
    #[param(example = "modules,custom:weather")]
    #[serde(default)]
    topics: String,
    /// The `id` of the last event seen; the header `Last-Event-ID` counts more.
    cursor: Option<String>,
    /// How often at most newer values of one state come, from 0.001 to 1000 a second.
    #[serde(rename = "maxRate")]
    max_rate: Option<f64>,
    /// A single-use ticket of `POST /api/v1/auth/ticket`, for pages of another origin; a `HEAD` does not spend it.
    #[serde(rename = "ticket")]
    _ticket: Option<String>,
}

/// Streams events as they happen (`text/event-stream`).
///
/// First `welcome`, then a `snapshot` of each topic or, after a cursor that is still known, every event since then, and
/// `synced` when all of that has come; then events by their own names, with the cursor as `id`. `gap` says that events are
/// missing and snapshots follow, `problem` that a topic may not be had, `bye` that the hub closes and when to come back.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    params(Listening, ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event seen")),
    responses((status = 200, description = "Events", body = String, content_type = "text/event-stream"), ReadProblems)
)]
pub async fn listen_to_events(
    request: HttpRequest,
    listening: Query<Listening>,
    doors: Data<WorkerDoors>,
) -> ApiResult<HttpResponse> {
    let doors = doors.get()?;
    let credential = credential_of(request.headers(), request.uri().query(), Pages::Any)?;
    let is_gzip = doors.options.deflate_from.is_some() && accepts_gzip(&request);
    let (cursor, listed) = (cursor_of(&request, &listening), read_listed(&listening.topics)?);
    let hello = Hello { cursor, pace: read_pace(listening.max_rate)?, ..listed };
    let topics = read_wanted(&hello.topics, doors.house.options.max_topics)?;
    if *request.method() == Method::HEAD {
        let caller = doors.authenticator.look_at(&credential).await?;
        // No session begins.
        return check_topics(&hello.topics, &topics, &caller).map(|()| stream(is_gzip).finish());
    }
    let address = ClientAddress::of(&request).ip();
    let place = match begin(&doors, &credential, address) {
        Ok(place) => place,
        Err(refused) => return Ok(turn_away(&doors, refused)),
    };
    // A ticket is spent when nothing else is wrong.
    check_topics(&hello.topics, &topics, &doors.authenticator.look_at(&credential).await?)?;
    let caller = doors.authenticator.authenticate(credential).await?.coming_from(address);
    Ok(stream(is_gzip).body(BoxBody::new(EventStream::open(&doors, place, caller, hello, is_gzip))))
}

fn begin(doors: &Doors, credential: &Credential, address: IpAddr) -> Result<SocketGuard, Refused> {
    let place = doors.take_place(Door::ServerSent)?;
    doors.begin_person(Some(credential), address)?;
    Ok(place)
}

fn stream(is_gzip: bool) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "accept-encoding"))
        // Also named when there is none: a middleware that compresses would hold events back.
        .insert_header((header::CONTENT_ENCODING, if is_gzip { "gzip" } else { "identity" }))
        .insert_header(("x-accel-buffering", "no"));
    answer
}

/// A browser gives a stream up for good that answers an error; one that only says goodbye it opens again when told.
fn turn_away(doors: &Doors, refused: Refused) -> HttpResponse {
    if let Refused::Later(after) = refused {
        let End { code, reason, retry_after } = End::come_back(after);
        doors.metrics.connection_ended(code);
        return stream(false).body(bye(code, reason, retry_after));
    }
    // The doors have counted it: a finished answer is not counted again.
    let (problem, after) = refused.into_problem();
    let error = ApiError::from(problem);
    after.map_or(error.clone(), |after| error.retry_after(after.as_secs() + 1)).error_response()
}

fn accepts_gzip(request: &HttpRequest) -> bool {
    let gzip = header::Encoding::gzip();
    let accepted = request.get_header::<header::AcceptEncoding>();
    let chosen = accepted.and_then(|accepted| accepted.negotiate([&gzip, &header::Encoding::identity()].into_iter()));
    chosen == Some(gzip)
}

fn cursor_of(request: &HttpRequest, listening: &Listening) -> Option<String> {
    let header = request.headers().get(LAST_EVENT_ID).filter(|id| !id.is_empty());
    // What is no text is no cursor either, and is told as a gap.
    let header = header.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    header.or_else(|| listening.cursor.clone())
}

/// Reads topics, of which there may be so many.
fn read_wanted(texts: &[String], most: usize) -> ApiResult<Vec<Topic>> {
    if texts.len() > most {
        return Err(too_many_topics(most).into());
    }
    Ok(read_topics(texts)?)
}

/// Judges topics before the stream begins, as far as that can be done without asking for their state.
fn check_topics(texts: &[String], topics: &[Topic], caller: &Principal) -> ApiResult<()> {
    for topic in topics {
        channel_of(topic, caller).map_err(|problem| {
            // Counted as the caller named them, also when one came before.
            let place = texts.iter().position(|text| text.parse::<Topic>().is_ok_and(|named| named == *topic));
            let (place, detail) = (place.unwrap_or_default(), problem.detail.clone());
            problem.with_error(format!("/topics/{place}"), detail)
        })?;
    }
    Ok(())
}
