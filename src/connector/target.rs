//! Where a webhook is told: an address that can be called, as far as it can be judged without calling it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use awc::http::Uri;
use serde::{Deserialize, Deserializer};

use super::address::is_public;

/// The longest address, in characters.
pub const TARGET_MAX: usize = 2048;

/// An address beginning with `http://` or `https://`, without a name and a password, and without a fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(String);

/// Why a text is not the address of a webhook; does not repeat it, as it may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is none at all.
    #[error("must be an address such as `https://example.org/alarms`, at most {TARGET_MAX} characters of ASCII")]
    Malformed,
    /// It names somebody.
    #[error("must not hold a name and a password; the signature says who sends")]
    Credentials,
    /// It can be seen that it does not lead to the internet.
    #[error("must lead to a public address, unless `webhooks.allow_private` is on")]
    NotPublic,
}

impl Target {
    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Refuses what is not public by its spelling alone. Where a name leads is judged at each call, as it may change.
    ///
    /// # Errors
    /// [`TargetError::NotPublic`].
    pub fn check_public(&self) -> Result<(), TargetError> {
        let uri: Uri = self.0.parse().map_err(|_| TargetError::Malformed)?;
        let host = uri.host().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        let is_local_name = host == "localhost" || host.ends_with(".localhost");
        let is_local = literal(&host).map_or(is_local_name, |address| !is_public(address));
        if is_local { Err(TargetError::NotPublic) } else { Ok(()) }
    }
}

/// The address that a host is, if it is not a name.
pub fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let is_written_well =
            text.len() <= TARGET_MAX && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let uri: Uri = text.parse().map_err(|_| TargetError::Malformed)?;
        let authority = uri.authority().ok_or(TargetError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::Credentials);
        }
        let has_host = !authority.host().is_empty();
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        // Of what stands behind a colon only a number is read; anything else would be left out in silence.
        let rest = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        let is_port = rest.is_empty() || authority.port_u16().is_some_and(|port| port > 0);
        if is_written_well && has_host && is_http && is_port {
            Ok(Self(text.to_owned()))
        } else {
            Err(TargetError::Malformed)
        }
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Such addresses often end with a secret.
        f.write_str("Target(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_web_are_targets() {
        for good in
            ["https://example.org", "http://example.org:8080/a/b?c=d", "http://[2606:4700::1]/", "http://1.1.1.1"]
        {
            let target: Target = good.parse().unwrap();
            assert_eq!((target.as_str(), target.check_public()), (good, Ok(())));
        }
        let long = format!("https://example.org/{}", "x".repeat(TARGET_MAX));
        for bad in [
            "",
            "/a",
            "example.org",
            "ftp://example.org",
            "file:///etc/passwd",
            "http://",
            "http://a:0/",
            "http://a:/",
            "http://a:99999/",
            "http://a b/",
            "http://é/",
            "http://a/#b",
            "gopher://a",
            "javascript:1",
            &long,
        ] {
            assert_eq!(bad.parse::<Target>(), Err(TargetError::Malformed), "{bad}");
        }
        assert_eq!("http://me:secret@example.org/".parse::<Target>(), Err(TargetError::Credentials));
    }

    #[test]
    fn what_is_local_by_its_spelling_is_seen_at_once() {
        for local in [
            "http://127.0.0.1/",
            "http://[::1]:80/",
            "http://localhost/",
            "http://A.LOCALHOST./",
            "http://10.0.0.1",
            "http://[::ffff:169.254.169.254]/",
            "http://0.0.0.0/",
        ] {
            assert_eq!(local.parse::<Target>().unwrap().check_public(), Err(TargetError::NotPublic), "{local}");
        }
    }
}
