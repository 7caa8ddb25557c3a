//! The name of a request, by which logs and callers speak of it.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The header it stands in.
pub static HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest name believed.
const MAX_LENGTH: usize = 64;

/// The `X-Request-Id` of a request: the caller's if it is sane, else one of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Reads the caller's, or makes one.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        headers.get(&HEADER).filter(|id| is_sane(id.as_bytes())).map_or_else(Self::generate, |id| Self(id.clone()))
    }

    fn generate() -> Self {
        let mut digits = Uuid::encode_buffer();
        let id = Uuid::now_v7().simple().encode_lower(&mut digits);
        // Every header may hold digits.
        Self(HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("unknown")))
    }

    /// The value of the header.
    #[must_use]
    pub fn into_header_value(self) -> HeaderValue {
        self.0
    }
}

/// Whether the text can stand in a log line as it is.
fn is_sane(id: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    !id.is_empty() && id.len() <= MAX_LENGTH && id.iter().all(is_plain)
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER.clone(), HeaderValue::from_str(given).unwrap());
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
