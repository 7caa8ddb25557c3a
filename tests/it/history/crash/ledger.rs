//! What is sent of a module, and what must be found of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Values by key and time, in Unix milliseconds.
pub type Samples = BTreeMap<(String, i64), Value>;

/// One reading.
#[derive(Debug, Clone)]
pub struct Reading {
    /// When it was measured, in Unix milliseconds.
    pub ts: i64,
    /// Its values by key.
    pub values: Value,
}

/// The readings of one round, each by its number.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    /// Around which moment what is late by hours was measured, in every round.
    pub start: i64,
    /// When this round begins.
    pub from: i64,
}

/// All that was sent of one module, and what of it was acknowledged.
#[derive(Debug, Default)]
pub struct Ledger {
    writes: BTreeMap<(String, i64), Vec<(Ticket, Value)>>,
    acknowledged: BTreeSet<Ticket>,
    next: Ticket,
}

/// Which of the readings that were sent.
pub type Ticket = usize;

const MINUTE: i64 = 60_000;

impl Course {
    /// A reading, of a time that is out of order, late by minutes or hours, or was there before with other values; some are
    /// wholly the same as one before.
    ///
    /// Sums of its numbers are exact: they are quarters and parts of 1024.
    pub fn reading(self, number: i64) -> Reading {
        if number % 24 == 11 {
            return self.reading(number - 2);
        }
        let some = number + self.from / 1000;
        let mut values = json!({"n": (some * 37 % 4001 - 2000) as f64 / 4.0});
        if number % 2 == 0 {
            values["m"] = json!((some * 101 % 100_003) as f64 / 1024.0);
        }
        if number % 3 != 0 {
            values["on"] = json!(some % 7 < 3);
        }
        if number % 5 == 0 {
            values["say"] = json!(format!("{some}"));
        }
        Reading { ts: self.time_of(number), values }
    }

    fn time_of(self, number: i64) -> i64 {
        match number % 12 {
            3 => self.from - (number % 37 + 1) * MINUTE + number * 13 % MINUTE,
            7 => self.start - number % 5 * 60 * MINUTE - number % 997 * 1000,
            4 | 8 => self.time_of(number - 1),
            11 => self.time_of(number - 2),
            _ => self.from + (number ^ 1) * 2,
        }
    }
}

impl Reading {
    /// As it is told at every door.
    pub fn body(&self) -> Value {
        json!({"ts": super::time(self.ts, 0), "telemetry": self.values})
    }
}

impl Ledger {
    /// Notes that a reading is sent, after all those before.
    pub fn send(&mut self, reading: &Reading) -> Ticket {
        self.next += 1;
        for (key, value) in reading.values.as_object().expect("values have keys") {
            self.writes.entry((key.clone(), reading.ts)).or_default().push((self.next, value.clone()));
        }
        self.next
    }

    /// Notes that it was acknowledged.
    pub fn acknowledge(&mut self, ticket: Ticket) {
        self.acknowledged.insert(ticket);
    }

    /// How many readings were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// Of each key and time there is the value that was acknowledged last, or one that was sent after it and got no answer.
    pub fn check(&self, found: &Samples) {
        for (place, writes) in &self.writes {
            let last = writes.iter().rposition(|(ticket, _)| self.acknowledged.contains(ticket));
            let possible = &writes[last.unwrap_or_default()..];
            let is_right =
                found.get(place).map_or(last.is_none(), |found| possible.iter().any(|(_, one)| one == found));
            assert!(is_right, "{place:?} is {:?} and none of {possible:?}", found.get(place));
        }
        let unknown = found.keys().find(|place| !self.writes.contains_key(*place));
        assert_eq!(unknown, None, "nobody sent it");
    }
}
