//! Alarms: rules, what raises and what clears, who sees and who says what.

mod bad_days;
mod flood;
mod life;
mod restart;
mod rules;

use serde_json::{Value, json};

use crate::support::{Account, Answer, TestHub};

const ID: &str = "MC-1001-STN";
const RULES: &str = "/api/v1/alarm-rules";
const ALARMS: &str = "/api/v1/alarms";

/// Makes a rule that must be taken; answers it.
async fn make_rule(by: &Account, rule: Value) -> Value {
    let made = by.post(RULES, rule).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()
}

/// A rule for the module of these tests: too hot above 80, over at 75.
fn hot() -> Value {
    let condition = json!({"kind": "threshold", "key": "t", "direction": "above", "limit": 80, "hysteresis": 5});
    json!({"name": "Too hot", "severity": "critical", "moduleId": ID, "condition": condition})
}

/// Reports over HTTP what must be taken.
async fn report(hub: &TestHub, token: &str, readings: Value) {
    let bearer = format!("Bearer {token}");
    let path = format!("/api/v1/modules/{ID}/telemetry");
    let answer = Answer::of(&hub.authority, "POST", &path, &[("authorization", &bearer)], Some(readings)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// The alarms that somebody sees, with a query.
async fn alarms(by: &Account, query: &str) -> Value {
    let answer = by.get(&format!("{ALARMS}?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Where a word is said to an alarm.
fn path(alarm: &Value, word: &str) -> String {
    format!("{ALARMS}/{}/{word}", alarm["alarmId"].as_str().expect("an id"))
}

/// So many seconds before now.
fn ago(seconds: i64) -> String {
    let now = carillon::domain::time::Timestamp::now().as_millis();
    carillon::domain::time::Timestamp::from_millis(now - seconds * 1000).to_string()
}
