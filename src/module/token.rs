//! Tokens of modules: shown once, kept only as a hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Makes a token: `cm_` and 32 random bytes in base64url.
#[must_use]
pub fn generate() -> String {
    format!("cm_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_fit_into_a_header() {
        let token = generate();
        assert_eq!(token.len(), 46);
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')));
        assert_ne!(token, generate());
    }
}
