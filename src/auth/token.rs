//! Access tokens: short-lived JWTs that name a login.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::AuthError;
use super::key::SigningKey;
use super::verified::Verified;
use crate::config::Auth as AuthConfig;
use crate::domain::ids::{LoginId, UserId};
use crate::domain::time::Timestamp;

/// What an access token says (RFC 7519, 4.1); `sid` names the login.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: LoginId,
    iat: i64,
    exp: i64,
}

/// What a good access token leads to; whether the login still lives is not known from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// Whose.
    pub user_id: UserId,
    /// Which login.
    pub login_id: LoginId,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// Makes and reads access tokens.
///
/// Invariant: only HS256 under the hub's own key, issuer, audience and key id is ever accepted.
pub struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    key_id: String,
    issuer: String,
    audience: String,
    lifetime: Duration,
    validation: Validation,
    verified: Verified,
}

impl AccessTokens {
    /// Signs with a key; takes `issuer`, `audience` and `access_lifetime`.
    #[must_use]
    pub fn new(key: &SigningKey, config: &AuthConfig) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        // When a token ends is looked at each time, its signature but once.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(key.as_bytes()),
            decoding: DecodingKey::from_secret(key.as_bytes()),
            key_id: key.id(),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            lifetime: config.access_lifetime,
            validation,
            verified: Verified::default(),
        }
    }

    /// How long a token is valid.
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Makes a token for a login.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when it cannot be signed.
    pub fn issue(&self, user_id: &UserId, login_id: &LoginId, now: Timestamp) -> Result<String, AuthError> {
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::HS256) };
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: user_id.clone(),
            sid: login_id.clone(),
            iat: now.as_millis() / 1000,
            exp: now.plus(self.lifetime).as_millis() / 1000,
        };
        encode(&header, &claims, &self.encoding)
            .map_err(|error| AuthError::Unavailable(format!("a token cannot be signed: {error}")))
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`AuthError::Unknown`] for everything but a valid token of this hub.
    pub fn read(&self, token: &str) -> Result<TokenFacts, AuthError> {
        self.read_at(token, Timestamp::now())
    }

    fn read_at(&self, token: &str, now: Timestamp) -> Result<TokenFacts, AuthError> {
        let known = self.verified.find(token);
        let is_known = known.is_some();
        let facts = known.map_or_else(|| self.verify(token), Ok)?;
        if facts.expires_at <= now {
            return Err(AuthError::Unknown);
        }
        if !is_known {
            self.verified.add(token, facts.clone());
        }
        Ok(facts)
    }

    /// Reads a token that is this hub's, ended or not.
    fn verify(&self, token: &str) -> Result<TokenFacts, AuthError> {
        let read = decode::<Claims>(token, &self.decoding, &self.validation).map_err(|_| AuthError::Unknown)?;
        if read.header.kid.as_deref() != Some(&self.key_id) {
            return Err(AuthError::Unknown);
        }
        let Claims { sub, sid, exp, .. } = read.claims;
        let expires_at = Timestamp::from_millis(exp.saturating_mul(1000));
        Ok(TokenFacts { user_id: sub, login_id: sid, expires_at })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

    use super::*;

    fn tokens(key: &str, config: &AuthConfig) -> AccessTokens {
        AccessTokens::new(&SigningKey::from_text(key).unwrap(), config)
    }

    fn issued_by(tokens: &AccessTokens) -> String {
        tokens.issue(&UserId::generate(), &LoginId::generate(), Timestamp::now()).unwrap()
    }

    const KEY: &str = "a key for tests of thirty-two or more bytes";

    #[test]
    fn a_token_is_read_as_it_was_made() {
        let tokens = tokens(KEY, &AuthConfig::default());
        let (user_id, login_id, now) = (UserId::generate(), LoginId::generate(), Timestamp::now());
        let facts = tokens.read(&tokens.issue(&user_id, &login_id, now).unwrap()).unwrap();
        assert_eq!((facts.user_id, facts.login_id), (user_id, login_id));
        assert_eq!(facts.expires_at.as_millis() / 1000, now.plus(tokens.lifetime()).as_millis() / 1000);
    }

    #[test]
    fn a_token_that_was_verified_is_refused_once_it_has_ended() {
        let tokens = tokens(KEY, &AuthConfig::default());
        let token = issued_by(&tokens);
        let end = tokens.read(&token).unwrap().expires_at;

        assert!(tokens.read_at(&token, Timestamp::from_millis(end.as_millis() - 1)).is_ok());
        assert!(matches!(tokens.read_at(&token, end), Err(AuthError::Unknown)));
        assert!(matches!(
            tokens.read_at(&issued_by(&tokens), end.plus(Duration::from_secs(60))),
            Err(AuthError::Unknown)
        ));
    }

    #[test]
    fn a_token_that_begins_like_a_verified_one_is_verified_itself() {
        let tokens = tokens(KEY, &AuthConfig::default());
        let good = issued_by(&tokens);
        assert!(tokens.read(&good).is_ok());
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let other = issued_by(&tokens);
        let (_, foreign) = other.rsplit_once('.').unwrap();

        for forged in [
            format!("{signed}."),
            format!("{signed}.{foreign}"),
            format!("{good}x"),
            format!("{signed}.{}", signature.replace(|_: char| true, "A")),
        ] {
            assert!(matches!(tokens.read(&forged), Err(AuthError::Unknown)), "{forged}");
        }
        assert!(tokens.read(&good).is_ok());
    }

    #[test]
    fn only_tokens_of_this_hub_are_good() {
        let config = AuthConfig::default();
        let ours = tokens(KEY, &config);
        let good = issued_by(&ours);
        let other_key = tokens("another key for tests of thirty-two bytes", &config);
        let other_issuer = tokens(KEY, &AuthConfig { issuer: "x".into(), ..config.clone() });
        let other_audience = tokens(KEY, &AuthConfig { audience: "x".into(), ..config });
        let old = ours.issue(&UserId::generate(), &LoginId::generate(), Timestamp::from_millis(0)).unwrap();

        assert!(ours.read(&good).is_ok());
        for bad in [issued_by(&other_key), issued_by(&other_issuer), issued_by(&other_audience), old, String::new()] {
            assert!(matches!(ours.read(&bad), Err(AuthError::Unknown)), "{bad}");
        }
    }

    #[test]
    fn no_other_algorithm_is_accepted() {
        let ours = tokens(KEY, &AuthConfig::default());
        let good = issued_by(&ours);
        let (_, rest) = good.split_once('.').unwrap();
        let (claims, _) = rest.split_once('.').unwrap();
        let with_header = |header: &str, signature: &str| format!("{}.{claims}.{signature}", BASE64.encode(header));
        let none = with_header(&format!(r#"{{"alg":"none","kid":"{}"}}"#, ours.key_id), "");
        let read: Claims = serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap();
        let header = Header { kid: Some(ours.key_id.clone()), ..Header::new(Algorithm::HS512) };
        let stronger = encode(&header, &read, &ours.encoding).unwrap();
        let without_key_id = encode(&Header::new(Algorithm::HS256), &read, &ours.encoding).unwrap();

        for bad in [none, stronger, without_key_id] {
            assert!(matches!(ours.read(&bad), Err(AuthError::Unknown)), "{bad}");
        }
    }
}
