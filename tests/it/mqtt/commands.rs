//! What modules are told over MQTT, and what they answer.

use rmqtt_codec::v5::{PublishAckReason, SubscribeAckReason};
use serde_json::{Value, json};

use super::client::TestClient;
use crate::support::{Account, Answer, TestHub};

const COMMANDS: &str = "/api/v1/modules/MC-1/commands";
const TWIN: &str = "/api/v1/modules/MC-1/twin";

async fn start() -> (TestHub, Account, TestClient) {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let device = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    (hub, owner, device)
}

fn ask(owner: &Account, body: Value) -> actix_rt::task::JoinHandle<Answer> {
    let owner = owner.clone();
    actix_rt::spawn(async move { owner.post(COMMANDS, body).await })
}

async fn next_of(device: &mut TestClient, what: &str) -> (Value, bool) {
    let (topic, payload, is_kept) = device.message().await;
    assert_eq!(topic, format!("carillon/MC-1/{what}"));
    (serde_json::from_str(&payload).expect("payloads are JSON"), is_kept)
}

#[actix::test]
async fn a_command_reaches_the_module_and_its_answer_whoever_asked() {
    let (_hub, owner, mut device) = start().await;
    let (granted, _) = device.subscribe_plainly(&["carillon/MC-1/command"]).await;
    assert_eq!(granted, [SubscribeAckReason::GrantedQos0]);

    let asked = ask(&owner, json!({"command": "open", "params": {"door": 2}}));
    let (command, _) = next_of(&mut device, "command").await;
    assert_eq!((&command["command"], &command["params"]), (&json!("open"), &json!({"door": 2})));
    assert!(command["deadline"].is_string(), "{command}");
    let result = json!({"commandId": command["commandId"], "ok": true, "result": "opened"}).to_string();
    assert_eq!(device.report("carillon/MC-1/result", &result).await, PublishAckReason::Success);

    let answer = asked.await.expect("the question ends");
    assert_eq!((answer.status, &answer.json()["result"]), (200, &json!("opened")), "{}", answer.text);
    let unknown = json!({"commandId": "none", "ok": true}).to_string();
    let told = device.report("carillon/MC-1/result", &unknown).await;
    assert_eq!(told, PublishAckReason::NoMatchingSubscribers, "taken, though nobody waits for it");
    assert_eq!(device.report("carillon/MC-1/result", "{}").await, PublishAckReason::PayloadFormatInvalid);
}

#[actix::test]
async fn what_was_asked_before_the_module_listened_is_told_when_it_does() {
    let (_hub, owner, mut device) = start().await;
    let asked = ask(&owner, json!({"command": "open"}));
    // The command is there as soon as the list shows it.
    for attempt in 0.. {
        assert!(attempt < 1000, "the command does not come");
        if owner.get(COMMANDS).await.json()["total"] == 1 {
            break;
        }
    }
    device.subscribe_plainly(&["carillon/MC-1/#"]).await;

    let (command, _) = next_of(&mut device, "command").await;
    let result = json!({"commandId": command["commandId"], "ok": false, "result": null}).to_string();
    assert_eq!(device.report("carillon/MC-1/result", &result).await, PublishAckReason::Success);
    assert_eq!(asked.await.expect("the question ends").json()["ok"], false);
}

#[actix::test]
async fn the_desired_state_is_kept_for_the_module_and_changes_come_at_once() {
    let (_hub, owner, mut device) = start().await;
    assert_eq!(owner.patch(TWIN, json!({"desired": null, "speed": 1})).await.status, 200);
    device.ping().await;

    device.subscribe_plainly(&["carillon/MC-1/desired"]).await;
    let (wanted, is_kept) = next_of(&mut device, "desired").await;
    assert_eq!((&wanted["desired"], is_kept), (&json!({"speed": 1}), true), "{wanted}");
    assert_eq!(owner.patch(TWIN, json!({"speed": 2})).await.status, 200);
    let (newer, is_kept) = next_of(&mut device, "desired").await;
    assert_eq!((&newer["desired"], is_kept), (&json!({"speed": 2}), false), "{newer}");
    assert!(newer["version"].as_i64() > wanted["version"].as_i64());

    assert_eq!(device.report("carillon/MC-1/reported", r#"{"speed":2}"#).await, PublishAckReason::Success);
    assert_eq!(owner.get(TWIN).await.json()["reported"], json!({"speed": 2}));
    assert_eq!(device.report("carillon/MC-1/reported", "[1]").await, PublishAckReason::PayloadFormatInvalid);
}
