//! Emergency stops, as a device hears them over MQTT.

use std::num::NonZeroU16;

use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{Connect, Packet};
use serde_json::{Value, json};

use super::client::{TestClient, connect};
use crate::support::{Account, TestHub};

const STOPS: &str = "/api/v1/emergency-stops";
const TOPIC: &str = "carillon/MC-1/command";

/// A device whose session outlives its connection.
fn remembered(token: &str) -> Connect {
    let mut connect = connect("MC-1", token);
    connect.client_id = "boiler".into();
    connect.clean_start = false;
    connect.session_expiry_interval_secs = 60;
    connect
}

async fn stop(owner: &Account) -> String {
    let made = owner.post(STOPS, json!({"scope": "module", "moduleId": "MC-1"})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["stopId"].as_str().expect("an id").to_owned()
}

async fn next_command(device: &mut TestClient) -> Value {
    serde_json::from_str(&device.message().await.1).expect("payloads are JSON")
}

#[actix::test]
async fn a_stop_that_was_cleared_is_not_told_to_a_device_that_comes_back() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let mut tab = hub.tab(&owner, &["modules"]).await;
    let (mut device, _) = TestClient::enter(hub.mqtt(), remembered(&token)).await;
    device.subscribe(&[TOPIC]).await;
    let made = stop(&owner).await;
    assert_eq!(next_command(&mut device).await["commandId"], made.as_str());

    drop(device);
    tab.event("rt_module_offline").await;
    let (mut device, ack) = TestClient::enter(hub.mqtt(), remembered(&token)).await;
    assert!(ack.session_present);
    assert_eq!(next_command(&mut device).await["commandId"], made.as_str(), "it is in force");
    drop(device);
    tab.event("rt_module_offline").await;
    assert_eq!(owner.post(&format!("{STOPS}/{made}/clear"), json!({})).await.status, 200);

    let (mut device, ack) = TestClient::enter(hub.mqtt(), remembered(&token)).await;
    assert!(ack.session_present);
    device.ping().await;
    device.ping().await;
}

#[actix::test]
async fn a_stop_is_told_to_a_device_that_takes_nothing_else() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let narrow = Connect { receive_max: NonZeroU16::new(1), ..connect("MC-1", &token) };
    let (mut device, _) = TestClient::enter(hub.mqtt(), narrow).await;
    device.subscribe(&[TOPIC]).await;
    let by = owner.clone();
    let asked =
        actix_rt::spawn(async move { by.post("/api/v1/modules/MC-1/commands", json!({"command": "open"})).await });
    let Some(Packet::Publish(open)) = device.next().await else { panic!("the command comes") };
    assert_eq!((open.topic.as_ref(), open.qos), (TOPIC, QoS::ExactlyOnce), "which the device does not acknowledge");

    let made = stop(&owner).await;
    let told = next_command(&mut device).await;
    assert_eq!((&told["commandId"], &told["command"]), (&json!(made), &json!("emergency_stop")));
    assert_eq!(asked.await.expect("the caller is answered").status, 409);
}

#[actix::test]
async fn what_people_want_is_not_kept_for_a_device_that_must_stand_still() {
    const DESIRED: &str = "carillon/MC-1/desired";
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    assert_eq!(owner.patch("/api/v1/modules/MC-1/twin", json!({"motor": "on"})).await.status, 200);
    let mut device = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    device.subscribe_plainly(&[TOPIC]).await;
    let made = stop(&owner).await;
    let told = next_command(&mut device).await;
    assert_eq!(told["commandId"], made.as_str());
    let answer = json!({"commandId": made, "ok": true, "result": null}).to_string();
    device.report("carillon/MC-1/result", &answer).await;

    device.subscribe_plainly(&[DESIRED]).await;
    device.ping().await;
    assert_eq!(owner.post(&format!("{STOPS}/{made}/clear"), json!({})).await.status, 200);
    let (topic, payload, _) = device.message().await;
    assert_eq!((topic.as_str(), payload.as_str()), (DESIRED, r#"{"desired":{"motor":"on"},"version":1}"#));
}
