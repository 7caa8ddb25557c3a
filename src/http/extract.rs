//! What handlers take apart from a request, with a clear problem for whatever does not fit.

use std::ops::Deref;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::{LocalBoxFuture, Ready, ready};
use serde::de::DeserializeOwned;

use super::problem::{ApiError, ApiResult};
use crate::domain::problem::{Problem, read_json};

/// The bounds of every body.
#[derive(Debug, Clone, Copy)]
pub struct BodyOptions {
    /// The longest body, in bytes.
    pub limit: usize,
    /// How long a body may take to arrive.
    pub timeout: Duration,
}

/// A JSON body; unknown fields, wrong types and syntax errors are told with their place.
#[derive(Debug)]
pub struct Json<T>(T);

impl<T> Json<T> {
    /// The value itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, ApiResult<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = request.content_type().eq_ignore_ascii_case("application/json");
        let body = read_body(request, payload);
        Box::pin(async move {
            let body = body.await?;
            if !is_json {
                let detail = "send the body as `application/json`";
                return Err(ApiError::new("unsupported-media-type", 415, detail));
            }
            Ok(Self(read_json(&body)?))
        })
    }
}

/// Reads a whole body within [`BodyOptions`].
///
/// # Errors
/// 413 for a longer one, 408 for one that takes too long, 400 for one that breaks off.
pub fn read_body(request: &HttpRequest, payload: &mut Payload) -> impl Future<Output = ApiResult<Bytes>> + 'static {
    let options = request.app_data::<Data<BodyOptions>>().map(|options| ***options);
    let options = options.ok_or_else(ApiError::unavailable);
    let (request, payload) = (request.clone(), payload.take());
    async move { gather_within(options?, &request, payload).await }
}

/// Reads a whole body within bounds of its own.
///
/// # Errors
/// As [`read_body`].
pub fn gather_within(
    BodyOptions { limit, timeout }: BodyOptions,
    request: &HttpRequest,
    payload: Payload,
) -> impl Future<Output = ApiResult<Bytes>> + use<> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    async move {
        if announced.is_some_and(|length: usize| length > limit) {
            return Err(too_large(limit));
        }
        let body = BytesMut::with_capacity(announced.unwrap_or(0));
        let gathered = tokio::time::timeout(timeout, gather(payload, body, limit)).await;
        gathered.unwrap_or_else(|_| Err(ApiError::new("body-too-slow", 408, "the body takes too long; send it faster")))
    }
}

async fn gather(mut payload: Payload, mut body: BytesMut, limit: usize) -> ApiResult<Bytes> {
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ApiError::new("broken-body", 400, "the body breaks off"))?;
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new("body-too-large", 413, format!("the body is longer than {limit} bytes; send less at once"))
}

/// The query of an address.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = actix_web::web::Query::<T>::from_query(request.query_string());
        ready(parsed.map(|query| Self(query.into_inner())).map_err(|error| {
            let problem = Problem::new("invalid-query", 422, "the query of the address is not as it must be");
            problem.with_error("", error.to_string().trim_start_matches("Query deserialize error: ")).into()
        }))
    }
}

/// The part of the path that names a thing; one that no thing can have is a thing that is not there.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Path<T> {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let parsed = actix_web::web::Path::<T>::from_request(request, payload).into_inner();
        ready(parsed.map(|path| Self(path.into_inner())).map_err(|_| not_found()))
    }
}

/// The problem of a thing that is not there, or that the caller may not see.
#[must_use]
pub fn not_found() -> ApiError {
    ApiError::new("not-found", 404, "there is nothing here, or you may not see it")
}

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Deref for Path<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
