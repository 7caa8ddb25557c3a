//! What a request shows of who sends it: one reader for all doors.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::origin;
use crate::auth::Credential;
use crate::domain::ids::ModuleId;
use crate::domain::problem::Problem;
use crate::module::ModuleError;

/// The name of the session cookie.
pub const COOKIE: &str = "carillon_session";

/// Whose pages may use the session cookie; programs without a browser send what they like.
#[derive(Debug, Clone, Copy)]
pub enum Pages<'a> {
    /// Any: the request changes nothing, and only pages of allowed origins may read its answer.
    Any,
    /// The hub's own, and those of these origins.
    Own(&'a [String]),
}

/// Finds what a request brings to log in with: a token, a ticket in `query`, or the cookie of a page that may use it.
///
/// # Errors
/// 401 for nothing, 403 for the cookie of a page of a foreign origin.
pub fn credential_of(headers: &HeaderMap, query: Option<&str>, pages: Pages<'_>) -> Result<Credential, Problem> {
    if let Some(token) = bearer(headers) {
        return Ok(Credential::Bearer(token.to_owned()));
    }
    if let Some(ticket) = query.and_then(ticket) {
        return Ok(Credential::Ticket(ticket.to_owned()));
    }
    let Some(cookie) = cookie(headers) else {
        return Err(Problem::new("not-authenticated", 401, "log in first"));
    };
    match pages {
        Pages::Own(allowed) if !origin::is_own_page(headers, allowed) => {
            let detail = "a page of another origin may not use the session cookie; ask for a ticket";
            Err(Problem::new("foreign-origin", 403, detail))
        }
        Pages::Own(_) | Pages::Any => Ok(Credential::Cookie(cookie.to_owned())),
    }
}

/// The module in the path of a request (`moduleId`), and the token that the request shows for it.
///
/// # Errors
/// [`ModuleError::WrongToken`] without either: nobody learns by asking which modules there are.
pub fn module_of(request: &HttpRequest) -> Result<(ModuleId, String), ModuleError> {
    let token = bearer(request.headers()).ok_or(ModuleError::WrongToken)?.to_owned();
    let id = request.match_info().get("moduleId").and_then(|id| id.parse().ok());
    Ok((id.ok_or(ModuleError::WrongToken)?, token))
}

/// The token of an `Authorization: Bearer` header.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    scheme(headers, "bearer")
}

/// Name and password of an `Authorization: Basic` header.
#[must_use]
pub fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let bytes = STANDARD.decode(scheme(headers, "basic")?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
}

/// The value of the session cookie.
#[must_use]
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

/// The value of `ticket=` in a query; tickets need no escapes.
fn ticket(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("ticket=")).filter(|ticket| !ticket.is_empty())
}

fn scheme<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    // Whatever is text will do: what is no token is none that anybody knows.
    let (scheme, rest) = str::from_utf8(headers.get(header::AUTHORIZATION)?.as_bytes()).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then_some(rest.trim())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn credentials_are_found_in_their_headers() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; carillon_session=xyz; c=d"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
        assert_eq!((cookie(&headers), bearer(&headers)), (Some("xyz"), Some("abc")));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic TUMtMTpzOnQ="));
        assert_eq!(basic(&headers), Some(("MC-1".into(), "s:t".into())));
        assert_eq!(bearer(&headers), None);
    }

    #[test]
    fn a_token_comes_before_a_ticket_and_a_ticket_before_a_cookie() {
        let read = |headers: &HeaderMap, query, pages| match credential_of(headers, query, pages) {
            Ok(Credential::Bearer(token)) => Ok(("bearer", token)),
            Ok(Credential::Ticket(ticket)) => Ok(("ticket", ticket)),
            Ok(Credential::Cookie(cookie)) => Ok(("cookie", cookie)),
            Err(problem) => Err(problem.status),
        };
        let (own, mut headers) = (Pages::Own(&[]), HeaderMap::new());
        assert_eq!(read(&headers, Some("topics=a&ticket="), Pages::Any), Err(401));
        headers.insert(header::COOKIE, HeaderValue::from_static("carillon_session=xyz"));
        assert_eq!(read(&headers, None, own), Err(403));
        assert_eq!(read(&headers, None, Pages::Any), Ok(("cookie", "xyz".into())));
        assert_eq!(read(&headers, Some("topics=a&ticket=t1"), own), Ok(("ticket", "t1".into())));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
        assert_eq!(read(&headers, Some("ticket=t1"), own), Ok(("bearer", "abc".into())));
    }
}
