//! Who may do what.

use rmqtt_codec::types::QoS;
use rmqtt_codec::v3;
use rmqtt_codec::v5::{
    ConnectAckReason, DisconnectReasonCode, Packet, PublishAckReason, Subscribe, SubscribeAckReason,
    SubscriptionOptions,
};
use serde_json::json;

use super::client::{OlderClient, TestClient, connect, will};
use super::metric;
use crate::support::TestHub;

/// Topics that are not those of `MC-1`, or none of a module at all.
const FOREIGN: [&str; 8] = [
    "carillon/MC-2/telemetry",
    "carillon/mc-1/telemetry",
    "carillon/MC-1/command",
    "carillon/MC-1/telemetry/a/b",
    "carillon//telemetry",
    "/carillon/MC-1/telemetry",
    "$SYS/broker",
    "telemetry",
];

#[actix::test]
async fn a_module_publishes_to_topics_of_its_own_only() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    owner.create_module("MC-2").await;
    let mut device = TestClient::device(hub.mqtt(), "MC-1", &token).await;

    for topic in FOREIGN {
        assert_eq!(device.report(topic, r#"{"a":1}"#).await, PublishAckReason::NotAuthorized, "{topic}");
    }
    device.tell("carillon/MC-2/telemetry", r#"{"a":1}"#).await;
    assert_eq!(device.end().await, Some(DisconnectReasonCode::NotAuthorized), "nothing else can tell it");
    let (mut older, _) = OlderClient::enter(hub.mqtt(), "MC-1", &token).await;
    older.publish("carillon/MC-2/telemetry", r#"{"a":1}"#, QoS::AtLeastOnce).await;
    assert_eq!(older.next().await, None);
    assert_eq!(owner.get("/api/v1/modules/MC-2").await.json()["telemetry"], json!({}));
}

#[actix::test]
async fn a_module_listens_to_what_is_meant_for_it_only() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let mut device = TestClient::device(hub.mqtt(), "MC-1", &token).await;

    let (own, _) = device.subscribe(&["carillon/MC-1/command", "carillon/MC-1/desired", "carillon/MC-1/#"]).await;
    assert_eq!(own, [SubscribeAckReason::GrantedQos2; 3]);
    let (foreign, _) =
        device.subscribe(&["carillon/MC-2/command", "carillon/+/command", "#", "+/+/+", "$SYS/#", "command"]).await;
    assert_eq!(foreign, [SubscribeAckReason::NotAuthorized; 6]);
    let (odd, _) = device.subscribe(&["carillon/MC-1/com#", "", "$share/group/carillon/MC-1/command"]).await;
    assert_eq!(
        odd,
        [
            SubscribeAckReason::TopicFilterInvalid,
            SubscribeAckReason::TopicFilterInvalid,
            SubscribeAckReason::SharedSubscriptionNotSupported
        ]
    );
    let many: Vec<_> = (0..100).map(|number| format!("carillon/MC-1/{}#", "+/".repeat(number % 20))).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    device.subscribe(&many).await;
    device.ping().await;
    let filters = vec![("carillon/MC-1/command".into(), SubscriptionOptions::default()); 257];
    let (packet_id, id, user_properties) = (std::num::NonZeroU16::MIN, None, Vec::new());
    device.send(Packet::Subscribe(Subscribe { packet_id, id, user_properties, topic_filters: filters })).await;
    assert_eq!(device.end().await, Some(DisconnectReasonCode::QuotaExceeded));
}

#[actix::test]
async fn a_will_goes_to_topics_of_its_own_only() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    for topic in FOREIGN {
        let mut connect = connect("MC-1", &token);
        connect.last_will = Some(will(topic, "1"));
        let (_, ack) = TestClient::enter(hub.mqtt(), connect).await;
        assert_eq!(ack.reason_code, ConnectAckReason::NotAuthorized, "{topic}");
    }
    for topic in ["carillon/+/telemetry", "#", "a\0b"] {
        let mut connect = connect("MC-1", &token);
        connect.last_will = Some(will(topic, "1"));
        let (_, ack) = TestClient::enter(hub.mqtt(), connect).await;
        assert_eq!(ack.reason_code, ConnectAckReason::TopicNameInvalid, "{topic}");
    }
}

#[actix::test]
async fn nobody_comes_in_without_a_token_of_their_own() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let (token, other) = (owner.create_module("MC-1").await, owner.create_module("MC-2").await);

    for (name, password) in [("MC-1", "cm_wrong"), ("MC-1", &other), ("MC-9", &token), ("MC-1", ""), ("admin", "x")] {
        let (mut client, ack) = TestClient::enter(hub.mqtt(), connect(name, password)).await;
        assert_eq!(ack.reason_code, ConnectAckReason::BadUserNameOrPassword, "{name}");
        assert_eq!(client.end().await, None);
    }
    let mut nameless = connect("MC-1", &token);
    nameless.username = None;
    let (_, ack) = TestClient::enter(hub.mqtt(), nameless).await;
    assert_eq!(ack.reason_code, ConnectAckReason::BadUserNameOrPassword);
    let (_, reason) = OlderClient::enter(hub.mqtt(), "MC-1", "cm_wrong").await;
    assert_eq!(reason, v3::ConnectAckReason::BadUserNameOrPassword);
    assert_eq!(metric(&hub, "carillon_refused_total{reason=\"mqtt-connect-0x86\"}").await, 7.0);
}
