//! The name of a request, by which logs and callers speak of it.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderValue};
use uuid::Uuid;

/// The longest name believed.
const MAX_LENGTH: usize = 64;

/// The `X-Request-Id` of a request: the caller's if it is sane, else one of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The header.
    pub const HEADER: &'static str = "x-request-id";

    /// Reads the caller's, or makes one.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(Self::HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_sane(id));
        given.map_or_else(|| Self(Uuid::now_v7().simple().to_string()), |id| Self(id.to_owned()))
    }

    /// The value of the header.
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        // Invariant: only letters, digits and `._-` get here, which every header may hold.
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    }
}

/// Whether the text can stand in a log line as it is.
fn is_sane(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !id.is_empty() && id.len() <= MAX_LENGTH && id.bytes().all(is_plain)
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    fn of(given: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(RequestId::HEADER), HeaderValue::from_str(given).unwrap());
        RequestId::of(&headers).to_string()
    }

    #[test]
    fn a_sane_id_is_kept_and_another_replaced() {
        assert_eq!(of("trace-1.2_a"), "trace-1.2_a");
        for wrong in ["", "a b", "x\"y", &"a".repeat(65)] {
            assert_ne!(of(wrong), wrong);
            assert_eq!(of(wrong).len(), 32);
        }
    }
}
