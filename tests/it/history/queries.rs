use serde_json::json;

use super::{ID, an_hour_ago, ask, push, reading, report, time, told};
use crate::support::{TestDevice, TestHub};

#[actix::test]
async fn every_reading_is_found_by_its_time_and_key() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    let readings: Vec<_> =
        (0..5).map(|second| reading(start, second, json!({"a": second, "b, c": "x", "on": true}))).collect();
    report(&hub, &token, json!(readings)).await;
    report(&hub, &token, reading(start, 10, json!({"a": null}))).await;

    assert_eq!(told(&owner, "key=a").await, ["a=0", "a=1", "a=2", "a=3", "a=4", "a=null"]);
    let (from, to) = (time(start, 1), time(start, 3));
    assert_eq!(told(&owner, &format!("key=a&from={from}&to={to}")).await, ["a=1", "a=2"]);
    assert_eq!(told(&owner, "key=b%2C+c&limit=1").await, [r#"b, c="x""#]);
    assert_eq!(told(&owner, "key=a,on&limit=3").await, ["a=0", "on=true", "a=1"]);
    assert_eq!(told(&owner, "key=a&key=on&limit=3&order=desc").await, ["a=null", "on=true", "a=4"]);
    assert_eq!(told(&owner, "").await.len(), 16);
    assert!(told(&owner, "key=nothing").await.is_empty());
    let page = ask(&owner, "key=a&limit=1").await;
    assert_eq!(page["items"][0], json!({"ts": time(start, 0), "key": "a", "value": 0}));
}

#[actix::test]
async fn pages_follow_each_other_without_a_seam() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    let readings: Vec<_> = (0..10).map(|second| reading(start, second, json!({"a": second, "b": second}))).collect();
    report(&hub, &token, json!(readings)).await;

    for order in ["asc", "desc"] {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = ask(&owner, &format!("limit=3&order={order}{cursor}")).await;
            all.extend(page["items"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let mut once = ask(&owner, &format!("order={order}")).await;
        assert_eq!(json!(all), once["items"].take());
        assert_eq!(all.len(), 20);
    }
}

#[actix::test]
async fn the_last_of_two_readings_of_one_time_counts() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    report(&hub, &token, reading(start, 1, json!({"a": 1, "b": 1}))).await;
    report(&hub, &token, reading(start, 1, json!({"a": 1, "b": 1}))).await;
    report(&hub, &token, reading(start, 1, json!({"a": 2}))).await;

    assert_eq!(told(&owner, "").await, ["a=2", "b=1"]);
}

#[actix::test]
async fn a_late_reading_does_not_replace_the_newest_state() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    report(&hub, &token, reading(start, 60, json!({"a": 2, "b": 2}))).await;
    report(&hub, &token, reading(start, 0, json!({"a": 1, "c": 1}))).await;
    let state =
        async |hub: &TestHub| hub.admin().await.get(&format!("/api/v1/modules/{ID}")).await.json()["telemetry"].take();

    assert_eq!(state(&hub).await, json!({"a": 2, "b": 2, "c": 1}));
    let data = hub.stop().await;
    let hub = TestHub::on(&data, &[]).await;
    report(&hub, &token, reading(start, 30, json!({"a": 3, "c": 3}))).await;
    assert_eq!(state(&hub).await, json!({"a": 2, "b": 2, "c": 3}));
    assert_eq!(told(&hub.admin().await, "key=a").await, ["a=1", "a=3", "a=2"]);
}

#[actix::test]
async fn what_a_clock_that_was_put_right_measures_is_the_newest_state() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    report(&hub, &token, reading(start, 3600 + 300, json!({"a": 1, "b": 1}))).await;
    report(&hub, &token, reading(start, 3590, json!({"a": 2}))).await;
    let state = owner.get(&format!("/api/v1/modules/{ID}")).await.json()["telemetry"].take();
    assert_eq!(state, json!({"a": 2, "b": 1}));

    report(&hub, &token, json!({"telemetry": {"b": 3}})).await;
    report(&hub, &token, reading(start, 3580, json!({"a": 4}))).await;
    let state = owner.get(&format!("/api/v1/modules/{ID}")).await.json()["telemetry"].take();
    assert_eq!(state, json!({"a": 2, "b": 3}), "a late one is late again");
}

#[actix::test]
async fn readings_without_a_time_are_all_kept_even_unchanged_ones() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    for id in 0..20 {
        device.report(id, json!({"a": 1})).await;
    }

    assert_eq!(told(&owner, "key=a").await.len(), 20);
}

#[actix::test]
async fn impossible_times_are_refused_and_named_and_nothing_is_stored() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    for (ts, told) in [
        ("2100-01-01T00:00:00Z".to_owned(), "lies in the future"),
        (time(start, 2 * 3600), "lies in the future"),
        ("1970-01-01T00:00:00Z".to_owned(), "older than what is kept"),
    ] {
        let readings = json!([reading(start, 0, json!({"a": 1})), {"ts": ts, "telemetry": {"a": 1}}]);
        let answer = push(&hub, &token, readings).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], "/1/ts");
        assert!(answer.text.contains(told), "{}", answer.text);
    }
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let problem = device.refused(json!({"a": 1}), "1970-01-01T00:00:00Z").await;
    assert_eq!(problem["errors"][0]["pointer"], "/ts");

    assert!(told(&owner, "").await.is_empty());
}

#[actix::test]
async fn only_who_may_see_a_module_sees_its_history() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    report(&hub, &token, json!({"telemetry": {"a": 1}})).await;
    let stranger = hub.user("stranger@example.org").await;
    let path = format!("/api/v1/modules/{ID}/telemetry");

    assert_eq!(stranger.get(&path).await.status, 404);
    assert_eq!(owner.get("/api/v1/modules/MC-9/telemetry").await.status, 404);
    // A module made anew under the same name has no past.
    assert_eq!(owner.delete(&format!("/api/v1/modules/{ID}")).await.status, 204);
    owner.create_module(ID).await;
    assert!(told(&owner, "").await.is_empty());
}

#[actix::test]
async fn wrong_questions_are_named() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    owner.create_module(ID).await;
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=10001", "/limit"),
        ("from=yesterday", "/from"),
        ("to=1", "/to"),
        ("order=up", "/order"),
        ("cursor=x", "/cursor"),
        ("color=red", "/color"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "/from"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z&interval=1m", "/from"),
    ] {
        let answer = owner.get(&format!("/api/v1/modules/{ID}/telemetry?{query}")).await;
        assert_eq!(answer.status, 422, "{query}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{query}");
    }
}

#[actix::test]
async fn keys_of_every_kind_are_found_and_told_as_they_are() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    for (key, asked) in [
        ("50%", "50%25"),
        ("a/b", "a%2Fb"),
        ("a/b", "a/b"),
        ("a,b", "a,b"),
        ("a b+c", "a+b%2Bc"),
        ("&=#?", "%26%3D%23%3F"),
        ("Temperatur °C, außen 🌡", "Temperatur+%C2%B0C%2C+au%C3%9Fen+%F0%9F%8C%A1"),
        ("\"'\\", "%22%27%5C"),
    ] {
        report(&hub, &token, reading(start, 0, json!({key: 1}))).await;
        for query in [String::new(), format!("&interval=1m&from={}", time(start, 0))] {
            let page = ask(&owner, &format!("key={asked}{query}")).await;
            assert_eq!((page["items"].as_array().map(Vec::len), &page["items"][0]["key"]), (Some(1), &json!(key)));
        }
        let answer = owner.get(&format!("/api/v1/modules/{ID}/telemetry/export?format=ndjson&key={asked}")).await;
        assert_eq!((answer.status, answer.text.lines().count()), (200, 1), "{key}: {}", answer.text);
    }
    // Those whose pages end between them go on in the same order.
    let once = told(&owner, "").await;
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ask(&owner, &format!("limit=1{cursor}")).await;
        let items = page["items"].as_array().expect("a list");
        all.extend(items.iter().map(|item| format!("{}={}", item["key"].as_str().expect("a key"), item["value"])));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(all, once);
}

#[actix::test]
async fn times_are_read_as_people_write_them_in_an_address() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    report(&hub, &token, reading(start, 0, json!({"a": 1}))).await;
    let an_hour_later = time(start, 3599).replace('Z', "");
    let from = time(start, -1);

    for to in ["9999-12-31T23:59:59.999Z", "9999-12-30T23:00:00Z", "9999-01-01T00:00:00Z"] {
        assert_eq!(told(&owner, &format!("from={from}&to={to}")).await, ["a=1"], "{to}");
    }
    // It is the same hour there, an hour ago here; a plus that is not escaped comes as a space.
    for plus in ["%2B", "+"] {
        let (within, before) = (format!("{an_hour_later}{plus}00:30"), format!("{an_hour_later}{plus}01:00"));
        assert_eq!(told(&owner, &format!("from={from}&to={within}")).await, ["a=1"], "{within}");
        assert!(told(&owner, &format!("from={from}&to={before}")).await.is_empty(), "{before}");
    }
}
