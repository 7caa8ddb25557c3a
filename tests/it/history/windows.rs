use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ID, an_hour_ago, ask, reading, report, time, told, wait_until_sealed};
use crate::support::TestHub;

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
        ("interval=9999d", "/interval"),
        ("interval=1m&agg=most", "/agg"),
        ("agg=min", "/agg"),
        ("interval=1m&order=desc", "/order"),
    ] {
        let answer = owner.get(&format!("/api/v1/modules/{ID}/telemetry?{query}")).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{query}");
    }
}
