//! One translation of every error to what the caller is told over HTTP.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};

use crate::auth::AuthError;
use crate::domain::problem::Problem;
use crate::module::ModuleError;

/// What handlers answer.
pub type ApiResult<T> = Result<T, ApiError>;

/// A problem on its way out, with what belongs into headers.
#[derive(Debug, Clone)]
pub struct ApiError {
    problem: Box<Problem>,
    retry_after: Option<u64>,
}

impl ApiError {
    /// A problem of a kind.
    #[must_use]
    pub fn new(kind: &str, status: u16, detail: impl Into<String>) -> Self {
        Problem::new(kind, status, detail).into()
    }

    /// The caller may try again after this many seconds.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The hub cannot do it now; whoever calls this has logged why.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new("unavailable", 503, "the hub cannot do this now; try again in a moment").retry_after(5)
    }

    /// The kind of the problem, e.g. `module-exists`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.problem.kind()
    }

    /// What will be told.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        *self.problem
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        let retry_after = matches!(problem.status, 429 | 503).then_some(5);
        Self { problem: Box::new(problem), retry_after }
    }
}

impl From<actix::MailboxError> for ApiError {
    fn from(error: actix::MailboxError) -> Self {
        tracing::error!(%error, "an actor did not answer");
        Self::unavailable()
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let told = Self::from(error.problem());
        error.retry_after().map_or(told.clone(), |wait| told.retry_after(wait.as_secs() + 1))
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.detail)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut answer = HttpResponse::build(self.status_code());
        answer.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.retry_after {
            answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if self.problem.status == 401 {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        // A problem is plain strings; writing it cannot fail.
        answer.body(serde_json::to_string(&self.problem).unwrap_or_default())
    }
}
impl From<ModuleError> for ApiError {
    fn from(error: ModuleError) -> Self {
        let told = Self::from(error.problem());
        error.retry_after().map_or(told.clone(), |wait| told.retry_after(wait.as_secs() + 1))
    }
}
