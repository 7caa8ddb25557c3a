//! The newest value of each key, by the time at which it was measured.

use std::collections::BTreeMap;

use super::{KEYS_MAX, Key, Telemetry, TooManyKeys};
use crate::domain::time::{Timestamp, supersedes};

/// The newest values of a module, and when each was measured.
///
/// Invariant: every key of `times` is a key of `values`; a value without a time is older than any other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Newest {
    values: Telemetry,
    times: BTreeMap<Key, Timestamp>,
}

impl Newest {
    /// The values as they were stored, with their times as [`Newest::times_json`] wrote them.
    ///
    /// Times that do not fit the values are left out.
    #[must_use]
    pub fn restored(values: Telemetry, times: Option<&str>) -> Self {
        let stored: Vec<i64> = times.and_then(|times| serde_json::from_str(times).ok()).unwrap_or_default();
        let keys = values.0.keys().cloned();
        let times = match stored[..] {
            [all] => keys.map(|key| (key, Timestamp::from_millis(all))).collect(),
            _ => keys.zip(stored.into_iter().map(Timestamp::from_millis)).collect(),
        };
        Self { values, times }
    }

    /// The values.
    #[must_use]
    pub const fn values(&self) -> &Telemetry {
        &self.values
    }

    /// The times in the order of the keys, as a JSON array of Unix milliseconds; one for all where they are the same.
    #[must_use]
    pub fn times_json(&self) -> String {
        let time_of = |key| self.times.get(key).map_or(i64::MIN, |time| time.as_millis());
        let mut times: Vec<i64> = self.values.0.keys().map(time_of).collect();
        if times.windows(2).all(|pair| pair[0] == pair[1]) {
            times.truncate(1);
        }
        // Numbers; writing them cannot fail.
        serde_json::to_string(&times).unwrap_or_default()
    }

    /// When the value under a key was measured, if that is known.
    #[must_use]
    pub fn time_of(&self, key: &str) -> Option<Timestamp> {
        self.times.get(key).copied()
    }

    /// Takes over what was measured at a time and came at another, by the hub's clock, except where something newer is
    /// known, see [`supersedes`]; answers whether a value changed.
    ///
    /// # Errors
    /// [`TooManyKeys`] when there would be more than [`KEYS_MAX`] keys; nothing is changed then.
    pub fn take(&mut self, newer: &Telemetry, at: Timestamp, came: Timestamp) -> Result<bool, TooManyKeys> {
        self.make_sure_of_room(newer)?;
        let mut has_changed = false;
        for (key, value) in &newer.0 {
            match self.times.get_mut(key) {
                Some(known) if !supersedes(*known, at, came) => continue,
                Some(known) => *known = at,
                None => drop(self.times.insert(key.clone(), at)),
            }
            if let Some(known) = self.values.0.get_mut(key) {
                has_changed |= known != value;
                known.clone_from(value);
            } else {
                has_changed = true;
                self.values.0.insert(key.clone(), value.clone());
            }
        }
        Ok(has_changed)
    }

    fn make_sure_of_room(&self, newer: &Telemetry) -> Result<(), TooManyKeys> {
        if self.values.len() + newer.len() <= KEYS_MAX {
            return Ok(());
        }
        let added = newer.0.keys().filter(|key| !self.values.0.contains_key(*key)).count();
        let all = self.values.len() + added;
        if all > KEYS_MAX { Err(TooManyKeys(all)) } else { Ok(()) }
    }
}

impl From<Telemetry> for Newest {
    fn from(values: Telemetry) -> Self {
        Self { values, times: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telemetry(json: &str) -> Telemetry {
        serde_json::from_str(json).unwrap()
    }

    const NOW: Timestamp = Timestamp::from_millis(1000);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn an_older_value_does_not_replace_a_newer_one() {
        let mut newest = Newest::default();
        assert_eq!(newest.take(&telemetry(r#"{"a":1,"b":1}"#), at(10), NOW), Ok(true));
        assert_eq!(newest.take(&telemetry(r#"{"a":2,"c":2}"#), at(5), NOW), Ok(true));
        assert_eq!(newest.take(&telemetry(r#"{"a":2}"#), at(6), NOW), Ok(false));
        assert_eq!(*newest.values(), telemetry(r#"{"a":1,"b":1,"c":2}"#));
        assert_eq!(newest.take(&telemetry(r#"{"c":3}"#), at(5), NOW), Ok(true), "the last one wins");
        assert_eq!(newest.take(&telemetry(r#"{"a":1}"#), at(20), NOW), Ok(false));
        assert_eq!(newest.take(&telemetry(r#"{"a":5}"#), at(15), NOW), Ok(false), "the same value again is newer too");
    }

    #[test]
    fn a_value_of_a_clock_that_was_put_right_replaces_one_from_ahead() {
        let mut newest = Newest::default();
        assert_eq!(newest.take(&telemetry(r#"{"a":1,"b":1}"#), at(5000), NOW), Ok(true));
        assert_eq!(newest.take(&telemetry(r#"{"a":2}"#), at(999), NOW), Ok(true));
        assert_eq!(newest.time_of("a"), Some(at(999)));
        assert_eq!(newest.take(&telemetry(r#"{"a":3}"#), at(998), NOW), Ok(false), "late again");
        assert_eq!(*newest.values(), telemetry(r#"{"a":2,"b":1}"#));
    }

    #[test]
    fn times_are_stored_and_restored() {
        let mut newest = Newest::default();
        newest.take(&telemetry(r#"{"a":1,"b":1}"#), at(10), NOW).unwrap();
        assert_eq!(newest.times_json(), "[10]");
        newest.take(&telemetry(r#"{"b":2}"#), at(12), NOW).unwrap();
        assert_eq!(newest.times_json(), "[10,12]");
        assert_eq!(Newest::restored(newest.values().clone(), Some("[10,12]")), newest);
        let mut unknown = Newest::restored(newest.values().clone(), None);
        assert_eq!(unknown.take(&telemetry(r#"{"a":7}"#), at(1), NOW), Ok(true));
    }

    #[test]
    fn a_module_keeps_at_most_64_keys() {
        let many: Vec<_> = (0..KEYS_MAX).map(|number| format!(r#""k{number}":1"#)).collect();
        let mut newest = Newest::from(telemetry(&format!("{{{}}}", many.join(","))));
        assert_eq!(newest.take(&telemetry(r#"{"k0":2}"#), at(1), NOW), Ok(true));
        let before = newest.clone();
        assert_eq!(newest.take(&telemetry(r#"{"k0":3,"one-more":1}"#), at(2), NOW), Err(TooManyKeys(65)));
        assert_eq!(newest, before);
    }
}
