//! Who calls: the one extractor that every handler behind a login names.

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

use super::address::ClientAddress;
use super::problem::{ApiError, ApiResult};
use super::{credential, origin};
use crate::auth::{Authenticator, Credential, Principal};
use crate::domain::grant::Permission;

/// What the extractor needs to judge a request.
pub struct Gate {
    /// Who judges credentials.
    pub authenticator: Authenticator,
    /// Origins besides the hub's own whose pages may use a cookie.
    pub allowed_origins: Vec<String>,
}

impl FromRequest for Principal {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, ApiResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let gate = request.app_data::<Data<Gate>>().ok_or_else(ApiError::unavailable)?;
            authenticate(&request, gate).await
        })
    }
}

/// Finds out who sends a request.
///
/// # Errors
/// 401 for nobody known, 403 for a write by a page of a foreign origin.
pub async fn authenticate(request: &HttpRequest, gate: &Gate) -> ApiResult<Principal> {
    let credential = credential_of(request, &gate.allowed_origins)?;
    let person = gate.authenticator.authenticate(credential).await?;
    Ok(person.coming_from(ClientAddress::of(request).ip()))
}

/// Finds the credential; a cookie counts for a write only on a page of this hub.
///
/// # Errors
/// 401 when there is none, 403 for a write by a page of a foreign origin.
pub fn credential_of(request: &HttpRequest, allowed: &[String]) -> ApiResult<Credential> {
    let headers = request.headers();
    if let Some(token) = credential::bearer(headers) {
        return Ok(Credential::Bearer(token.to_owned()));
    }
    let Some(cookie) = credential::cookie(headers) else {
        return Err(ApiError::new("not-authenticated", 401, "log in first"));
    };
    if !request.method().is_safe() && !is_same_origin(headers, allowed) {
        let detail = "a page of another origin may not change things by the session cookie";
        return Err(ApiError::new("foreign-origin", 403, detail));
    }
    Ok(Credential::Cookie(cookie.to_owned()))
}

fn is_same_origin(headers: &HeaderMap, allowed: &[String]) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    site == Some("same-origin") || origin::is_own(headers, allowed)
}

impl Principal {
    /// Refuses what no role of the caller grants.
    ///
    /// # Errors
    /// 403 that names the permission.
    pub fn require(&self, permission: Permission) -> ApiResult<()> {
        if self.may(permission) {
            return Ok(());
        }
        Err(ApiError::new("forbidden", 403, format!("this needs the permission `{}`", permission.name())))
    }
}
