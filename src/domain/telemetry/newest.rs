//! The newest value of each key, by the time at which it was measured.

use super::{KEYS_MAX, Telemetry, TooManyKeys};
use crate::domain::time::{Timestamp, supersedes};

/// The newest values of a module, and when each was measured.
///
/// Invariant: `times` has one for each of `values`; a value without a time is older than any other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Newest {
    values: Telemetry,
    times: Vec<Option<Timestamp>>,
}

impl Newest {
    /// The values as they were stored, with their times as [`Newest::times_json`] wrote them.
    ///
    /// Times that do not fit the values are left out.
    #[must_use]
    pub fn restored(values: Telemetry, times: Option<&str>) -> Self {
        let stored: Vec<i64> = times.and_then(|times| serde_json::from_str(times).ok()).unwrap_or_default();
        let time_at = |place| match stored[..] {
            [all] => Some(all),
            _ => stored.get(place).copied(),
        };
        let times = (0..values.len()).map(|place| time_at(place).map(Timestamp::from_millis)).collect();
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
        let written = |time: &Option<Timestamp>| time.map_or(i64::MIN, Timestamp::as_millis);
        let mut times: Vec<i64> = self.times.iter().map(written).collect();
        if times.windows(2).all(|pair| pair[0] == pair[1]) {
            times.truncate(1);
        }
        // Numbers; writing them cannot fail.
        serde_json::to_string(&times).unwrap_or_default()
    }

    /// When the value under a key was measured, if that is known.
    #[must_use]
    pub fn time_of(&self, key: &str) -> Option<Timestamp> {
        self.times[self.values.place_of(key).ok()?]
    }

    /// Takes over what was measured at a time and came at another, by the hub's clock, except where something newer is
    /// known, see [`supersedes`]; answers whether a value changed.
    ///
    /// # Errors
    /// [`TooManyKeys`] when there would be more than [`KEYS_MAX`] keys; nothing is changed then.
    pub fn take(&mut self, newer: &Telemetry, at: Timestamp, came: Timestamp) -> Result<bool, TooManyKeys> {
        self.make_sure_of_room(newer)?;
        let (values, times) = (&mut self.values.0, &mut self.times);
        let (mut has_changed, mut place) = (false, 0);
        for (key, value) in &newer.0 {
            // Both are in the order of the keys, and mostly have the same.
            let is_at = |place: usize| values.get(place).is_some_and(|(known, _)| known == key);
            let mut is_known = is_at(place);
            if !is_known {
                place += values[place..].iter().take_while(|(known, _)| known < key).count();
                is_known = is_at(place);
            }
            if !is_known {
                has_changed = true;
                values.insert(place, (key.clone(), value.clone()));
                times.insert(place, Some(at));
            } else if times[place].is_none_or(|known| supersedes(known, at, came)) {
                let known = &mut values[place].1;
                if known != value {
                    has_changed = true;
                    known.clone_from(value);
                }
                times[place] = Some(at);
            }
            place += 1;
        }
        Ok(has_changed)
    }

    fn make_sure_of_room(&self, newer: &Telemetry) -> Result<(), TooManyKeys> {
        if self.values.len() + newer.len() <= KEYS_MAX {
            return Ok(());
        }
        let added = newer.iter().filter(|(key, _)| self.values.get(key).is_none()).count();
        let all = self.values.len() + added;
        if all > KEYS_MAX { Err(TooManyKeys(all)) } else { Ok(()) }
    }
}

impl From<Telemetry> for Newest {
    fn from(values: Telemetry) -> Self {
        let times = vec![None; values.len()];
        Self { values, times }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn what_is_kept_agrees_with_a_plain_model(
            readings in prop::collection::vec((prop::collection::vec(("[a-f]", 0_u8..3), 0..6), 0_i64..6), 1..12),
        ) {
            let (mut newest, mut model) = (Newest::default(), BTreeMap::<String, (u8, i64)>::new());
            for (values, time) in readings {
                // In any order, and the last one of a key counts.
                let pairs: Vec<_> = values.iter().map(|(key, value)| format!(r#""{key}":{value}"#)).collect();
                let before = model.clone();
                for (key, value) in values.iter().cloned().collect::<BTreeMap<_, _>>() {
                    if model.get(&key).is_none_or(|(_, known)| *known <= time) {
                        model.insert(key, (value, time));
                    }
                }
                let has_changed = newest.take(&telemetry(&format!("{{{}}}", pairs.join(","))), at(time), NOW).unwrap();
                let value_of = |model: &BTreeMap<String, (u8, i64)>| model.values().map(|(value, _)| *value).collect::<Vec<_>>();
                prop_assert_eq!(has_changed, value_of(&before) != value_of(&model) || before.len() != model.len());
            }
            let kept: Vec<_> = newest.values().iter().map(|(key, value)| {
                (key.to_owned(), value.as_whole().unwrap(), newest.time_of(key).unwrap().as_millis())
            }).collect();
            let expected: Vec<_> = model.into_iter().map(|(key, (value, time))| (key, i64::from(value), time)).collect();
            prop_assert_eq!(kept, expected);
            prop_assert_eq!(Newest::restored(newest.values().clone(), Some(&newest.times_json())), newest);
        }
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
