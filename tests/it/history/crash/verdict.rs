//! What is found of a module, and what its windows come to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ledger::Samples;
use super::time;
use crate::support::Account;

/// All levels that are kept, with their lengths in milliseconds.
const LEVELS: [(&str, i64); 4] = [("1m", 60_000), ("15m", 900_000), ("1h", 3_600_000), ("1d", 86_400_000)];

/// All samples of a module; none is told twice.
pub async fn found(admin: &Account, id: &str) -> Samples {
    let items = all(admin, id, "").await;
    let count = items.len();
    let sample = |mut item: Value| {
        let ts: carillon::domain::time::Timestamp = item["ts"].as_str().expect("a time").parse().expect("a time");
        ((item["key"].as_str().expect("a key").to_owned(), ts.as_millis()), item["value"].take())
    };
    let samples: Samples = items.into_iter().map(sample).collect();
    assert_eq!(samples.len(), count, "some of {id} are told twice");
    samples
}

/// The windows of every level and key are what the samples come to, in everything that is told of them.
pub async fn check_windows(admin: &Account, id: &str, samples: &Samples) {
    for (interval, length) in LEVELS {
        let told = all(admin, id, &format!("&interval={interval}")).await;
        let expected = windows(samples, length);
        for (told, expected) in told.iter().zip(&expected) {
            assert_eq!(told, expected, "{id}, {interval}");
        }
        assert_eq!(told.len(), expected.len(), "{id}, {interval}");
    }
}

/// The newest state is the newest sample of each key.
pub async fn check_newest(admin: &Account, id: &str, samples: &Samples) {
    // By key and time, so that of a key the newest comes last.
    let newest: serde_json::Map<_, _> = samples.iter().map(|((key, _), value)| (key.clone(), value.clone())).collect();
    let told = admin.get(&format!("/api/v1/modules/{id}")).await.json();
    assert_eq!(told["telemetry"], Value::Object(newest), "what {id} said last");
}

/// What samples come to, by time and key.
fn windows(samples: &Samples, length: i64) -> Vec<Value> {
    let mut windows: BTreeMap<(i64, &str), Vec<f64>> = BTreeMap::new();
    for ((key, ts), value) in samples {
        let number = value.as_f64().or(value.as_bool().map(|is_on| f64::from(u8::from(is_on))));
        // Texts count nothing.
        windows.entry((ts - ts.rem_euclid(length), key)).or_default().extend(number);
    }
    windows.retain(|_, values| !values.is_empty());
    let window = |((start, key), values): ((i64, &str), Vec<f64>)| {
        let fold = |choose: fn(f64, f64) -> f64| values.iter().copied().reduce(choose);
        let sum = values.iter().sum::<f64>();
        json!({
            "ts": time(start, 0), "key": key, "count": values.len(), "min": fold(f64::min), "max": fold(f64::max),
            "sum": sum, "mean": sum / values.len() as f64, "first": values.first(), "last": values.last(),
        })
    };
    windows.into_iter().map(window).collect()
}

/// All that a question of the last two days is answered, page by page.
async fn all(admin: &Account, id: &str, question: &str) -> Vec<Value> {
    let from = time(carillon::domain::time::Timestamp::now().as_millis(), -2 * 86_400);
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/modules/{id}/telemetry?limit=10000&from={from}{question}{cursor}");
        let mut page = admin.get(&path).await.json();
        items.append(page["items"].as_array_mut().expect("a list"));
        let Some(next) = page["next"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}
