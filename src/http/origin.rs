//! Whether a browser's request comes from a page of this hub.

use actix_web::http::header::{self, HeaderMap};

/// Whether a page of this hub, or of an origin that the operator allows, sends the request: the browser says so itself, or
/// by its `Origin`. Neither can be set by a page.
#[must_use]
pub fn is_own_page(headers: &HeaderMap, allowed: &[String]) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    site == Some("same-origin") || is_own(headers, allowed)
}

/// Whether the request's `Origin` is this hub's own address or one that the operator allows.
///
/// Schemes are not compared: behind a proxy that ends TLS the hub itself speaks plain HTTP.
#[must_use]
pub fn is_own(headers: &HeaderMap, allowed: &[String]) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return false };
    if allowed.iter().any(|own| own.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    authority.zip(text(header::HOST)).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn only_own_and_allowed_origins_pass() {
        let headers = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("hub.example:8080"));
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            headers
        };
        let allowed = ["https://panel.example".to_owned()];
        assert!(is_own(&headers("http://hub.example:8080"), &allowed));
        assert!(is_own(&headers("https://panel.example"), &allowed));
        for foreign in ["http://evil.example", "null", "http://hub.example", "http://hub.example:8080.evil.example"] {
            assert!(!is_own(&headers(foreign), &allowed), "{foreign}");
        }
        assert!(!is_own(&HeaderMap::new(), &allowed));
    }
}
