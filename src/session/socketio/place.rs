//! How far a client has been told; pure.

use std::fmt;
use std::str::FromStr;

use crate::domain::cursor::{Cursor, CursorError};

/// How far a client has been told: everything up to the cursor, and at that cursor the snapshots of this many requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Up to where.
    pub cursor: Cursor,
    /// How many times all snapshots had been told.
    pub round: u64,
}

impl Place {
    /// Whether a client that has been told so far has been told what another place says.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.cursor.epoch == other.cursor.epoch
            && (self.cursor.offset, self.round) >= (other.cursor.offset, other.round)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.cursor, self.round)
    }
}

impl FromStr for Place {
    type Err = CursorError;

    /// Reads what `synced` told, or the bare cursor of an event.
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (cursor, round) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self { cursor: cursor.parse()?, round: round.parse().map_err(|_| CursorError)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cursor::Epoch;

    #[test]
    fn who_was_cut_off_before_the_last_snapshot_has_not_been_told_of_it() {
        let start = Cursor { epoch: Epoch::generate(), offset: 7 };
        let later = Cursor { offset: 8, ..start };
        let since = Place { cursor: start, round: 2 };
        let told = |text: &str| text.parse::<Place>().unwrap();
        assert!(told(&since.to_string()).covers(since));
        assert!(told(&later.to_string()).covers(since), "an event after the snapshots");
        assert!(!told(&start.to_string()).covers(since), "an event before them");
        assert!(!told(&format!("{start}.1")).covers(since), "the snapshots of an earlier request");
        let foreign = Cursor { epoch: Epoch::generate(), offset: 9 };
        assert!(!told(&foreign.to_string()).covers(since));
        assert!("".parse::<Place>().is_err() && format!("{start}.x").parse::<Place>().is_err());
    }
}
