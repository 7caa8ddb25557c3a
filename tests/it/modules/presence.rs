//! Online and offline.

use serde_json::json;

use super::push;
use crate::support::{TestDevice, TestHub};

#[actix::test]
async fn a_module_is_online_while_it_is_connected() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1001-STN").await;
    let mut tab = hub.tab(&owner, &["modules"]).await;

    let device = TestDevice::connect(&hub.authority, &token).await;
    let online = tab.event("rt_module_online").await;
    assert_eq!((&online["moduleId"], &online["name"]), (&json!("MC-1001-STN"), &json!("MC-1001-STN")));
    let module = owner.get("/api/v1/modules/MC-1001-STN").await.json();
    assert_eq!((&module["status"], &module["lastSeen"]), (&json!("online"), &online["lastSeen"]));
    assert_eq!(owner.get("/api/v1/modules?status=online").await.json()["total"], 1);

    device.disconnect().await;
    let offline = tab.event("rt_module_offline").await;
    assert_eq!(offline["moduleId"], "MC-1001-STN");
    assert!(offline["disconnectedAt"].as_str() >= offline["lastSeen"].as_str(), "{offline}");
    assert_eq!(owner.get("/api/v1/modules/MC-1001-STN").await.json()["status"], "offline");
}

#[actix::test]
async fn a_second_connection_replaces_the_first_and_the_module_stays_online() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1001-STN").await;
    let mut tab = hub.tab(&owner, &["modules"]).await;

    let mut first = TestDevice::connect(&hub.authority, &token).await;
    let mut second = TestDevice::connect(&hub.authority, &token).await;

    assert_eq!(first.end().await.code, 4010);
    second.report(1, json!({"speed": 1})).await;
    assert_eq!(tab.next_event().await, "rt_module_online");
    assert_eq!(tab.next_event().await, "rt_telemetry_updated");
    second.disconnect().await;
    assert_eq!(tab.next_event().await, "rt_module_offline");
}

#[actix::test]
async fn readings_over_http_keep_a_module_online_for_a_while() {
    let hub = TestHub::with(&[("CARILLON__PRESENCE__TIMEOUT", "300ms")]).await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1001-STN").await;
    let mut tab = hub.tab(&owner, &["modules"]).await;

    assert_eq!(push(&hub, "MC-1001-STN", &token, json!({"telemetry": {"speed": 1}})).await.status, 200);

    assert_eq!(tab.next_event().await, "rt_module_online");
    assert_eq!(tab.next_event().await, "rt_telemetry_updated");
    assert_eq!(tab.next_event().await, "rt_module_offline");
    assert_eq!(owner.get("/api/v1/modules/MC-1001-STN").await.json()["telemetry"], json!({"speed": 1}));
}

#[actix::test]
async fn a_module_that_was_removed_or_got_a_new_token_is_sent_away() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module("MC-1001-STN").await;
    let path = "/api/v1/modules/MC-1001-STN";

    let rotated = owner.post(&format!("{path}/credentials"), json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    assert_eq!(device.end().await.code, 4001);
    let token = rotated.json()["token"].as_str().expect("a token").to_owned();
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    device.report(1, json!({"speed": 1})).await;

    assert_eq!(owner.delete(path).await.status, 204);
    assert_eq!(device.end().await.code, 4001);
    assert_eq!(push(&hub, "MC-1001-STN", &token, json!({"telemetry": {}})).await.status, 401);
    let token = owner.create_module("MC-1001-STN").await;
    TestDevice::connect(&hub.authority, &token).await;
    assert_eq!(owner.get(path).await.json()["telemetry"], json!({}));
}

#[actix::test]
async fn last_states_outlive_the_hub_and_everybody_is_offline_then() {
    let hub = TestHub::start().await;
    let (_, mut device) = hub.owner_with_module("MC-1001-STN").await;
    device.report(1, json!({"speed": 0.1, "label": "ä", "on": true, "load": null})).await;

    let data = hub.stop().await;
    assert_eq!(device.end().await.code, 1012);
    let hub = TestHub::on(&data, &[]).await;

    let module = hub.admin().await.get("/api/v1/modules/MC-1001-STN").await.json();
    assert_eq!(module["telemetry"], json!({"speed": 0.1, "label": "ä", "on": true, "load": null}));
    assert_eq!(module["status"], "offline");
    assert!(module["lastSeen"].is_string(), "{module}");
}
