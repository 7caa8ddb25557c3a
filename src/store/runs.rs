//! Readings of a module that came together, as one row of the tail; pure.
//!
//! The body of one is the JSON object of its values, that of several a JSON array of pairs: when it was measured, in Unix
//! milliseconds, and its values.

use std::borrow::Cow;

use super::latest::NewReading;
use crate::domain::telemetry::{Plain, Telemetry};

/// How long the text of several may become. Two such rows fit into a page of SQLite, and PostgreSQL keeps one where its
/// table is.
const TEXT_MAX: usize = 1900;
/// What the text has beside the values of a reading: `[1700000000000,` and `],`.
const PAIR: usize = 17;

/// One reading of the tail.
#[derive(Debug, Clone, PartialEq)]
pub struct TailReading {
    /// When it was measured, in Unix milliseconds.
    pub ts: i64,
    /// What was measured.
    pub values: Telemetry,
}

/// Takes readings apart into runs, each for one row: all of a run were received at the same time.
pub(super) fn runs(mut readings: &[NewReading]) -> impl Iterator<Item = &[NewReading]> {
    std::iter::from_fn(move || {
        let (run, rest) = readings.split_at(first_run(readings)?);
        readings = rest;
        Some(run)
    })
}

/// How many readings the first run has; none where nothing is left.
fn first_run(readings: &[NewReading]) -> Option<usize> {
    let first = readings.first()?;
    let mut length = 0;
    let fits = |next: &&NewReading| {
        length += next.body.len() + PAIR;
        next.received_at == first.received_at && length <= TEXT_MAX
    };
    Some(readings.iter().take_while(fits).count().max(1))
}

/// The body of a row.
pub(super) fn body_of(run: &[NewReading]) -> Cow<'_, str> {
    if let [one] = run {
        return Cow::Borrowed(&one.body);
    }
    let mut text = String::with_capacity(TEXT_MAX);
    for (place, reading) in run.iter().enumerate() {
        text.push_str(if place == 0 { "[[" } else { ",[" });
        text.push_str(itoa::Buffer::new().format(reading.ts.as_millis()));
        text.push(',');
        text.push_str(&reading.body);
        text.push(']');
    }
    text.push(']');
    Cow::Owned(text)
}

/// The readings of a row, the first or only one measured at `ts`; none if the body is not that of so many.
pub(super) fn read_body(count: i64, ts: i64, body: &str) -> Option<Vec<TailReading>> {
    let readings = match count {
        1 => vec![TailReading { ts, values: Telemetry::read(body)? }],
        _ => read_plain(body).or_else(|| read_any(body))?,
    };
    (usize::try_from(count) == Ok(readings.len())).then_some(readings)
}

fn read_any(body: &str) -> Option<Vec<TailReading>> {
    let pairs: Vec<(i64, Telemetry)> = serde_json::from_str(body).ok()?;
    Some(pairs.into_iter().map(|(ts, values)| TailReading { ts, values }).collect())
}

fn read_plain(body: &str) -> Option<Vec<TailReading>> {
    let (mut readings, mut plain) = (Vec::new(), Plain::new(body));
    plain.array(|plain| {
        plain.take(b'[')?;
        let ts = plain.number()?.as_i64()?;
        plain.take(b',')?;
        readings.push(TailReading { ts, values: plain.values()? });
        plain.take(b']')
    })?;
    plain.is_at_end().then_some(readings)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::Timestamp;
    use crate::store::offer::Offer;

    fn reading(ts: i64, received_at: i64, length: usize) -> NewReading {
        let (ts, received_at) = (Timestamp::from_millis(ts), Timestamp::from_millis(received_at));
        let body = format!(r#"{{"a":{ts},"b":"{}"}}"#, "x".repeat(length), ts = ts.as_millis()).into();
        NewReading { ts, received_at, body, offer: Offer::default() }
    }

    proptest! {
        #[test]
        fn what_was_written_in_runs_is_read_again(
            given in prop::collection::vec((-5_000_000_000_000_i64..5_000_000_000_000, 0_i64..2, 0_usize..900), 0..60),
        ) {
            let given: Vec<_> = given.into_iter().map(|(ts, at, length)| reading(ts, at, length)).collect();
            let mut found = Vec::new();
            for run in runs(&given) {
                let body = body_of(run);
                prop_assert!(run.len() == 1 || body.len() <= TEXT_MAX + run.len() + 2, "{}", body.len());
                prop_assert!(run.iter().all(|reading| reading.received_at == run[0].received_at));
                let count = i64::try_from(run.len()).unwrap();
                found.extend(read_body(count, run[0].ts.as_millis(), &body).unwrap());
                prop_assert_eq!(read_body(count + 1, 0, &body), None);
            }
            let written = given.iter().map(|reading| (reading.ts.as_millis(), &*reading.body));
            let read = found.iter().map(|reading| (reading.ts, serde_json::to_string(&reading.values).unwrap()));
            prop_assert!(read.eq(written.map(|(ts, body)| (ts, body.to_owned()))));
        }
    }

    #[test]
    fn readings_that_came_together_are_one_row() {
        let together: Vec<_> = (0..20).map(|ts| reading(ts, 5, 40)).collect();
        assert_eq!(runs(&together).map(<[_]>::len).collect::<Vec<_>>(), [20]);
        assert_eq!(read_body(1, 7, "{"), None);
    }
}
