//! The types a setting can have, and how each is read.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use toml::Value;

use super::{network::Network, secret::Secret};

/// A type of setting.
pub trait Setting: Sized {
    /// What a value must be, to complete "must be …".
    const EXPECTED: &'static str;
    /// Whether the value must never be shown.
    const SECRET: bool = false;

    /// Reads a value; none if it is of another kind or out of range.
    fn from_value(value: &Value) -> Option<Self>;
}

impl Setting for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Setting for u32 {
    const EXPECTED: &'static str = "a whole number, zero or more";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_integer().and_then(|number| number.try_into().ok())
    }
}

impl Setting for usize {
    const EXPECTED: &'static str = "a whole number, zero or more";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_integer().and_then(|number| number.try_into().ok())
    }
}

impl Setting for String {
    const EXPECTED: &'static str = "a text that is not empty";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
    }
}

impl Setting for PathBuf {
    const EXPECTED: &'static str = "a path such as `./data`";

    fn from_value(value: &Value) -> Option<Self> {
        String::from_value(value).map(Self::from)
    }
}

impl Setting for SocketAddr {
    const EXPECTED: &'static str = "an address and a port such as `127.0.0.1:8080`";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl Setting for Network {
    const EXPECTED: &'static str = "an address or a network such as `10.0.0.0/8`";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl Setting for Secret {
    const EXPECTED: &'static str = "a text that is not empty";
    const SECRET: bool = true;

    fn from_value(value: &Value) -> Option<Self> {
        String::from_value(value).map(Self::new)
    }
}

impl Setting for Duration {
    const EXPECTED: &'static str = "a duration such as `5ms`, `60s`, `15m`, `12h` or `30d`";

    fn from_value(value: &Value) -> Option<Self> {
        parse_duration(value.as_str()?)
    }
}

impl<T: Setting> Setting for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const SECRET: bool = T::SECRET;

    fn from_value(value: &Value) -> Option<Self> {
        T::from_value(value).map(Some)
    }
}

impl Setting for Vec<Network> {
    const EXPECTED: &'static str = "a list of addresses or networks such as `[\"10.0.0.0/8\", \"::1\"]`";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(Network::from_value).collect()
    }
}

impl Setting for Vec<String> {
    const EXPECTED: &'static str = "a list of texts such as `[\"https://example.org\"]`";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(String::from_value).collect()
    }
}

/// Reads a whole number followed by one unit: `ms`, `s`, `m`, `h` or `d`.
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let milliseconds = match text[digits..].trim() {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        assert_eq!(parse_duration("5ms"), Some(Duration::from_millis(5)));
        assert_eq!(parse_duration("15 m"), Some(Duration::from_secs(900)));
        assert_eq!(parse_duration("30d"), Some(Duration::from_secs(30 * 86_400)));
        for wrong in ["", "5", "ms", "-1s", "1.5s", "1w", "18446744073709551615d"] {
            assert_eq!(parse_duration(wrong), None, "`{wrong}`");
        }
    }
}
