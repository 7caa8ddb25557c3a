//! A place in the order of samples, as it goes outside and comes back.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The place of one sample; outside an opaque text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// When it was measured, in Unix milliseconds.
    pub ts: i64,
    /// Its key.
    pub key: String,
}

/// A text that is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a place in the history; give `next` of the page before")]
pub struct PositionError;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{} {}", self.ts, self.key)))
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| PositionError)?;
        let text = String::from_utf8(bytes).map_err(|_| PositionError)?;
        let (ts, key) = text.split_once(' ').ok_or(PositionError)?;
        Ok(Self { ts: ts.parse().map_err(|_| PositionError)?, key: key.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back() {
        let place = Position { ts: -5, key: "a key, with 'é".to_owned() };
        assert_eq!(place.to_string().parse(), Ok(place));
        for bad in ["", "x", "!!", "bm9uZQ"] {
            assert_eq!(bad.parse::<Position>(), Err(PositionError), "{bad}");
        }
    }
}
