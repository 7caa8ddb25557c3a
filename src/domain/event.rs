//! What happened: the events of the hub, their payloads, and how each kind is delivered.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::cursor::{Cursor, Epoch, Offset};
use super::ids::ModuleId;
use super::time::Timestamp;
use super::topic::Channel;
use frames::Frames;

mod frames;
pub mod payload;

/// How many dialects may keep a finished frame inside an event.
pub const DIALECT_SLOTS: usize = 6;

/// The name of an event, e.g. `rt_module_online`: `rt_` and 1 to 61 of `a-z 0-9 _`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventName(Arc<str>);

/// A text that names no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of an event; use `rt_` and up to 61 of `a-z 0-9 _`")]
pub struct EventNameError(String);

impl EventName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventName {
    type Err = EventNameError;

    fn from_str(text: &str) -> Result<Self, EventNameError> {
        let is_name = text.strip_prefix("rt_").is_some_and(|rest| {
            (1..=61).contains(&rest.len())
                && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        });
        if is_name { Ok(Self(text.into())) } else { Err(EventNameError(text.chars().take(80).collect())) }
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a state is the latest value of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LatestKey {
    /// The telemetry of one module.
    Telemetry(ModuleId),
    /// The desired and the reported state of one module.
    Twin(ModuleId),
    /// The statistics of the house.
    Stats,
}

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the key of a state")]
pub struct LatestKeyError(String);

/// As keys are stored: `telemetry:<moduleId>`, `twin:<moduleId>` or `stats`.
impl FromStr for LatestKey {
    type Err = LatestKeyError;

    fn from_str(text: &str) -> Result<Self, LatestKeyError> {
        let refuse = || LatestKeyError(text.chars().take(80).collect());
        match text.split_once(':') {
            Some(("telemetry", id)) => id.parse().map(Self::Telemetry).map_err(|_| refuse()),
            Some(("twin", id)) => id.parse().map(Self::Twin).map_err(|_| refuse()),
            None if text == "stats" => Ok(Self::Stats),
            _ => Err(refuse()),
        }
    }
}

impl LatestKey {
    /// The other key that ends with this one: what ends the telemetry of a module ends its twin too.
    #[must_use]
    pub fn companion(&self) -> Option<Self> {
        match self {
            Self::Telemetry(id) => Some(Self::Twin(id.clone())),
            Self::Twin(_) | Self::Stats => None,
        }
    }
}

impl fmt::Display for LatestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Telemetry(id) => write!(f, "telemetry:{id}"),
            Self::Twin(id) => write!(f, "twin:{id}"),
            Self::Stats => f.write_str("stats"),
        }
    }
}

/// How an event reaches its subscribers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Every subscriber gets every one; durable before anyone sees it.
    Each,
    /// Only the newest value of the key counts.
    Latest(LatestKey),
    /// The end of a key: delivered like `Each`, and the latest value under the key is forgotten.
    EachEnding(LatestKey),
}

impl Delivery {
    /// Whether every subscriber gets every one.
    #[must_use]
    pub const fn is_each(&self) -> bool {
        matches!(self, Self::Each | Self::EachEnding(_))
    }

    /// The key whose latest value the event ends.
    #[must_use]
    pub const fn ended(&self) -> Option<&LatestKey> {
        match self {
            Self::EachEnding(key) => Some(key),
            Self::Each | Self::Latest(_) => None,
        }
    }
}

/// An event that has no place in the order yet.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// What happened.
    pub name: EventName,
    /// How it is delivered.
    pub delivery: Delivery,
    /// Who hears it; a session that listens on several of these gets it once.
    pub audience: Vec<Channel>,
    /// The payload, a finished JSON object.
    pub data: Box<RawValue>,
    /// When it happened.
    pub at: Timestamp,
}

impl NewEvent {
    /// The single module that other programs tell something of; none for the hub's own events, whose audience says whose
    /// the module is.
    #[must_use]
    pub fn custom_of(&self) -> Option<&ModuleId> {
        let is_own = self.audience.contains(&Channel::AllModules);
        self.audience.iter().filter(|_| !is_own).find_map(|channel| match channel {
            Channel::Module(id) => Some(id),
            _ => None,
        })
    }

    /// Gives the event its place in the order.
    #[must_use]
    pub fn stamped(self, epoch: Epoch, offset: Offset) -> Event {
        Event { cursor: Cursor { epoch, offset }, what: self, frames: Frames::default() }
    }
}

/// An event with its place in the order; shared by all who deliver it.
#[derive(Debug)]
pub struct Event {
    /// Its place.
    pub cursor: Cursor,
    /// What happened.
    pub what: NewEvent,
    frames: Frames,
}

impl Event {
    /// The offset in the order.
    #[must_use]
    pub const fn offset(&self) -> Offset {
        self.cursor.offset
    }

    /// The finished frame for a dialect, encoded by the first who asks and shared by all others.
    pub fn frame(&self, dialect: &Dialect) -> &Bytes {
        self.frames.plain(dialect.slot, || (dialect.encode)(self))
    }

    /// The same frame in the shorter form that `pack` makes of it, for those who can read that; also made once. There is
    /// one such form: everybody must pack alike.
    pub fn packed_frame(&self, dialect: &Dialect, pack: fn(&Bytes) -> Bytes) -> &Bytes {
        self.frames.packed(dialect.slot, || pack(self.frame(dialect)))
    }

    /// The same frame in the form that `pack` makes of it behind another plain frame, for those who were sent that one just
    /// before; made once for all of them. None when its hearers had too many others before: they take one that leans on
    /// nothing, and have this one before the next.
    pub fn frame_behind(
        &self,
        before: &Bytes,
        dialect: &Dialect,
        pack: fn(before: &Bytes, plain: &Bytes) -> Bytes,
    ) -> Option<&Bytes> {
        self.frames.behind(before, dialect.slot, || pack(before, self.frame(dialect)))
    }
}

/// A way to write events for a kind of client.
#[derive(Debug)]
pub struct Dialect {
    /// Its place among the frames an event keeps; below [`DIALECT_SLOTS`], one per dialect.
    pub slot: usize,
    /// Writes the whole frame.
    pub encode: fn(&Event) -> Bytes,
}

/// Writes a payload as a finished JSON object.
///
/// # Panics
/// When the payload cannot be written as JSON, which none of this crate's own can fail to be.
#[must_use]
#[expect(clippy::expect_used, reason = "payloads are plain structs of strings, numbers and booleans")]
pub fn json(payload: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(payload).expect("a payload is plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_names_start_with_rt() {
        assert!("rt_module_online".parse::<EventName>().is_ok());
        for bad in ["", "rt_", "module", "rt_A", "rt_a b", &format!("rt_{}", "x".repeat(62))] {
            assert!(bad.parse::<EventName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_read_as_they_are_written() {
        for text in ["telemetry:MC-1", "twin:MC-1", "stats"] {
            assert_eq!(text.parse::<LatestKey>().unwrap().to_string(), text);
        }
        for bad in ["", "telemetry:", "telemetry:a b", "statistics"] {
            assert!(bad.parse::<LatestKey>().is_err(), "{bad}");
        }
    }
}
