//! Telemetry over HTTP.

use std::time::Instant;

use rmqtt_codec::v5::ConnectAckReason;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{push, push_as};
use crate::mqtt::client::{TestClient, connect};
use crate::support::{Answer, TestDevice, TestHub};

const ID: &str = "MC-1001-STN";

#[actix::test]
async fn one_several_and_lines_are_taken_and_the_newest_values_win() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;

    for (kind, body, accepted) in [
        ("application/json", r#"{"ts":"2026-05-01T12:00:00Z","telemetry":{"a":1}}"#, 1),
        ("application/json; charset=utf-8", r#"[{"telemetry":{"a":2}},{"telemetry":{"b":"x"}}]"#, 2),
        (
            "application/x-ndjson",
            "{\"telemetry\":{\"a\":3}}\n{\"telemetry\":{\"c\":null}}\r\n\n{\"telemetry\":{\"a\":4}}\n",
            3,
        ),
        ("application/json", "[]", 0),
        ("application/x-ndjson", "", 0),
    ] {
        let answer = push_as(&hub, ID, &token, kind, body).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text);
        assert_eq!(answer.json(), json!({"accepted": accepted}), "{body}");
    }
    let telemetry = &owner.get("/api/v1/modules/MC-1001-STN").await.json()["telemetry"];
    assert_eq!(telemetry, &json!({"a": 4, "b": "x", "c": null}));
}

#[actix::test]
async fn one_bad_reading_refuses_all_and_is_named() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let many: serde_json::Map<_, _> = (0..64).map(|key| (format!("k{key}"), json!(key))).collect();
    assert_eq!(push(&hub, ID, &token, json!({"telemetry": many})).await.status, 200);
    let long = format!(r#"{{"telemetry":{{"k0":"{}"}}}}"#, "x".repeat(1025));
    let too_many = format!("[{}]", vec![r#"{"telemetry":{}}"#; 10_001].join(","));
    let (json, lines) = ("application/json", "application/x-ndjson");

    for (kind, body, status, pointer, told) in [
        (json, r#"[{"telemetry":{"k0":-1}},{"telemetry":{"x":[]}}]"#, 422, "/1/telemetry/x", ""),
        (json, r#"[{"telemetry":{"k0":-1}},{"telemetry":{"one-more":1}}]"#, 422, "/1/telemetry", ""),
        (json, r#"{"telemetry":{"one-more":1}}"#, 422, "/telemetry", ""),
        (json, r#"{"telemetry":{"k0":1e999}}"#, 422, "/telemetry/k0", ""),
        (json, r#"{"telemetry":{"k0":1},"tz":2}"#, 422, "/tz", ""),
        (json, r#"{"ts":"soon","telemetry":{"k0":1}}"#, 422, "/ts", ""),
        (json, &long, 422, "/telemetry/k0", ""),
        (json, &too_many, 422, "", "10001 readings"),
        (json, r#"{"telemetry":{"k0":NaN}}"#, 400, "", ""),
        (json, "{", 400, "", ""),
        (json, "", 400, "", ""),
        (lines, "{\"telemetry\":{\"k0\":-1}}\n\n{\"telemetry\":{\"k0\":{}}}", 422, "/telemetry/k0", "line 3"),
        (lines, "{\"telemetry\":{\"k0\":-1}}\n{\"telemetry\":{\"one-more\":1}}", 422, "/telemetry", "line 2"),
        (lines, "{\"telemetry\":{\"k0\":-1}}\nnonsense", 422, "", "line 2"),
        ("text/plain", r#"{"telemetry":{"k0":-1}}"#, 415, "", ""),
    ] {
        let answer = push_as(&hub, ID, &token, kind, body).await;
        assert_eq!(answer.status, status, "{body:.80}: {}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!(problem["errors"][0]["pointer"].as_str().unwrap_or_default(), pointer, "{body:.80}: {problem}");
        assert!(problem["detail"].as_str().unwrap_or_default().contains(told), "{body:.80}: {problem}");
    }
    let telemetry = &owner.get("/api/v1/modules/MC-1001-STN").await.json()["telemetry"];
    assert_eq!(telemetry["k0"], 0, "nothing of a refused request was taken");
}

#[actix::test]
async fn a_body_over_one_mebibyte_is_refused() {
    let hub = TestHub::start().await;
    let token = hub.admin().await.create_module(ID).await;
    let body = " ".repeat(1024 * 1024) + r#"{"telemetry":{}}"#;

    assert_eq!(push_as(&hub, ID, &token, "application/json", &body).await.status, 413);
}

#[actix::test]
async fn a_stranger_is_refused_before_a_body_is_read_and_an_actor_starts() {
    let hub = TestHub::start().await;
    let token = hub.admin().await.create_module(ID).await;
    let head = format!(
        "POST /api/v1/modules/{ID}/telemetry HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer cm_wrong\r\n\
         Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n",
        hub.authority
    );
    let mut stream = TcpStream::connect(&hub.authority).await.expect("the hub listens");
    stream.write_all(head.as_bytes()).await.expect("the hub reads");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("the hub answers");
    assert_eq!(&answer, b"HTTP/1.1 401");

    let mut wrong = 0;
    while push(&hub, ID, "cm_wrong", json!({"telemetry": {"a": 1}})).await.status == 401 {
        wrong += 1;
        assert!(wrong < 200, "an address may show half a wrong token in a second, and thirty at once");
    }
    let figures = Answer::of(&hub.authority, "GET", "/metrics", &[], None).await.text;
    assert!(figures.contains("module_actors_active 0\n"), "{figures}");
    assert_eq!(push(&hub, ID, &token, json!({"telemetry": {"a": 1}})).await.status, 200, "a right one comes in");
}

#[actix::test]
async fn a_wrong_token_learns_nothing() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let other = owner.create_module("MC-1002-STN").await;
    let path = "/api/v1/modules/MC-1001-STN/telemetry";
    let (good, bad) = (json!({"telemetry": {"a": 1}}), json!({"telemetry": {"a": []}}));

    let unknown = push(&hub, "MC-9999-STN", &token, good.clone()).await;
    let odd = push(&hub, "a%20b", &token, good.clone()).await;
    let no_header = Answer::of(&hub.authority, "POST", path, &[], Some(good.clone())).await;
    let strangers = [
        push(&hub, ID, &other, good.clone()).await,
        push(&hub, ID, "cm_nonsense", good.clone()).await,
        push(&hub, ID, &owner.access_token, good.clone()).await,
        push(&hub, ID, &other, bad.clone()).await,
        push(&hub, "MC-9999-STN", &token, bad.clone()).await,
        odd,
        no_header,
    ];

    assert_eq!(unknown.status, 401, "{}", unknown.text);
    for answer in strangers {
        assert_eq!((answer.status, &answer.text), (401, &unknown.text));
    }
    assert_eq!(push(&hub, ID, &token, good).await.status, 200);
}

#[actix::test]
async fn a_token_is_refused_as_soon_as_it_is_no_longer_that_of_the_module_also_where_it_was_known() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let (token, other) = (owner.create_module(ID).await, owner.create_module("MC-1002-STN").await);
    let module = format!("/api/v1/modules/{ID}");
    // So often that every thread knows the module, and so seldom that the address is not slowed down for its wrong ones.
    let every = async |token: &str, body: Value, status: u16| {
        for _ in 0..8 {
            assert_eq!(push(&hub, ID, token, body.clone()).await.status, status, "{body}");
        }
    };
    let (good, bad) = (json!({"telemetry": {"a": 1}}), json!({"telemetry": {"a": []}}));

    every(&token, good.clone(), 200).await;
    every(&other, bad.clone(), 401).await;
    let rotated = owner.post(&format!("{module}/credentials"), json!({})).await.json();
    every(&token, bad.clone(), 401).await;
    let token = rotated["token"].as_str().expect("a token");
    every(token, good, 200).await;
    assert_eq!(owner.delete(&module).await.status, 204);
    every(token, bad, 401).await;
}

#[actix::test]
async fn what_is_unchanged_is_acknowledged_but_not_sent_again() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let mut tab = hub.tab(&owner, &["module:MC-1001-STN"]).await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    assert_eq!(tab.next_event().await, "rt_module_online");

    device.report(1, json!({"speed": 1, "on": true})).await;
    device.report(2, json!({"speed": 1})).await;
    device.report(3, json!({"on": true, "speed": 1})).await;
    assert_eq!(push(&hub, ID, &token, json!([{"telemetry": {"speed": 1}}, {"telemetry": {}}])).await.status, 200);
    device.report(4, json!({"speed": 2})).await;

    let first = tab.event("rt_telemetry_updated").await;
    assert_eq!(first, json!({"moduleId": ID, "telemetry": {"on": true, "speed": 1}}));
    let second = tab.event("rt_telemetry_updated").await;
    assert_eq!(second, json!({"moduleId": ID, "telemetry": {"on": true, "speed": 2}}));
}

#[actix::test]
async fn wrong_tokens_are_counted_once_for_the_house_by_whatever_thread_and_door_they_come() {
    let hub = TestHub::with(&[("CARILLON__HTTP__WORKERS", "8")]).await;
    hub.admin().await.create_module(ID).await;
    let begun = Instant::now();
    let mut wrong = 0;
    while push(&hub, ID, "cm_wrong", json!({"telemetry": {"a": 1}})).await.status == 401 {
        wrong += 1;
    }
    let most = 31 + begun.elapsed().as_secs();
    assert!((30..=most).contains(&wrong), "{wrong} of {most}");

    let mut reasons = Vec::new();
    while !reasons.contains(&ConnectAckReason::ConnectionRateExceeded) {
        reasons.push(TestClient::enter(hub.mqtt(), connect(ID, "cm_wrong")).await.1.reason_code);
        // One more may be shown every two seconds.
        assert!(reasons.len() < 15, "{reasons:?}");
    }
}
