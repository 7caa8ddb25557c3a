//! The requests of Engine.IO: a GET takes what waits, a POST brings packets.

use std::rc::Rc;
use std::time::Duration;

use actix::MailboxError;
use actix_web::http::header;
use actix_web::web::{self, Bytes, Data, ServiceConfig, resource};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use tokio::sync::oneshot;

use super::super::doors::Refused;
use super::super::extract::{BodyOptions, gather_within};
use super::super::problem::{ApiError, ApiResult};
use super::query::{self, About, By};
use super::{ANSWER_TIMEOUT, EngineDoor};
use crate::session::engine::{Break, Caller, EngineError, Poll, Post};

/// How long a client may take to fetch the answers to one payload.
const TAKING_TIMEOUT: Duration = Duration::from_secs(300);

/// Where a worker's application finds the door of its thread.
pub struct EngineSource(Rc<dyn Fn() -> ApiResult<EngineDoor>>);

impl EngineSource {
    /// A source that asks each time.
    #[must_use]
    pub fn new(find: impl Fn() -> ApiResult<EngineDoor> + 'static) -> Self {
        Self(Rc::new(find))
    }
}

/// The routes of this file, at a path with or without its last slash.
pub fn routes(path: &str) -> impl FnOnce(&mut ServiceConfig) {
    let paths = [path.to_owned(), path.trim_end_matches('/').to_owned()];
    move |config| {
        config.service(
            resource(paths).route(web::get().to(poll)).route(web::post().to(post)).default_service(web::to(refuse)),
        );
    }
}

/// Why a request is not answered as it wishes.
enum Refusal {
    Engine(EngineError),
    Api(ApiError),
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let (problem, after) = refused.into_problem();
        let error = ApiError::from(problem);
        Self::Api(match after {
            Some(after) => error.retry_after(after.as_secs() + 1),
            None => error,
        })
    }
}

async fn poll(request: HttpRequest, source: Data<EngineSource>) -> HttpResponse {
    answer(try_poll(&request, &source).await)
}

async fn try_poll(request: &HttpRequest, source: &EngineSource) -> Result<String, Refusal> {
    let door = (source.0)()?;
    match about(request)? {
        About::Handshake => Ok(door.open_polling(caller(&door, request))?),
        About::Session(sid) => {
            let engine = door.engines.find(sid).ok_or(EngineError::Sid)?;
            let (answer, answered) = oneshot::channel();
            engine.send(Poll { answer }).timeout(ANSWER_TIMEOUT).await.map_err(|_| EngineError::Sid)?;
            // There is a ping at least, or the end.
            let most = door.options.ping_interval + door.options.ping_timeout + ANSWER_TIMEOUT;
            let answered = tokio::time::timeout(most, answered).await.map_err(|_| EngineError::Sid)?;
            // A session that ended meanwhile is none.
            Ok(answered.map_err(|_| EngineError::Sid)??)
        }
    }
}

async fn post(request: HttpRequest, payload: web::Payload, source: Data<EngineSource>) -> HttpResponse {
    answer(try_post(&request, payload, &source).await.map(|()| "ok".to_owned()))
}

async fn try_post(request: &HttpRequest, payload: web::Payload, source: &EngineSource) -> Result<(), Refusal> {
    let door = (source.0)()?;
    let About::Session(sid) = about(request)? else { return Err(EngineError::Method.into()) };
    let engine = door.engines.find(sid).ok_or(EngineError::Sid)?;
    let options = BodyOptions { limit: door.options.max_payload, timeout: door.body_timeout };
    let body: ApiResult<Bytes> = gather_within(options, request, payload.into_inner()).await;
    let body = match body {
        Ok(body) => body,
        Err(error) => {
            // Without this payload the session is not what its client believes.
            engine.do_send(Break);
            return Err(error.into());
        }
    };
    match engine.send(Post { body, caller: caller(&door, request) }).timeout(TAKING_TIMEOUT).await {
        Ok(taken) => Ok(taken?),
        Err(error) => {
            if error == MailboxError::Timeout {
                engine.do_send(Break);
            }
            // A session that ends by this payload may be gone before it has answered.
            Err(EngineError::Request.into())
        }
    }
}

async fn refuse(request: HttpRequest) -> HttpResponse {
    answer(Err(about(&request).err().unwrap_or(EngineError::Request).into()))
}

fn about(request: &HttpRequest) -> Result<About<'_>, EngineError> {
    query::read(request.uri().query(), request.method(), By::Polling)
}

fn caller(door: &EngineDoor, request: &HttpRequest) -> Caller {
    door.host.caller(request.peer_addr(), request.headers(), request.uri().query())
}

fn answer(result: Result<String, Refusal>) -> HttpResponse {
    match result {
        Ok(text) => plain(HttpResponse::Ok()).content_type("text/plain; charset=UTF-8").body(text),
        Err(Refusal::Engine(error)) => {
            plain(HttpResponse::BadRequest()).content_type("application/json").body(error.to_json())
        }
        Err(Refusal::Api(error)) => error.error_response(),
    }
}

fn plain(mut answer: HttpResponseBuilder) -> HttpResponseBuilder {
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    answer
}
