//! Tokens that mean nothing by themselves: random outside, known here by their hash alone.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Makes a token of 256 random bits, 43 characters fit for headers, cookies and addresses.
#[must_use]
pub fn generate() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What is stored of a token: its SHA-256, which needs no salt as nobody can guess a random token.
#[must_use]
pub fn fingerprint(token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

/// Whether a token has this fingerprint; the time taken tells nothing.
#[must_use]
pub fn is_of(token: &str, fingerprint_of_it: &str) -> bool {
    fingerprint(token).as_bytes().ct_eq(fingerprint_of_it.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_known_by_their_fingerprint() {
        let (token, other) = (generate(), generate());
        assert_eq!(token.len(), 43);
        assert!(is_of(&token, &fingerprint(&token)));
        assert!(!is_of(&other, &fingerprint(&token)));
        assert_ne!(fingerprint(&token), token);
    }
}
