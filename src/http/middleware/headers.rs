//! Headers that keep browsers from being misused.

use actix_web::http::header;
use actix_web::middleware::DefaultHeaders;

/// What pages may load: only what the hub itself serves.
const PAGE_POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                           form-action 'self'; frame-ancestors 'none'";

/// What the page of the API's description may load: its drawing library sets styles in place.
pub const DOCS_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
                               object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Two years, as browsers ask for.
const STRICT_TRANSPORT: &str = "max-age=63072000";

/// Sets the headers that an answer has not set itself.
#[must_use]
pub fn security_headers(is_secure: bool) -> DefaultHeaders {
    let headers = DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::X_FRAME_OPTIONS, "DENY"))
        .add((header::REFERRER_POLICY, "same-origin"))
        .add(("cross-origin-opener-policy", "same-origin"))
        .add(("permissions-policy", "camera=(), geolocation=(), microphone=()"));
    if is_secure { headers.add((header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT)) } else { headers }
}
