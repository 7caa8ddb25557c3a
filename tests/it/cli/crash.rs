use serde_json::json;

use crate::support::process::{Scratch, TestProcess};
use crate::support::{Answer, TestDevice};

#[actix::test]
async fn accounts_modules_and_last_states_survive_kill_9() {
    let data = Scratch::new();
    let mut hub = TestProcess::start(data.path()).await;
    let admin = hub.admin().await;
    let user = json!({"email": "ada@example.org", "name": "Ada", "password": "a long password", "roles": ["user"]});
    assert_eq!(admin.post("/api/v1/users", user).await.status, 201);
    let token = admin.create_module("MC-1001-STN").await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    device.report(1, json!({"speed": 12.5, "mode": "auto"})).await;
    let other = admin.create_module("MC-1002-STN").await;
    push(&hub, "MC-1002-STN", &other, json!([{"telemetry": {"a": 1}}, {"telemetry": {"b": 2}}])).await;

    hub.kill().await;
    let hub = TestProcess::start(data.path()).await;

    // The old login is still good: a crash logs nobody out.
    let bearer = format!("Bearer {}", admin.access_token);
    let path = "/api/v1/modules/MC-1001-STN";
    let module = Answer::of(&hub.authority, "GET", path, &[("authorization", &bearer)], None).await;
    assert_eq!(module.status, 200, "{}", module.text);
    assert_eq!(module.json()["telemetry"], json!({"speed": 12.5, "mode": "auto"}));
    assert_eq!(module.json()["status"], "offline");
    assert_eq!(module.json()["userId"], admin.id.as_str());
    let module = hub.admin().await.get("/api/v1/modules/MC-1002-STN").await.json();
    assert_eq!(module["telemetry"], json!({"a": 1, "b": 2}));
    assert_eq!(hub.try_log_in("ada@example.org", "a long password").await.status, 200);
    push(&hub, "MC-1001-STN", &token, json!({"telemetry": {"speed": 13}})).await;
}

async fn push(hub: &TestProcess, id: &str, token: &str, readings: serde_json::Value) {
    let bearer = format!("Bearer {token}");
    let path = format!("/api/v1/modules/{id}/telemetry");
    let answer = Answer::of(&hub.authority, "POST", &path, &[("authorization", &bearer)], Some(readings)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}
