//! Points in time: Unix milliseconds inside, RFC 3339 UTC with milliseconds outside.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The whole milliseconds of a span.
#[must_use]
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Whether what was measured at `measured` and came at `came` takes the place of what was measured at `last`; of the same
/// time the last one does.
///
/// `came` is by the hub's clock. A `last` that lies ahead of it comes from a clock that runs ahead: what is measured by a
/// clock that was put right counts as newer.
#[must_use]
pub fn supersedes(last: Timestamp, measured: Timestamp, came: Timestamp) -> bool {
    measured >= last || (last > came && measured <= came)
}

/// A point in time with millisecond resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// A text that is no point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time; write RFC 3339 such as `2026-05-01T12:00:00.000Z`")]
pub struct TimestampError(String);

impl Timestamp {
    /// The current time of this machine.
    #[must_use]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    /// From Unix milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Unix milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This time and a span more.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This time and a span less.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The span from `earlier` to this time; zero if that lies later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => f.write_str("0000-00-00T00:00:00.000Z"),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let time = usual(text.as_bytes()).or_else(|| general(text));
        let time = time.ok_or_else(|| TimestampError(text.chars().take(64).collect()))?;
        Ok(Self(time.as_millisecond()))
    }
}

/// Reads a time in UTC with whole seconds or milliseconds, which most are; the reader of any time takes ten times as long.
fn usual(text: &[u8]) -> Option<jiff::Timestamp> {
    let (seconds, behind) = text.split_at_checked("2026-05-01T12:00:00".len())?;
    let millis = match behind {
        b"Z" => 0,
        [b'.', millis @ .., b'Z'] if millis.len() == 3 => number(millis)?,
        _ => return None,
    };
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', min1, min2, b':', s1, s2] = seconds else {
        return None;
    };
    let two = |digits: [u8; 2]| number(&digits).and_then(|number| i8::try_from(number).ok());
    let date = jiff::civil::Date::new(number(&[y1, y2, y3, y4])?, two([m1, m2])?, two([d1, d2])?).ok()?;
    let time =
        jiff::civil::Time::new(two([h1, h2])?, two([min1, min2])?, two([s1, s2])?, i32::from(millis) * 1_000_000);
    jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(time.ok()?)).ok()
}

/// Reads any time. Of the decimals of a second there may be as many as one likes; the reader takes no more than nine.
fn general(text: &str) -> Option<jiff::Timestamp> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.bytes().take_while(u8::is_ascii_digit).count();
    if digits <= 9 {
        return text.parse().ok();
    }
    format!("{whole}.{}{}", &decimals[..9], &decimals[digits..]).parse().ok()
}

/// A number of at most four digits.
fn number(digits: &[u8]) -> Option<i16> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0')))
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Time;

        impl Visitor<'_> for Time {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Time)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_written_with_three_decimals_in_utc() {
        assert_eq!(Timestamp::from_millis(1_700_000_000_000).to_string(), "2023-11-14T22:13:20.000Z");
        let parsed: Timestamp = "2023-11-14T23:13:20.5+01:00".parse().unwrap();
        assert_eq!(parsed.as_millis(), 1_700_000_000_500);
        let fine: Timestamp = "2023-11-14T22:13:20.123999999999Z".parse().unwrap();
        assert_eq!(fine.as_millis(), 1_700_000_000_123);
    }

    proptest! {
        #[test]
        fn the_usual_times_are_read_like_any(
            text in "(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|z|[+-]0[0-9]:00)?",
            millis in -62_135_596_800_000_i64..253_402_207_200_000,
        ) {
            let any = text.parse::<jiff::Timestamp>().ok().map(|time| time.as_millisecond());
            prop_assert_eq!(text.parse().ok().map(Timestamp::as_millis), any);
            let time = Timestamp::from_millis(millis);
            prop_assert!(usual(time.to_string().as_bytes()).is_some());
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }

    #[test]
    fn what_a_clock_that_was_put_right_measures_takes_the_place_of_what_it_measured_before() {
        let supersedes = |last, measured, came| {
            let [last, measured, came] = [last, measured, came].map(Timestamp::from_millis);
            supersedes(last, measured, came)
        };
        assert!(supersedes(10, 11, 20) && supersedes(10, 10, 20), "newer, and as new");
        assert!(!supersedes(10, 9, 20) && !supersedes(20, 9, 20), "late");
        assert!(supersedes(30, 20, 20) && supersedes(30, 9, 20), "the last was measured ahead of its time");
        assert!(supersedes(30, 31, 20) && !supersedes(30, 21, 20), "while the clock runs ahead its own order counts");
    }

    #[test]
    fn nonsense_is_no_time() {
        for bad in
            ["", "yesterday", "2023-13-01T00:00:00Z", "2023-11-14", "2023-11-14T00:00:00.0123456789", "0.0123456789Z"]
        {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }
}
