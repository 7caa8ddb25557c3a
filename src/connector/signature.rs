//! How what is sent shows that it comes from this hub, and when it was sent.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::config::Secret;
use crate::domain::time::Timestamp;

/// Makes a secret of 256 random bits.
#[must_use]
pub fn new_secret() -> Secret {
    Secret::new(format!("whsec_{}", BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())))
}

/// `t=<unix seconds>,v1=<hex of the HMAC-SHA256 of "<t>.<body>">`; the key is the whole text of the secret.
#[must_use]
pub fn signature(secret: &Secret, body: &str, now: Timestamp) -> String {
    let seconds = now.as_millis().div_euclid(1000);
    let key = Key::new(HMAC_SHA256, secret.expose().as_bytes());
    let tag = sign(&key, format!("{seconds}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_others_compute() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
        let made = signature(&Secret::new("whsec_test"), r#"{"a":1}"#, Timestamp::from_millis(1_700_000_000_999));
        assert_eq!(made, "t=1700000000,v1=38877139021993b830af32feea6e18a8da83eb2f6e49ee50bd9e4cf4ca4d3789");
    }

    #[test]
    fn secrets_differ_and_are_not_shown() {
        let (one, other) = (new_secret(), new_secret());
        assert_ne!(one, other);
        assert_eq!((one.expose().len(), format!("{one:?}").as_str()), (49, "Secret(…)"));
    }
}
