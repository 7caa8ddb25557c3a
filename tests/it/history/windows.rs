use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ID, an_hour_ago, ask, reading, report, time, told, wait_until_sealed};
use crate::support::{Account, TestHub};

/// Values by second.
type Model = BTreeMap<i64, f64>;

/// What the windows of a length come to.
fn expected(model: &Model, start: i64, length: i64) -> Vec<Value> {
    let mut windows: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (second, value) in model {
        let moment = start + second * 1000;
        windows.entry(moment - moment.rem_euclid(length)).or_default().push(*value);
    }
    let window = |(begin, values): (i64, Vec<f64>)| {
        let fold = |choose: fn(f64, f64) -> f64| values.iter().copied().reduce(choose);
        json!({
            "ts": time(begin, 0), "key": "a", "count": values.len(), "min": fold(f64::min), "max": fold(f64::max),
            "sum": values.iter().sum::<f64>(), "mean": values.iter().sum::<f64>() / values.len() as f64,
            "first": values.first(), "last": values.last(),
        })
    };
    windows.into_iter().map(window).collect()
}

#[actix::test]
async fn windows_are_the_same_before_and_after_sealing() {
    for seal_after in ["1h", "0s"] {
        let hub = TestHub::with(&[("CARILLON__TELEMETRY__SEAL_AFTER", seal_after)]).await;
        let owner = hub.admin().await;
        let token = owner.create_module(ID).await;
        let start = an_hour_ago() - 86_400_000;
        let mut model = Model::new();
        // In order, then late and again, then on.
        let rounds =
            [(0..2000).step_by(7).collect::<Vec<i64>>(), (3..900).step_by(10).collect(), (1990..2600).collect()];
        for (round, seconds) in rounds.iter().enumerate() {
            let value = |second: &i64| (second * 37 % 101) as f64 + round as f64;
            model.extend(seconds.iter().map(|second| (*second, value(second))));
            let readings: Vec<_> =
                seconds.iter().map(|at| reading(start, *at, json!({"a": value(at), "t": "x"}))).collect();
            report(&hub, &token, json!(readings)).await;
            if seal_after == "0s" && round < 2 {
                wait_until_sealed(&hub.authority).await;
            }
            let (from, to) = (time(start, 0), time(start, 2600));
            for (interval, length) in [
                ("10s", 10_000),
                ("90s", 90_000),
                ("1m", 60_000),
                ("15m", 900_000),
                ("30m", 1_800_000),
                ("1d", 86_400_000),
            ] {
                let page = ask(&owner, &format!("key=a&interval={interval}&from={from}&to={to}")).await;
                let expected = expected(&model, start, length);
                assert_eq!(page, json!({"items": expected, "next": null}), "{seal_after}, {interval}, {round}");
            }
            assert_eq!(told(&owner, &format!("key=a&from={from}&to={to}&limit=10000")).await.len(), model.len());
        }
    }
}

#[actix::test]
async fn windows_come_in_pages_with_what_was_asked_of_them() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    let readings: Vec<_> =
        (0..4).map(|minute| reading(start, minute * 120, json!({"a": minute, "on": true}))).collect();
    report(&hub, &token, json!(readings)).await;
    let asked = format!("interval=1m&agg=min,count&agg=last&from={}&to={}", time(start, 0), time(start, 480));

    let page = ask(&owner, &format!("{asked}&limit=6")).await;
    let items = [(0, "a", 0.0), (0, "on", 1.0), (120, "a", 1.0), (120, "on", 1.0)];
    let items = items
        .map(|(at, key, value)| json!({"ts": time(start, at), "key": key, "min": value, "count": 1, "last": value}));
    assert_eq!(page["items"], json!(items));
    let next = page["next"].as_str().expect("there is more");
    let rest = ask(&owner, &format!("{asked}&cursor={next}")).await;
    assert_eq!(rest["items"].as_array().expect("a list").len(), 4);
    assert_eq!(rest["next"], Value::Null);

    for (query, pointer) in [
        ("interval=0s", "/interval"),
        ("interval=1w", "/interval"),
        ("interval=%2B1m", "/interval"),
        ("interval=9999d", "/interval"),
        ("interval=1m&agg=most", "/agg"),
        ("agg=min", "/agg"),
        ("interval=1m&order=desc", "/order"),
    ] {
        let answer = owner.get(&format!("/api/v1/modules/{ID}/telemetry?{query}")).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{query}");
    }
}

/// Reads all pages of a question; every page before the last has something.
async fn all_pages(who: &Account, query: &str) -> (usize, Vec<Value>) {
    let (mut pages, mut all, mut cursor) = (0, Vec::new(), String::new());
    loop {
        let page = ask(who, &format!("{query}{cursor}")).await;
        let items = page["items"].as_array().expect("a list").clone();
        pages += 1;
        assert!(pages < 50, "the pages have no end");
        assert!(!items.is_empty() || page["next"].is_null(), "page {pages} of `{query}` is empty");
        all.extend(items);
        let Some(next) = page["next"].as_str() else { return (pages, all) };
        cursor = format!("&cursor={next}");
    }
}

#[actix::test]
async fn pages_of_windows_pass_over_the_time_in_which_there_is_nothing() {
    for seal_after in ["1h", "0s"] {
        let hub = TestHub::with(&[("CARILLON__TELEMETRY__SEAL_AFTER", seal_after)]).await;
        let owner = hub.admin().await;
        let token = owner.create_module(ID).await;
        let (now, day) = (an_hour_ago(), 86_400_000);
        let days = [700, 699, 300, 20, 0];
        for (value, ago) in days.iter().enumerate() {
            report(&hub, &token, reading(now - ago * day, 1, json!({"a": value, "b": 1}))).await;
        }
        // Texts are in no window, and in nobody's way.
        let texts: Vec<_> = (1..600).map(|ago| reading(now - ago * day, 0, json!({"t": "x"}))).collect();
        report(&hub, &token, json!(texts)).await;
        if seal_after == "0s" {
            wait_until_sealed(&hub.authority).await;
        }

        for interval in ["1s", "7s", "90s", "1m", "1h", "1d"] {
            let asked = format!("interval={interval}&agg=last&from=1900-01-01T00:00:00Z&limit=1000");
            let (pages, items) = all_pages(&owner, &asked).await;
            let values: Vec<_> =
                items.iter().filter(|item| item["key"] == "a").map(|item| item["last"].as_f64()).collect();
            assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0].map(Some), "{interval}");
            assert!(items.len() == 10 && pages <= 6, "{interval}: {pages} pages");
        }
    }
}

#[actix::test]
async fn a_page_of_windows_has_no_more_than_asked_for_and_none_is_left_out() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    let readings: Vec<_> =
        (0..3).map(|minute| reading(start, minute * 60, json!({"a": minute, "b": 1, "c": 2}))).collect();
    report(&hub, &token, json!(readings)).await;
    let asked = format!("interval=1m&agg=last&from={}", time(start, 0));

    let (_, once) = all_pages(&owner, &asked).await;
    assert_eq!(once.len(), 9);
    for limit in [1, 2, 4] {
        let page = ask(&owner, &format!("{asked}&limit={limit}")).await;
        assert!(page["items"].as_array().expect("a list").len() <= limit);
        assert_eq!(all_pages(&owner, &format!("{asked}&limit={limit}")).await.1, once, "{limit}");
    }
}

#[actix::test]
async fn the_mean_of_very_great_numbers_is_right_before_and_after_sealing() {
    for seal_after in ["1h", "0s"] {
        let hub = TestHub::with(&[("CARILLON__TELEMETRY__SEAL_AFTER", seal_after)]).await;
        let owner = hub.admin().await;
        let token = owner.create_module(ID).await;
        // Where windows of all of these lengths begin.
        let start = an_hour_ago() / (420 * 60_000) * (420 * 60_000);
        for (key, values) in [("a", [1.5e308, 1.5e308, 0.0, -1.0e308]), ("b", [1.5e308, 1.7e308, 1.6e308, 1.6e308])] {
            for (second, value) in values.iter().enumerate() {
                report(&hub, &token, reading(start, second as i64 * 30, json!({key: value}))).await;
            }
        }
        if seal_after == "0s" {
            wait_until_sealed(&hub.authority).await;
        }

        for interval in ["4m", "1h", "7m"] {
            let page = ask(&owner, &format!("interval={interval}&from={}", time(start, 0))).await;
            let mean = |item: &Value| item["mean"].as_f64().expect("a number");
            let (a, b) = (&page["items"][0], &page["items"][1]);
            assert!((mean(a) / 0.5e308 - 1.0).abs() < 1e-9, "{interval}: {a}");
            assert!((mean(b) / 1.6e308 - 1.0).abs() < 1e-9, "{interval}: {b}");
            assert_eq!((b["max"].as_f64(), b["count"].as_u64()), (Some(1.7e308), Some(4)));
            assert_eq!(b["sum"].as_f64(), Some(f64::MAX), "as near as a number comes to it");
        }
        assert_eq!(told(&owner, "key=b&limit=1").await, ["b=1.5e+308"], "samples are as they were measured");
    }
}
