//! JSON in the plain form in which devices write it, read at a fraction of what any JSON takes.
//!
//! Plain are texts of printable ASCII characters without an escape, numbers of few digits without an exponent, and objects
//! of those. What is not plain is `None` here and left to the reader of any JSON, which also tells what is wrong with it:
//! whatever this one takes, that one takes for the same, test `what_is_plain_is_read_like_any_json`.

use std::sync::Arc;

use serde_json::Number;

use super::{KEY_MAX, KEYS_MAX, Key, TEXT_MAX, Telemetry, USUAL, Value};
use crate::domain::time::Timestamp;

/// The most digits of a plain number; one of 64 bits has room for all of them.
const DIGITS_MAX: usize = 18;
/// In a floating-point number there is room for each of so many digits.
const EXACT_MAX: usize = 15;
/// The powers of ten by which a number of so few digits is divided; each is exact, so that the quotient is rounded once.
const POWERS: [f64; EXACT_MAX] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

/// The lowest bit of each byte, and the highest.
const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// A text, and how much of it was read.
#[derive(Debug)]
pub struct Plain<'a> {
    text: &'a str,
    at: usize,
    /// Whether nothing could be left out of what was read: no blanks, and no key that comes again.
    is_tight: bool,
    /// In an array, the values that were read last: the next ones mostly have the same keys.
    last: Option<Last<'a>>,
}

/// Values, and their keys in the order in which they stood, each with its place among the values.
#[derive(Debug, Default)]
struct Last<'a> {
    keys: Vec<(&'a str, usize)>,
    values: Telemetry,
}

impl<'a> Plain<'a> {
    /// Nothing of the text is read yet.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text, at: 0, is_tight: true, last: None }
    }

    /// Whether nothing is left but blanks.
    #[must_use]
    pub fn is_at_end(&mut self) -> bool {
        self.upcoming().is_none()
    }

    /// The next byte that is no blank, which is not taken.
    pub fn upcoming(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
            self.is_tight = false;
        }
    }

    /// Takes this byte.
    pub fn take(&mut self, byte: u8) -> Option<()> {
        let is_next = self.upcoming()? == byte;
        self.at += usize::from(is_next);
        is_next.then_some(())
    }

    /// Takes an object: each value is read by `read`, which is told its key.
    pub fn object(&mut self, mut read: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let key = self.text()?;
            self.take(b':')?;
            read(self, key)?;
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    /// Takes an array, its elements by `read`.
    pub fn array(&mut self, mut read: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(b'[')?;
        self.last = Some(Last::default());
        if self.take(b']').is_some() {
            return Some(());
        }
        loop {
            read(self)?;
            if self.take(b',').is_none() {
                return self.take(b']');
            }
        }
    }

    /// Takes a text.
    pub fn text(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let rest = &self.text.as_bytes()[self.at..];
        let length = plain_length(rest);
        let text = self.text.get(self.at..self.at + length).filter(|_| rest.get(length) == Some(&b'"'))?;
        self.at += length + 1;
        Some(text)
    }

    /// Takes a point in time.
    pub fn time(&mut self) -> Option<Timestamp> {
        self.text()?.parse().ok()
    }

    /// Takes a number.
    pub fn number(&mut self) -> Option<Number> {
        let is_negative = self.take(b'-').is_some();
        let begin = self.at;
        let whole = self.digits(0)?;
        let length = self.at - begin;
        if length > 1 && self.text.as_bytes()[begin] == b'0' {
            return None;
        }
        let Some(b'.') = self.peek() else {
            return match i64::try_from(whole).ok()? {
                _ if self.has_exponent() => None,
                // A floating-point number.
                0 if is_negative => None,
                whole => Some(if is_negative { -whole } else { whole }.into()),
            };
        };
        self.at += 1;
        let point = self.at;
        let digits = self.digits(whole)?;
        let decimals = self.at - point;
        if length + decimals > DIGITS_MAX || self.has_exponent() {
            return None;
        }
        let number = match POWERS.get(decimals) {
            Some(power) if length + decimals <= EXACT_MAX => digits as f64 / power,
            _ => self.text[begin..self.at].parse().ok()?,
        };
        Number::from_f64(if is_negative { -number } else { number })
    }

    /// Takes digits, which go on those that were taken before.
    fn digits(&mut self, before: u64) -> Option<u64> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().take(DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=DIGITS_MAX).contains(&length) {
            return None;
        }
        self.at += length;
        // No more than twice as many digits as fit: what does not is let go by the caller.
        Some(
            rest[..length]
                .iter()
                .fold(before, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))),
        )
    }

    fn has_exponent(&self) -> bool {
        matches!(self.peek(), Some(b'e' | b'E'))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        let is_next = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += if is_next { word.len() } else { 0 };
        is_next.then_some(value)
    }

    fn value(&mut self) -> Option<Value> {
        match self.upcoming()? {
            b'"' => self.text().filter(|text| text.len() <= TEXT_MAX).map(|text| Value::Text(text.into())),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number().map(Value::Number),
        }
    }

    /// Takes values by key.
    pub fn values(&mut self) -> Option<Telemetry> {
        self.upcoming()?;
        let begin = self.at;
        self.values_like_last().or_else(|| {
            self.at = begin;
            self.values_by_any_key()
        })
    }

    /// The same, and their text if nothing can be left out of it.
    pub(super) fn values_and_text(&mut self) -> Option<(Telemetry, Option<Arc<str>>)> {
        self.upcoming()?;
        let begin = self.at;
        let values = self.values()?;
        let text = self.is_tight.then(|| self.text[begin..self.at].into());
        Some((values, text))
    }

    fn values_by_any_key(&mut self) -> Option<Telemetry> {
        self.is_tight = true;
        let mut values = Telemetry(Vec::with_capacity(USUAL));
        let mut keys = Vec::new();
        self.object(|plain, key| {
            let name = (1..=KEY_MAX).contains(&key.len()).then(|| Key(key.into()))?;
            let value = plain.value()?;
            plain.is_tight &= values.put(name, value);
            if plain.last.is_some() {
                keys.push(key);
            }
            (values.len() <= KEYS_MAX).then_some(())
        })?;
        if let Some(last) = &mut self.last {
            let is_each_once = keys.len() == values.len();
            let places = keys.into_iter().filter(|_| is_each_once);
            last.keys = places.filter_map(|key| Some((key, values.place_of(key).ok()?))).collect();
            last.values.clone_from(&values);
        }
        Some(values)
    }

    /// The same where their keys are those of the last ones, in the same order.
    fn values_like_last(&mut self) -> Option<Telemetry> {
        let last = self.last.take()?;
        self.is_tight = true;
        let mut values = last.values.clone();
        let mut keys = last.keys.iter();
        let read = self.object(|plain, key| {
            let (_, place) = keys.next().filter(|(known, _)| *known == key)?;
            values.0[*place].1 = plain.value()?;
            Some(())
        });
        let is_like_last = read.is_some() && keys.next().is_none() && last.keys.len() == values.len();
        self.last = Some(last);
        is_like_last.then_some(values)
    }
}

/// How many bytes of those at the beginning may stand in a plain text.
fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks();
    for (place, word) in words.iter().enumerate() {
        let odd = odd_ones(u64::from_le_bytes(*word));
        if odd != 0 {
            return place * 8 + odd.trailing_zeros() as usize / 8;
        }
    }
    let is_plain = |byte: &&u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    words.len() * 8 + rest.iter().take_while(is_plain).count()
}

/// The highest bit of each byte that is no plain one. Behind the first such byte others may be taken for one: what is
/// borrowed or carried there comes from it.
const fn odd_ones(word: u64) -> u64 {
    let below_space = word.wrapping_sub(LOW * b' ' as u64);
    let quotes = (word ^ (LOW * b'"' as u64)).wrapping_sub(LOW);
    let backslashes = (word ^ (LOW * b'\\' as u64)).wrapping_sub(LOW);
    let above_tilde = word.wrapping_add(LOW) | word;
    (((below_space | quotes | backslashes) & !word) | above_tilde) & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plain_text_ends_at_the_first_byte_that_is_not_plain(
            begin in "[ !#-\\[\\]-~]{0,20}",
            behind in prop::collection::vec(any::<u8>(), 0..20),
            odd in prop::option::of(prop_oneof![0_u8..32, Just(b'"'), Just(b'\\'), 127_u8..=255]),
        ) {
            let text: Vec<u8> = begin.bytes().chain(odd).chain(behind).collect();
            let found = plain_length(&text);
            prop_assert_eq!(found.min(begin.len()), begin.len());
            prop_assert!(odd.is_none() || found == begin.len());
        }
    }
}
