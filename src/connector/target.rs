//! Where a webhook is told: an address that can be called, as far as it can be judged without calling it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
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
    #[error("leads to `{0}`, which is no public address; use one that is, or have `webhooks.allow_private` turned on")]
    NotPublic(IpAddr),
    /// It names this machine.
    #[error("leads to this machine; use a public address, or have `webhooks.allow_private` turned on")]
    ThisMachine,
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
    /// [`TargetError::NotPublic`], [`TargetError::ThisMachine`].
    pub fn check_public(&self) -> Result<(), TargetError> {
        let uri: Uri = self.0.parse().map_err(|_| TargetError::Malformed)?;
        let host = uri.host().unwrap_or_default();
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        match literal(host) {
            Some(address) if !is_public(address) => Err(TargetError::NotPublic(address.to_canonical())),
            None if name == "localhost" || name.ends_with(".localhost") => Err(TargetError::ThisMachine),
            _ => Ok(()),
        }
    }
}

/// The address that a host is, if it is not a name; one of IPv4 in any notation that systems read.
pub fn literal(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => old_notation(host.strip_suffix('.').unwrap_or(host)).map(IpAddr::V4),
    }
}

/// An address of one to four numbers, each decimal, octal (`0…`) or hexadecimal (`0x…`), the last of which fills all that
/// is left: `127.1`, `0x7f000001` and `2130706433` are `127.0.0.1`.
fn old_notation(host: &str) -> Option<Ipv4Addr> {
    let numbers: Vec<u32> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = numbers.split_last()?;
    let left = 32_u32.checked_sub(8 * u32::try_from(first.len()).ok()?).filter(|left| *left > 0)?;
    let fits = first.iter().all(|number| *number < 256) && u64::from(*last) < 1 << left;
    let leading = first.iter().fold(0, |sum, number| (sum << 8) | u64::from(*number));
    fits.then(|| Ipv4Addr::from_bits(u32::try_from((leading << left) | u64::from(*last)).unwrap_or_default()))
}

fn number(text: &str) -> Option<u32> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match (hex, text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    let is_unsigned = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_unsigned.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
}

/// Whether a host is a name, or an address that can be read: a name does not end with a number, and nothing else is in brackets.
fn is_host(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_hex = last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let is_number = is_hex || last.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = !last.is_empty() && !is_number && !host.starts_with('[');
    is_name || literal(host).is_some()
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
        let has_host = is_host(authority.host());
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
            "http://1.2.3.256/",
            "http://256.1/",
            "http://1.2.3.4.5/",
            "http://4294967296/",
            "http://127.0.0.08/",
            "http://example.0x/",
            "http://1.2.3.4../",
            "http://[127.0.0.1]/",
            "http://[fe80::1%25eth0]/",
            "http://%31%32%37.1/",
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
        for (local, read) in [
            ("http://127.0.0.1/", "127.0.0.1"),
            ("http://127.0.0.1./", "127.0.0.1"),
            ("http://[::1]:80/", "::1"),
            ("http://10.0.0.1", "10.0.0.1"),
            ("http://[::ffff:169.254.169.254]/", "169.254.169.254"),
            ("http://[::ffff:10.0.0.1]/", "10.0.0.1"),
            ("http://[::FFFF:a00:1]/", "10.0.0.1"),
            ("http://0.0.0.0/", "0.0.0.0"),
            ("http://0/", "0.0.0.0"),
            ("http://0x7f000001/", "127.0.0.1"),
            ("http://0X7F.1:8080/", "127.0.0.1"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://127.1/", "127.0.0.1"),
            ("http://0177.0.0.01/", "127.0.0.1"),
            ("http://10.257/", "10.0.1.1"),
            ("http://0300.0xa8.1/", "192.168.0.1"),
            ("http://4294967295", "255.255.255.255"),
        ] {
            let refused = local.parse::<Target>().unwrap().check_public();
            assert_eq!(refused, Err(TargetError::NotPublic(read.parse().unwrap())), "{local}");
        }
        for local in ["http://localhost/", "http://A.LOCALHOST./"] {
            assert_eq!(local.parse::<Target>().unwrap().check_public(), Err(TargetError::ThisMachine), "{local}");
        }
    }

    #[test]
    fn an_odd_notation_is_read_as_systems_read_it() {
        assert_eq!(literal("0x08080808"), Some("8.8.8.8".parse().unwrap()));
        assert_eq!(literal("010.8.8.8"), Some("8.8.8.8".parse().unwrap()));
        for name in ["example.org", "a1.b2", "0x7f.example", "dead.beef", "1.2.3.4x"] {
            assert_eq!((literal(name), is_host(name)), (None, true), "{name}");
        }
    }
}
