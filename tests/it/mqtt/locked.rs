//! A database that is locked for longer than any door waits.

use std::time::{Duration, Instant};

use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{Connect, ConnectAck, Packet, PublishAckReason};
use serde_json::{Value, json};

use super::client::{TestClient, connect, publish};
use crate::support::database::Intruder;
use crate::support::{Account, Answer, TestDevice, TestHub};

const HTTP: &str = "MC-HTTP";
const SOCKET: &str = "MC-SOCKET";
const MQTT: &str = "MC-MQTT";
const BROKEN: &str = "MC-BROKEN";

async fn post(hub: &TestHub, token: &str, n: u64) -> Answer {
    let (path, bearer) = (format!("/api/v1/modules/{HTTP}/telemetry"), format!("Bearer {token}"));
    let reading = json!({"telemetry": {"n": n}});
    Answer::of(&hub.authority, "POST", &path, &[("authorization", &bearer)], Some(reading)).await
}

/// Posts until the hub takes readings again, which it does by itself.
async fn post_until_taken(hub: &TestHub, token: &str, n: u64) {
    for _ in 0..100 {
        let posted = post(hub, token, n).await.status;
        if posted == 200 {
            return;
        }
        assert_eq!(posted, 503);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the hub takes nothing any more");
}

async fn tell(device: &mut TestDevice, n: u64) -> Value {
    device.send(json!({"type": "telemetry", "id": n, "telemetry": {"n": n}})).await;
    device.next().await.expect("the socket stays open")
}

/// A client whose session outlives its connection.
async fn remembered(hub: &TestHub, token: &str) -> (TestClient, ConnectAck) {
    let connect = Connect {
        clean_start: false,
        client_id: "one".into(),
        session_expiry_interval_secs: 600,
        ..connect(BROKEN, token)
    };
    TestClient::enter(hub.mqtt(), connect).await
}

async fn values(owner: &Account, id: &str) -> Vec<Value> {
    let page = owner.get(&format!("/api/v1/modules/{id}/telemetry?key=n")).await.json();
    page["items"].as_array().expect("a list").iter().map(|item| item["value"].clone()).collect()
}

#[actix::test]
async fn what_was_refused_while_the_database_was_locked_is_not_stored_when_it_is_free() {
    let hub = TestHub::with(&[("CARILLON__STORE__BUSY_TIMEOUT", "60s")]).await;
    let owner = hub.admin().await;
    let http_token = owner.create_module(HTTP).await;
    let mut device = TestDevice::connect(&hub.authority, &owner.create_module(SOCKET).await).await;
    let mut client = TestClient::device(hub.mqtt(), MQTT, &owner.create_module(MQTT).await).await;
    let broken_token = owner.create_module(BROKEN).await;
    let (mut broken, _) = remembered(&hub, &broken_token).await;
    let (topic, broken_topic) = (format!("carillon/{MQTT}/telemetry"), format!("carillon/{BROKEN}/telemetry"));
    assert_eq!(post(&hub, &http_token, 1).await.status, 200);
    assert_eq!(tell(&mut device, 1).await, json!({"type": "ack", "id": 1}));
    assert_eq!(client.report(&topic, r#"{"n":1}"#).await, PublishAckReason::Success);
    assert_eq!(broken.report(&broken_topic, r#"{"n":1}"#).await, PublishAckReason::Success);

    let mut intruder = Intruder::of(hub.data());
    intruder.lock();
    let unanswered = publish(&broken_topic, r#"{"n":2}"#, QoS::AtLeastOnce, 2);
    broken.send(Packet::Publish(Box::new(unanswered.clone()))).await;
    drop(broken);
    let (posted, told, published) =
        tokio::join!(post(&hub, &http_token, 2), tell(&mut device, 2), client.report(&topic, r#"{"n":2}"#));
    assert_eq!((posted.status, &posted.json()["type"]), (503, &json!("/problems/unavailable")), "{}", posted.text);
    assert_eq!((&told["type"], &told["problem"]["status"]), (&json!("error"), &json!(503)), "{told}");
    assert_eq!(published, PublishAckReason::QuotaExceeded);
    // Who comes now waits no longer, at no door: not at all behind a commit of readings that hangs, and for a turn behind
    // any other.
    let began = Instant::now();
    let (posted, told, published) =
        tokio::join!(post(&hub, &http_token, 3), tell(&mut device, 3), client.report(&topic, r#"{"n":3}"#));
    assert_eq!((posted.status, told["problem"]["status"].as_u64()), (503, Some(503)), "{} {told}", posted.text);
    assert!(posted.header("retry-after").is_some());
    assert_eq!(published, PublishAckReason::QuotaExceeded);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let ready = Answer::of(&hub.authority, "GET", "/health/ready", &[], None).await;
    assert_eq!((ready.status, &ready.json()["checks"][0]["ok"]), (503, &json!(false)), "{}", ready.text);
    intruder.give_back();

    post_until_taken(&hub, &http_token, 2).await;
    assert_eq!(tell(&mut device, 4).await, json!({"type": "ack", "id": 4}));
    assert_eq!(client.report(&topic, r#"{"n":2}"#).await, PublishAckReason::Success);
    let (mut broken, ack) = remembered(&hub, &broken_token).await;
    assert!(ack.session_present);
    broken.send(Packet::Publish(Box::new(rmqtt_codec::types::Publish { dup: true, ..unanswered }))).await;
    let answer = broken.next().await;
    assert!(
        matches!(&answer, Some(Packet::PublishAck(ack)) if ack.reason_code == PublishAckReason::Success),
        "{answer:?}"
    );
    for (id, expected) in [(HTTP, [1, 2]), (SOCKET, [1, 4]), (MQTT, [1, 2]), (BROKEN, [1, 2])] {
        assert_eq!(values(&owner, id).await, expected, "{id}");
    }
}

#[actix::test]
async fn what_a_broken_connection_left_unanswered_is_taken_back_before_its_client_sends_it_again() {
    let hub = TestHub::with(&[("CARILLON__STORE__BUSY_TIMEOUT", "60s")]).await;
    let owner = hub.admin().await;
    let token = owner.create_module(BROKEN).await;
    let (mut broken, _) = remembered(&hub, &token).await;
    let topic = format!("carillon/{BROKEN}/telemetry");
    assert_eq!(broken.report(&topic, r#"{"n":1}"#).await, PublishAckReason::Success);
    let mut intruder = Intruder::of(hub.data());
    intruder.lock();
    let unanswered = publish(&topic, r#"{"n":2}"#, QoS::AtLeastOnce, 2);
    broken.send(Packet::Publish(Box::new(unanswered.clone()))).await;
    broken.ping().await;
    drop(broken);

    // The session goes on when nobody waits any more for what was under way, which is sooner than the store is given up.
    let (mut broken, ack) = remembered(&hub, &token).await;
    intruder.give_back();
    assert!(ack.session_present);
    broken.send(Packet::Publish(Box::new(rmqtt_codec::types::Publish { dup: true, ..unanswered }))).await;
    let answer = broken.next().await;
    let is_taken = matches!(&answer, Some(Packet::PublishAck(ack)) if ack.reason_code == PublishAckReason::Success);
    assert!(is_taken, "{answer:?}");
    assert_eq!(values(&owner, BROKEN).await, [1, 2]);
}
