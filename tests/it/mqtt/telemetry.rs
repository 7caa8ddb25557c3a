//! What modules report.

use std::num::NonZeroU16;

use carillon::domain::time::Timestamp;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v3;
use rmqtt_codec::v5::{Packet, PublishAck2, PublishAck2Reason, PublishAckReason};
use serde_json::json;

use super::client::{OlderClient, TestClient, publish};
use super::metric;
use crate::support::{Account, TestHub};

const TOPIC: &str = "carillon/MC-1/telemetry";

async fn start() -> (TestHub, Account, TestClient) {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let device = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    (hub, owner, device)
}

async fn telemetry(owner: &Account) -> serde_json::Value {
    owner.get("/api/v1/modules/MC-1").await.json()["telemetry"].clone()
}

#[actix::test]
async fn what_is_acknowledged_is_there_in_every_shape() {
    let (_hub, owner, mut device) = start().await;
    let dated = json!({"ts": Timestamp::now(), "telemetry": {"b": true}}).to_string();

    for (topic, payload, expected) in [
        (TOPIC, r#"{"a":1}"#, json!({"a": 1})),
        (TOPIC, dated.as_str(), json!({"a": 1, "b": true})),
        (TOPIC, r#"[{"telemetry":{"a":2}},{"telemetry":{"a":3}}]"#, json!({"a": 3, "b": true})),
        ("carillon/MC-1/telemetry/c d", "\"on\"", json!({"a": 3, "b": true, "c d": "on"})),
    ] {
        assert_eq!(device.report(topic, payload).await, PublishAckReason::Success, "{payload}");
        assert_eq!(telemetry(&owner).await, expected);
    }
}

#[actix::test]
async fn a_message_of_qos_2_is_taken_once_until_it_is_released() {
    let (hub, _owner, mut device) = start().await;
    let mut message = publish(TOPIC, r#"{"a":1}"#, QoS::ExactlyOnce, 7);
    for _ in 0..3 {
        device.send(Packet::Publish(Box::new(message.clone()))).await;
        let answer = device.next().await;
        assert!(matches!(&answer, Some(Packet::PublishReceived(ack)) if ack.packet_id.get() == 7), "{answer:?}");
        message.dup = true;
    }
    for expected in [PublishAck2Reason::Success, PublishAck2Reason::PacketIdNotFound] {
        let packet_id = NonZeroU16::new(7).expect("seven");
        device.send(Packet::PublishRelease(PublishAck2 { packet_id, ..PublishAck2::default() })).await;
        let answer = device.next().await;
        assert!(matches!(&answer, Some(Packet::PublishComplete(ack)) if ack.reason_code == expected), "{answer:?}");
    }

    assert_eq!(metric(&hub, "carillon_telemetry_readings_total").await, 1.0);
}

#[actix::test]
async fn what_is_no_reading_is_refused_by_its_code_and_changes_nothing() {
    let (_hub, owner, mut device) = start().await;
    let many: Vec<_> = (0..1000).map(|number| format!("\"k{number}\":{number}")).collect();

    for payload in ["", "21.5", "{\"a\":", "{\"a\":[1]}", "{\"a\":NaN}", &format!("{{{}}}", many.join(","))] {
        assert_eq!(device.report(TOPIC, payload).await, PublishAckReason::PayloadFormatInvalid, "{payload}");
    }
    assert_eq!(device.report("carillon/MC-1/telemetry/a", "hello").await, PublishAckReason::PayloadFormatInvalid);
    device.tell(TOPIC, "no reading either, and nobody is told").await;
    device.ping().await;
    assert_eq!(telemetry(&owner).await, json!({}));
}

#[actix::test]
async fn readings_of_3_1_1_are_taken_and_what_is_none_ends_the_connection() {
    let (hub, owner, _) = start().await;
    let token = owner.post("/api/v1/modules/MC-1/credentials", json!({})).await.json()["token"].clone();
    let (mut device, reason) = OlderClient::enter(hub.mqtt(), "MC-1", token.as_str().expect("a token")).await;
    assert_eq!(reason, v3::ConnectAckReason::ConnectionAccepted);

    device.publish(TOPIC, r#"{"a":1}"#, QoS::AtLeastOnce).await;
    let answer = device.next().await;
    assert!(matches!(answer, Some(v3::Packet::PublishAck { .. })), "{answer:?}");
    assert_eq!(telemetry(&owner).await, json!({"a": 1}));

    device.publish(TOPIC, "21.5", QoS::AtLeastOnce).await;
    assert_eq!(device.next().await, None, "an acknowledgement would say that it was stored");
}

#[actix::test]
async fn what_3_1_1_sends_again_though_it_can_never_be_taken_stands_in_the_way_of_nothing() {
    let (hub, owner, _) = start().await;
    let token = owner.post("/api/v1/modules/MC-1/credentials", json!({})).await.json()["token"].clone();
    let token = token.as_str().expect("a token");
    for bad in ["21.5", r#"{"ts":"1970-01-01T00:00:00Z","telemetry":{"a":1}}"#] {
        let (mut device, _) = OlderClient::enter(hub.mqtt(), "MC-1", token).await;
        device.publish(TOPIC, bad, QoS::AtLeastOnce).await;
        assert_eq!(device.next().await, None, "{bad}: told by the end of the connection");

        let (mut device, _) = OlderClient::enter(hub.mqtt(), "MC-1", token).await;
        device.publish_again(TOPIC, bad, QoS::AtLeastOnce).await;
        device.publish(TOPIC, r#"{"a":2}"#, QoS::AtLeastOnce).await;
        for message in ["the bad one", "the good one behind it"] {
            let answer = device.next().await;
            assert!(matches!(answer, Some(v3::Packet::PublishAck { .. })), "{message}: {answer:?}");
        }
    }
    assert_eq!(telemetry(&owner).await, json!({"a": 2}));
    assert_eq!(metric(&hub, "carillon_telemetry_readings_total").await, 2.0);
}

#[actix::test]
async fn what_came_with_a_message_that_ended_its_connection_is_taken_once() {
    let (hub, owner, _) = start().await;
    let token = owner.post("/api/v1/modules/MC-1/credentials", json!({})).await.json()["token"].clone();
    let token = token.as_str().expect("a token");
    let connect =
        || v3::Connect { clean_session: false, client_id: "one".into(), ..OlderClient::connect("MC-1", token) };
    let messages = |dup| {
        (1..=60).map(move |number| {
            let payload = if number == 20 { "{bad".to_owned() } else { format!("{{\"a\":{number}}}") };
            let message = publish(TOPIC, &payload, QoS::AtLeastOnce, number);
            v3::Packet::Publish(Box::new(Publish { properties: None, dup, ..message }))
        })
    };

    let (mut device, _) = OlderClient::enter_with(hub.mqtt(), connect()).await;
    device.send_all(messages(false)).await;
    let mut acknowledged = 0;
    while let Some(v3::Packet::PublishAck { .. }) = device.next().await {
        acknowledged += 1;
    }
    assert_eq!(acknowledged, 19, "told of the bad one by the end of the connection");
    let (mut device, _) = OlderClient::enter_with(hub.mqtt(), connect()).await;
    device.send_all(messages(true).skip(acknowledged)).await;
    for number in 20..=60 {
        let answer = device.next().await;
        assert!(matches!(answer, Some(v3::Packet::PublishAck { .. })), "{number}: {answer:?}");
    }

    let page = owner.get("/api/v1/modules/MC-1/telemetry?key=a&limit=1000").await.json();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(59), "each once");
}

#[actix::test]
async fn aliases_stand_for_topics_and_acknowledgements_keep_their_order() {
    let (_hub, owner, mut device) = start().await;
    for number in 1..=50_u16 {
        let topic = if number == 1 { TOPIC } else { "" };
        let mut message = publish(topic, &format!("{{\"a\":{number}}}"), QoS::AtLeastOnce, number);
        message.properties.get_or_insert_default().topic_alias = NonZeroU16::new(3);
        device.send(Packet::Publish(Box::new(message))).await;
    }
    for number in 1..=50 {
        let answer = device.next().await;
        assert!(matches!(&answer, Some(Packet::PublishAck(ack)) if ack.packet_id.get() == number), "{answer:?}");
    }
    assert_eq!(telemetry(&owner).await, json!({"a": 50}));
}

#[actix::test]
async fn of_messages_that_come_together_each_is_judged_by_itself() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let mut client = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    let payloads = [
        r#"{"n":1}"#,
        r#"{"ts":"2100-01-01T00:00:00Z","telemetry":{"n":2}}"#,
        "no JSON",
        r#"[{"telemetry":{"n":4}},{"telemetry":{"n":5}}]"#,
        r#"{"n":6}"#,
    ];
    let packets = (1..).zip(payloads).map(|(id, payload)| {
        Packet::Publish(Box::new(publish("carillon/MC-1/telemetry", payload, QoS::AtLeastOnce, id)))
    });
    client.send_all(packets.collect()).await;

    let (taken, unfit) = (PublishAckReason::Success, PublishAckReason::PayloadFormatInvalid);
    for (id, expected) in (1..).zip([taken, unfit, unfit, taken, taken]) {
        match client.next().await {
            Some(Packet::PublishAck(ack)) => assert_eq!((ack.packet_id.get(), ack.reason_code), (id, expected)),
            other => panic!("{other:?} is no PUBACK"),
        }
    }
    let page = owner.get("/api/v1/modules/MC-1/telemetry?key=n").await.json();
    let values: Vec<_> = page["items"].as_array().expect("a list").iter().map(|item| &item["value"]).collect();
    assert_eq!(values, [1, 4, 5, 6]);
}
