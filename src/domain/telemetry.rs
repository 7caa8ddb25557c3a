//! Telemetry: what a module says of itself.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::Number;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::event::json;

mod newest;
mod plain;
mod reading;

pub use newest::Newest;
pub use plain::Plain;
pub use reading::{READINGS_MAX, Reading, check_count};

/// How many keys there is room for at once.
const USUAL: usize = 4;
/// How many keys a telemetry object may have.
pub const KEYS_MAX: usize = 64;
/// The longest key, in characters.
pub const KEY_MAX: usize = 64;
/// The longest text value, in bytes.
pub const TEXT_MAX: usize = 1024;

/// One value a module reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing known; a value like any other, it replaces what was there.
    Null,
    /// A switch.
    Bool(bool),
    /// A number; finite by construction.
    Number(Number),
    /// A text of at most [`TEXT_MAX`] bytes.
    Text(SmolStr),
}

impl Value {
    /// The number, if it is a whole one of 64 bits with a sign.
    #[must_use]
    pub fn as_whole(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The number, rounded to a floating-point one.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// A switch as 0 or 1.
    #[must_use]
    pub fn as_switch(&self) -> Option<i64> {
        match self {
            Self::Bool(is_on) => Some((*is_on).into()),
            _ => None,
        }
    }
}

/// Values by key, in the order of the keys.
///
/// Invariant: at most [`KEYS_MAX`] keys of 1 to [`KEY_MAX`] characters, none of them a control character, and none twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Telemetry(Vec<(Key, Value)>);

/// The name of one value: 1 to [`KEY_MAX`] characters, none of them a control character, which not every database keeps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key(SmolStr);

/// Whether a text can be the name of a value.
#[must_use]
pub fn is_key(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let length = if is_plain { text.len() } else { text.chars().count() };
    (1..=KEY_MAX).contains(&length) && (is_plain || !text.contains(char::is_control))
}

/// A module would keep more keys than it may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the module would have {0} keys; use at most {KEYS_MAX} different keys per module")]
pub struct TooManyKeys(usize);

impl Telemetry {
    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.place_of(key).ok().map(|place| &self.0[place].1)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys and their values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.0.as_str(), value))
    }

    /// Reads a JSON object.
    #[must_use]
    pub fn read(json: &str) -> Option<Self> {
        let mut plain = Plain::new(json);
        plain.values().filter(|_| plain.is_at_end()).or_else(|| serde_json::from_str(json).ok())
    }

    /// A JSON object of them.
    #[must_use]
    pub fn json(&self) -> Arc<str> {
        json(self).get().into()
    }

    /// Where a key is, or would be.
    fn place_of(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.0.as_str().cmp(key))
    }

    /// Puts a value in its place, where another one of the same key goes; answers whether there was none.
    fn put(&mut self, key: Key, value: Value) -> bool {
        let place =
            if self.0.last().is_none_or(|(last, _)| *last < key) { Err(self.len()) } else { self.place_of(&key.0) };
        match place {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (key, value)),
        }
        place.is_err()
    }
}

/// The newest telemetry of a module with its finished JSON, made once and shared by events, snapshots and the store.
///
/// Invariant: `json` is the values of `newest` as a JSON object.
#[derive(Debug)]
pub struct LatestState {
    newest: Newest,
    json: Arc<str>,
}

impl LatestState {
    /// Finishes a state.
    #[must_use]
    pub fn new(newest: impl Into<Newest>) -> Self {
        let newest = newest.into();
        let json = newest.values().json();
        Self { newest, json }
    }

    /// A state whose values are written already, as a JSON object.
    #[must_use]
    pub const fn written(newest: Newest, json: Arc<str>) -> Self {
        Self { newest, json }
    }

    /// The values with their times.
    #[must_use]
    pub const fn newest(&self) -> &Newest {
        &self.newest
    }

    /// The values.
    #[must_use]
    pub const fn values(&self) -> &Telemetry {
        self.newest.values()
    }

    /// The JSON object.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }
}

impl Default for LatestState {
    fn default() -> Self {
        Self::new(Telemetry::default())
    }
}

impl Serialize for LatestState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // It is JSON, see the invariant: this cannot fail.
        serde_json::from_str::<&RawValue>(&self.json).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl Serialize for Telemetry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => value.serialize(serializer),
            Self::Text(value) => serializer.serialize_str(value),
        }
    }
}

impl<'de> Deserialize<'de> for Telemetry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Telemetry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of values by key")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Telemetry, A::Error> {
                let mut values = Telemetry(Vec::with_capacity(USUAL));
                while let Some(key) = map.next_key()? {
                    values.put(key, map.next_value()?);
                    if values.len() > KEYS_MAX {
                        return Err(de::Error::custom(format_args!("too many keys; use at most {KEYS_MAX}")));
                    }
                }
                Ok(values)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a value")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Key, E> {
                if is_key(text) {
                    return Ok(Key(text.into()));
                }
                let start: String = text.chars().take(KEY_MAX).flat_map(char::escape_debug).collect();
                let advice =
                    format_args!("`{start}` cannot be a key; use 1 to {KEY_MAX} characters, no control characters");
                Err(E::custom(advice))
            }
        }

        deserializer.deserialize_str(Name)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;

        impl Visitor<'_> for Scalar {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a boolean, a string or null")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Bool(value))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Number(value.into()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
                Ok(Value::Number(value.into()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
                Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("the number is not finite"))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
                if value.len() <= TEXT_MAX {
                    return Ok(Value::Text(value.into()));
                }
                Err(E::custom(format_args!("a text of {} bytes is too long; use at most {TEXT_MAX}", value.len())))
            }
        }

        deserializer.deserialize_any(Scalar)
    }
}

#[cfg(test)]
#[path = "telemetry_tests.rs"]
mod tests;
