//! People who listen to modules.

use rmqtt_codec::v5::{ConnectAckReason, DisconnectReasonCode, PublishAckReason, SubscribeAckReason};

use super::client::{TestClient, connect, will};
use crate::support::{Account, TestHub};

async fn person(hub: &TestHub, account: &Account) -> TestClient {
    let (client, ack) = TestClient::enter(hub.mqtt(), connect("somebody", &account.access_token)).await;
    assert_eq!(ack.reason_code, ConnectAckReason::Success, "{ack:?}");
    client
}

#[actix::test]
async fn a_person_gets_the_newest_values_at_once_and_then_each_change() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    owner.create_module("MC-2").await;
    let mut device = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    device.report("carillon/MC-1/telemetry", r#"{"a":1}"#).await;
    let topic = "carillon/MC-1/telemetry".to_owned();

    for filter in ["carillon/MC-1/telemetry", "carillon/+/telemetry"] {
        let mut listener = person(&hub, &owner).await;
        let (codes, mut kept) = listener.subscribe(&[filter]).await;
        assert_eq!(codes, [SubscribeAckReason::GrantedQos0]);
        let first = kept.pop().map(|kept| (kept.topic.to_string(), kept.payload.to_vec(), kept.retain));
        assert_eq!(first, Some((topic.clone(), br#"{"a":1}"#.to_vec(), true)));
        assert!(kept.is_empty(), "a module that has said nothing has no value");
        device.report("carillon/MC-1/telemetry", r#"{"a":2}"#).await;
        assert_eq!(listener.message().await, (topic.clone(), r#"{"a":2}"#.to_owned(), false));
        device.report("carillon/MC-1/telemetry", r#"{"a":1}"#).await;
    }
}

#[actix::test]
async fn a_person_hears_and_does_only_what_they_may() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let mut device = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    device.report("carillon/MC-1/telemetry", r#"{"a":1}"#).await;
    let other = hub.user("other@example.org").await;
    let mut listener = person(&hub, &other).await;

    let filters = ["carillon/MC-1/telemetry", "carillon/MC-9/telemetry", "#", "carillon/#", "carillon/MC-1/command"];
    let (codes, kept) = listener.subscribe(&filters).await;
    assert_eq!((codes, kept.len()), (vec![SubscribeAckReason::NotAuthorized; 5], 0));
    let (codes, kept) = listener.subscribe(&["carillon/+/telemetry"]).await;
    assert_eq!((codes, kept.len()), (vec![SubscribeAckReason::GrantedQos0], 0), "of all they may see, which is none");
    assert_eq!(listener.report("carillon/MC-1/telemetry", "{}").await, PublishAckReason::NotAuthorized);
    device.report("carillon/MC-1/telemetry", r#"{"a":2}"#).await;
    listener.ping().await;

    let mut with_will = connect("other", &other.access_token);
    with_will.last_will = Some(will("carillon/MC-1/telemetry", "{}"));
    let (_, ack) = TestClient::enter(hub.mqtt(), with_will).await;
    assert_eq!(ack.reason_code, ConnectAckReason::NotAuthorized);
}

#[actix::test]
async fn the_end_of_a_login_ends_its_connection() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let mut listener = person(&hub, &owner).await;
    listener.subscribe(&["carillon/+/telemetry"]).await;

    assert_eq!(owner.post("/api/v1/auth/logout", serde_json::json!({})).await.status, 204);
    assert_eq!(listener.end().await, Some(DisconnectReasonCode::NotAuthorized));
    let (_, ack) = TestClient::enter(hub.mqtt(), connect("somebody", &owner.access_token)).await;
    assert_eq!(ack.reason_code, ConnectAckReason::BadUserNameOrPassword);
}
