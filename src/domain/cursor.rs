//! "I have seen everything up to here": an epoch and an offset, opaque outside.

use std::fmt;
use std::str::FromStr;

/// Place of an event in the one order of an epoch; the first event has 1.
pub type Offset = u64;

/// How long an epoch is as text.
const EPOCH_DIGITS: usize = 16;

/// Names one unbroken order of events; another order never has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// Makes a new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Epoch {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let is_hex = text.len() == EPOCH_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let epoch = u64::from_str_radix(text, 16).ok().filter(|_| is_hex);
        epoch.map(Self).ok_or(CursorError)
    }
}

/// Everything of `epoch` up to and with `offset` has been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The order it speaks of.
    pub epoch: Epoch,
    /// The last event seen.
    pub offset: Offset,
}

/// A text that is no cursor of any hub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cursor cannot be read; leave it out to get a snapshot")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digit by digit, as every event has one: what writes numbers in any form takes three times as long.
        let digits = ((u64::BITS - self.offset.leading_zeros()).div_ceil(4) as usize).max(1);
        let mut text = [0; EPOCH_DIGITS + 16];
        write_hex(&mut text[..EPOCH_DIGITS], self.epoch.0);
        write_hex(&mut text[EPOCH_DIGITS..EPOCH_DIGITS + digits], self.offset);
        f.write_str(str::from_utf8(&text[..EPOCH_DIGITS + digits]).unwrap_or_default())
    }
}

fn write_hex(text: &mut [u8], mut number: u64) {
    for digit in text.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number % 16) as usize];
        number /= 16;
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let Some((epoch, offset)) = text.split_at_checked(EPOCH_DIGITS).filter(|_| is_hex) else {
            return Err(CursorError);
        };
        let offset = u64::from_str_radix(offset, 16).map_err(|_| CursorError)?;
        Ok(Self { epoch: epoch.parse()?, offset })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cursors_read_as_they_are_written(epoch: u64, offset: u64) {
            let cursor = Cursor { epoch: Epoch(epoch), offset };
            prop_assert_eq!(cursor.to_string(), format!("{epoch:016x}{offset:x}"));
            prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
            prop_assert_eq!(cursor.epoch.to_string().parse::<Epoch>(), Ok(cursor.epoch));
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".*") {
            let _ = (text.parse::<Cursor>(), text.parse::<Epoch>());
        }
    }
}
