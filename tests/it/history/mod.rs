mod crash;
mod crowd;
mod export;
mod queries;
mod retention;
mod windows;

use serde_json::{Value, json};

use crate::support::{Account, Answer, TestHub};

/// The module of these tests.
const ID: &str = "MC-1001-STN";

/// Reports over HTTP what must be taken.
async fn report(hub: &TestHub, token: &str, readings: Value) {
    let answer = push(hub, token, readings).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Reports over HTTP.
async fn push(hub: &TestHub, token: &str, readings: Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let path = format!("/api/v1/modules/{ID}/telemetry");
    Answer::of(&hub.authority, "POST", &path, &[("authorization", &bearer)], Some(readings)).await
}

/// Asks the history; answers the whole page.
async fn ask(who: &Account, query: &str) -> Value {
    let answer = who.get(&format!("/api/v1/modules/{ID}/telemetry?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Asks the history; answers `key=value` of each sample.
async fn told(who: &Account, query: &str) -> Vec<String> {
    let page = ask(who, query).await;
    let items = page["items"].as_array().expect("a list");
    items.iter().map(|item| format!("{}={}", item["key"].as_str().expect("a key"), item["value"])).collect()
}

/// A reading at so many seconds after a moment an hour ago.
fn reading(start: i64, second: i64, telemetry: Value) -> Value {
    json!({"ts": time(start, second), "telemetry": telemetry})
}

/// So many seconds after a moment in Unix milliseconds.
fn time(start: i64, second: i64) -> String {
    carillon::domain::time::Timestamp::from_millis(start + second * 1000).to_string()
}

/// An hour ago, at a full minute.
fn an_hour_ago() -> i64 {
    let now = carillon::domain::time::Timestamp::now().as_millis();
    now - now % 60_000 - 3_600_000
}

/// Waits until every reading is sealed.
async fn wait_until_sealed(authority: &str) {
    for _ in 0..600 {
        let metrics = Answer::of(authority, "GET", "/metrics", &[], None).await.text;
        if metrics.lines().any(|line| line == "carillon_telemetry_unsealed 0") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("readings wait to be sealed for too long");
}
