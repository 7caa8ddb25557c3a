//! Headers that keep browsers from being misused.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// What pages may load: only what the hub itself serves.
const PAGE_POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                           form-action 'self'; frame-ancestors 'none'";

/// What the page of the API's description may load: its drawing library sets styles in place.
pub const DOCS_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
                               object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Two years, as browsers ask for.
const STRICT_TRANSPORT: &str = "max-age=63072000";

/// What every answer says to browsers, unless it says otherwise itself.
#[derive(Debug)]
pub struct SecurityHeaders(Vec<(HeaderName, HeaderValue)>);

impl SecurityHeaders {
    /// Those of a hub that speaks TLS, or of one that does not.
    #[must_use]
    pub fn new(is_secure: bool) -> Self {
        let always = [
            (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::REFERRER_POLICY, "same-origin"),
            (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
            (header::PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=()"),
        ];
        let secure = is_secure.then_some((header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT));
        let headers = always.into_iter().chain(secure);
        Self(headers.map(|(name, value)| (name, HeaderValue::from_static(value))).collect())
    }

    /// Sets the headers that an answer has not set itself.
    pub fn complete(&self, answer: &mut HeaderMap) {
        for (name, value) in &self.0 {
            if !answer.contains_key(name) {
                answer.insert(name.clone(), value.clone());
            }
        }
    }
}
