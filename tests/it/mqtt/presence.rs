//! Online and offline by a connection of MQTT.

use rmqtt_codec::v5::{ConnectAckReason, DisconnectReasonCode, PublishAckReason};
use serde_json::json;

use super::client::{TestClient, connect, will};
use crate::support::{TestDevice, TestHub};

const TOPIC: &str = "carillon/MC-1/telemetry";

#[actix::test]
async fn a_module_is_online_while_it_is_connected_and_offline_at_once_when_it_is_lost() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let mut tab = hub.tab(&owner, &["modules"]).await;

    let device = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    assert_eq!(tab.next_event().await, "rt_module_online");
    device.leave().await;
    assert_eq!(tab.next_event().await, "rt_module_offline");

    let device = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    assert_eq!(tab.next_event().await, "rt_module_online");
    drop(device);
    assert_eq!(tab.next_event().await, "rt_module_offline");
}

#[actix::test]
async fn a_will_is_reported_when_the_module_is_lost_and_not_when_it_leaves() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let mut tab = hub.tab(&owner, &["modules"]).await;
    let with_will = || {
        let mut connect = connect("MC-1", &token);
        connect.last_will = Some(will(TOPIC, r#"{"state":"lost"}"#));
        connect
    };

    let (device, _) = TestClient::enter(hub.mqtt(), with_will()).await;
    device.leave().await;
    tab.event("rt_module_offline").await;
    assert_eq!(owner.get("/api/v1/modules/MC-1").await.json()["telemetry"], json!({}));

    let (device, _) = TestClient::enter(hub.mqtt(), with_will()).await;
    drop(device);
    assert_eq!(tab.event("rt_telemetry_updated").await["telemetry"], json!({"state": "lost"}));
}

#[actix::test]
async fn a_newer_connection_takes_over_by_whatever_door_and_the_module_stays_online() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let mut tab = hub.tab(&owner, &["modules"]).await;

    let mut first = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    let mut second = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    assert_eq!(first.end().await, Some(DisconnectReasonCode::SessionTakenOver));
    assert_eq!(second.report(TOPIC, r#"{"a":1}"#).await, PublishAckReason::Success);
    let mut third = TestDevice::connect(&hub.authority, &token).await;
    assert_eq!(second.end().await, Some(DisconnectReasonCode::SessionTakenOver));
    let mut fourth = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    assert_eq!(third.end().await.code, 4010);

    fourth.ping().await;
    fourth.leave().await;
    for expected in ["rt_module_online", "rt_telemetry_updated", "rt_module_offline"] {
        assert_eq!(tab.next_event().await, expected);
    }
}

#[actix::test]
async fn a_client_id_is_no_identity() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let (one, two) = (owner.create_module("MC-1").await, owner.create_module("MC-2").await);
    let named = |id: &str, token: &str| {
        let mut connect = connect(id, token);
        connect.client_id = "boiler".into();
        connect.clean_start = false;
        connect.session_expiry_interval_secs = 60;
        connect
    };

    let (mut first, _) = TestClient::enter(hub.mqtt(), named("MC-1", &one)).await;
    let (mut thief, ack) = TestClient::enter(hub.mqtt(), named("MC-2", &two)).await;

    assert!(!ack.session_present);
    first.ping().await;
    thief.ping().await;
    assert_eq!(first.report(TOPIC, r#"{"a":1}"#).await, PublishAckReason::Success);
    first.leave().await;
    let (_again, ack) = TestClient::enter(hub.mqtt(), named("MC-1", &one)).await;
    assert!(ack.session_present, "the same module with the same client id");
}

#[actix::test]
async fn a_new_token_and_a_removal_end_the_connection() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let old = owner.create_module("MC-1").await;
    let mut device = TestClient::device(hub.mqtt(), "MC-1", &old).await;

    let new = owner.post("/api/v1/modules/MC-1/credentials", json!({})).await.json()["token"].clone();
    assert_eq!(device.end().await, Some(DisconnectReasonCode::NotAuthorized));
    let (_, ack) = TestClient::enter(hub.mqtt(), connect("MC-1", &old)).await;
    assert_eq!(ack.reason_code, ConnectAckReason::BadUserNameOrPassword);

    let mut device = TestClient::device(hub.mqtt(), "MC-1", new.as_str().expect("a token")).await;
    assert_eq!(owner.delete("/api/v1/modules/MC-1").await.status, 204);
    assert_eq!(device.end().await, Some(DisconnectReasonCode::NotAuthorized));
}

#[actix::test]
async fn a_hub_that_stops_says_so() {
    let hub = TestHub::start().await;
    let token = hub.admin().await.create_module("MC-1").await;
    let mut device = TestClient::device(hub.mqtt(), "MC-1", &token).await;

    let data = hub.stop().await;
    assert_eq!(device.end().await, Some(DisconnectReasonCode::ServerShuttingDown));
    // The folder of a stopped hub is the test's.
    let _ = std::fs::remove_dir_all(data);
}
