//! Who calls: the one extractor that every handler behind a login names.

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

use super::address::ClientAddress;
use super::credential::{Pages, credential_of};
use super::problem::{ApiError, ApiResult};
use crate::auth::{Authenticator, Principal};
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
    // A write by cookie must come from a page of this hub; nothing but a stream or a socket takes a ticket.
    let pages = if request.method().is_safe() { Pages::Any } else { Pages::Own(&gate.allowed_origins) };
    let credential = credential_of(request.headers(), None, pages)?;
    let person = gate.authenticator.authenticate(credential).await?;
    Ok(person.coming_from(ClientAddress::of(request).ip()))
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
