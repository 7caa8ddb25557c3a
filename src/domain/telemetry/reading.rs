//! What a module reports at once.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Plain, Telemetry};
use crate::domain::problem::{Problem, read_json, read_json_list};
use crate::domain::time::Timestamp;

/// How many readings one request or message may bring.
pub const READINGS_MAX: usize = 10_000;

/// One report of a module, as every door takes it: `{ts?, telemetry: {…}}`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// When it was measured, by the module's own clock; none for "now".
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ts: Option<Timestamp>,
    /// What was measured: at most 64 keys of 1 to 64 characters, no control characters; numbers, booleans, texts up to 1 KiB, null.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    telemetry: Telemetry,
    /// The same as it came, where that is as good as if it were written anew.
    #[serde(skip)]
    text: Option<Arc<str>>,
}

impl Reading {
    /// What was measured, and when.
    #[must_use]
    pub const fn new(ts: Option<Timestamp>, telemetry: Telemetry) -> Self {
        Self { ts, telemetry, text: None }
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// A [`Problem`] that names the field.
    pub fn read(json: &[u8]) -> Result<Self, Problem> {
        plain(json, Self::take).map_or_else(|| read_json(json), Ok)
    }

    /// Reads a JSON array; all of it or nothing.
    ///
    /// # Errors
    /// A [`Problem`] that names the element and the field.
    pub fn read_list(json: &[u8]) -> Result<Vec<Self>, Problem> {
        plain(json, Self::take_list).map_or_else(|| read_json_list(json), Ok)
    }

    /// Reads a JSON object like [`Reading::read`], or one of nothing but values, measured now: no value is an object, so that
    /// none is taken for the other.
    ///
    /// # Errors
    /// A [`Problem`] that names the field.
    pub fn read_either(json: &[u8]) -> Result<Self, Problem> {
        if let Some(reading) = plain(json, Self::take_values).or_else(|| plain(json, Self::take)) {
            return Ok(reading);
        }
        if is_dated(json) { read_json(json) } else { read_json(json).map(|telemetry| Self::new(None, telemetry)) }
    }

    /// Takes an object of values by key, measured now.
    pub fn take_values(plain: &mut Plain<'_>) -> Option<Self> {
        let (telemetry, text) = plain.values_and_text()?;
        Some(Self { ts: None, telemetry, text })
    }

    /// The same, measured at a time.
    #[must_use]
    pub fn at(self, ts: Option<Timestamp>) -> Self {
        Self { ts, ..self }
    }

    /// What was measured.
    #[must_use]
    pub const fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// What was measured, as a JSON object.
    #[must_use]
    pub fn json(&self) -> Arc<str> {
        self.text.clone().unwrap_or_else(|| self.telemetry.json())
    }

    /// Takes `{ts?, telemetry}`.
    fn take(plain: &mut Plain<'_>) -> Option<Self> {
        let (mut ts, mut reading) = (None, None);
        plain.object(|plain, key| {
            match key {
                "ts" if ts.is_none() => ts = Some(plain.time()?),
                "telemetry" if reading.is_none() => reading = Some(Self::take_values(plain)?),
                _ => return None,
            }
            Some(())
        })?;
        Some(Self { ts, ..reading? })
    }

    fn take_list(plain: &mut Plain<'_>) -> Option<Vec<Self>> {
        let mut readings = Vec::new();
        plain.array(|plain| {
            readings.push(Self::take(plain)?);
            Some(())
        })?;
        Some(readings)
    }
}

/// Whether an object is `{ts?, telemetry: {…}}`: no value of telemetry is an object.
fn is_dated(json: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Dated<'a> {
        #[serde(borrow)]
        telemetry: &'a RawValue,
    }
    // Most have no such key, which is seen without reading them; one that is written with escapes is read all the same.
    let may_be = |word: &[u8]| json.windows(word.len()).any(|part| part == word);
    (may_be(b"\"telemetry\"") || may_be(b"\\u"))
        && serde_json::from_slice::<Dated<'_>>(json).is_ok_and(|dated| dated.telemetry.get().starts_with('{'))
}

/// Reads the whole of a text, if it is plain.
fn plain<T>(json: &[u8], read: impl FnOnce(&mut Plain<'_>) -> Option<T>) -> Option<T> {
    let mut plain = Plain::new(str::from_utf8(json).ok()?);
    read(&mut plain).filter(|_| plain.is_at_end())
}

/// Makes sure that no more readings come at once than may.
///
/// # Errors
/// A [`Problem`] that says how many may.
pub fn check_count(readings: &[Reading]) -> Result<(), Problem> {
    if readings.len() <= READINGS_MAX {
        return Ok(());
    }
    let detail = format!("{} readings are too many; send at most {READINGS_MAX} at once", readings.len());
    Err(Problem::new("too-many-readings", 422, detail))
}
