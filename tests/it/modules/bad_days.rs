//! The database is locked: nothing is acknowledged that is not stored, and nothing breaks.

use serde_json::json;

use super::push;
use crate::support::TestHub;
use crate::support::database::Intruder;

const ID: &str = "MC-1001-STN";

#[actix::test]
async fn while_the_database_is_locked_readings_are_refused_with_a_pause_and_taken_afterwards() {
    let hub = TestHub::with(&[("CARILLON__STORE__BUSY_TIMEOUT", "100ms")]).await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    let token = owner.create_module("MC-1002-STN").await;
    device.report(1, json!({"speed": 1})).await;
    let mut intruder = Intruder::of(hub.data());
    intruder.lock();

    device.send(json!({"type": "telemetry", "id": 2, "telemetry": {"speed": 2}})).await;
    let error = device.next().await.expect("the socket stays open");
    assert_eq!((&error["type"], &error["id"], &error["problem"]["status"]), (&json!("error"), &json!(2), &json!(503)));
    let refused = push(&hub, "MC-1002-STN", &token, json!({"telemetry": {"a": 1}})).await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.header("retry-after").is_some());
    assert!(!refused.text.contains("lock") && !refused.text.contains("database"), "{}", refused.text);
    let module = json!({"moduleId": "MC-3", "name": "x", "type": "Station"});
    assert_eq!(owner.post("/api/v1/modules", module.clone()).await.status, 503);
    assert_eq!(owner.get("/api/v1/modules").await.json()["total"], 2, "what is not stored is not there");

    intruder.give_back();
    device.report(3, json!({"speed": 2})).await;
    assert_eq!(push(&hub, "MC-1002-STN", &token, json!({"telemetry": {"a": 1}})).await.status, 200);
    assert_eq!(owner.post("/api/v1/modules", module).await.status, 201);
    let data = hub.stop().await;
    let hub = TestHub::on(&data, &[]).await;
    let stored = hub.admin().await.get("/api/v1/modules/MC-1001-STN").await.json();
    assert_eq!(stored["telemetry"], json!({"speed": 2}));
}
