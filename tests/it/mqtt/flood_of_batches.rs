//! A module that sends as much at once as may be, as often as it can.

use std::time::{Duration, Instant};

use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{Packet, PublishAckReason};
use serde_json::{Value, json};

use super::client::{TestClient, publish};
use crate::support::database::Intruder;
use crate::support::{Account, Answer, TestHub, within};

/// Readings of one request or message.
const MOST: usize = 10_000;

fn largest() -> Value {
    (0..MOST).map(|n| json!({"telemetry": {"n": n}})).collect()
}

async fn post(hub: &TestHub, id: &str, token: &str, body: &Value) -> Answer {
    let (path, bearer) = (format!("/api/v1/modules/{id}/telemetry"), format!("Bearer {token}"));
    Answer::of(&hub.authority, "POST", &path, &[("authorization", &bearer)], Some(body.clone())).await
}

/// Waits until a module's newest state is so, which it is before it is stored.
async fn until_let_in(owner: &Account, id: &str, n: usize) {
    let path = format!("/api/v1/modules/{id}");
    within("a reading to be let in", async { while owner.get(&path).await.json()["telemetry"] != json!({"n": n}) {} })
        .await;
}

fn is_stored(answer: Option<&Packet>) -> bool {
    matches!(answer, Some(Packet::PublishAck(ack)) if ack.reason_code == PublishAckReason::Success)
}

#[actix::test]
async fn the_largest_batches_of_modules_leave_room_for_single_readings_of_others() {
    let hub = TestHub::with(&[("CARILLON__STORE__BUSY_TIMEOUT", "60s")]).await;
    let owner = hub.admin().await;
    let (poster, other) = (owner.create_module("MC-POST").await, owner.create_module("MC-HTTP").await);
    let mut publisher = TestClient::device(hub.mqtt(), "MC-MQTT", &owner.create_module("MC-MQTT").await).await;
    let mut bystander = TestClient::device(hub.mqtt(), "MC-1", &owner.create_module("MC-1").await).await;
    let mut intruder = Intruder::of(hub.data());
    let (batch, single) = (largest(), json!({"telemetry": {"n": 1}}));

    intruder.lock();
    let story = async {
        until_let_in(&owner, "MC-POST", MOST - 1).await;
        let more = post(&hub, "MC-POST", &poster, &single).await;
        assert_eq!((more.status, &more.json()["type"]), (429, &json!("/problems/module-overloaded")), "{}", more.text);
        let payload = batch.to_string();
        let message =
            |id| Packet::Publish(Box::new(publish("carillon/MC-MQTT/telemetry", &payload, QoS::AtLeastOnce, id)));
        publisher.send(message(1)).await;
        until_let_in(&owner, "MC-MQTT", MOST - 1).await;
        let own = publish("carillon/MC-1/telemetry", r#"{"n":1}"#, QoS::AtLeastOnce, 1);
        bystander.send(Packet::Publish(Box::new(own))).await;
        until_let_in(&owner, "MC-1", 1).await;
        let end = async {
            until_let_in(&owner, "MC-HTTP", 1).await;
            intruder.give_back();
        };
        let (answer, ()) = tokio::join!(post(&hub, "MC-HTTP", &other, &single), end);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(is_stored(bystander.next().await.as_ref()) && is_stored(publisher.next().await.as_ref()));
    };
    let (posted, ()) = tokio::join!(post(&hub, "MC-POST", &poster, &batch), story);
    assert_eq!((posted.status, posted.json()["accepted"].as_u64()), (200, Some(MOST as u64)), "{}", posted.text);
}

#[actix::test]
async fn single_readings_are_acknowledged_promptly_while_another_module_sends_the_largest_batches() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let (poster, other) = (owner.create_module("MC-POST").await, owner.create_module("MC-HTTP").await);
    let mut publisher = TestClient::device(hub.mqtt(), "MC-MQTT", &owner.create_module("MC-MQTT").await).await;
    let mut bystander = TestClient::device(hub.mqtt(), "MC-1", &owner.create_module("MC-1").await).await;
    let batch = largest();
    let posting = async {
        loop {
            let answer = post(&hub, "MC-POST", &poster, &batch).await;
            assert!(matches!(answer.status, 200 | 429), "{}", answer.text);
        }
    };
    let payload = batch.to_string();
    let publishing = async {
        for id in (1..=1000).cycle() {
            let message = publish("carillon/MC-MQTT/telemetry", &payload, QoS::AtLeastOnce, id);
            publisher.send(Packet::Publish(Box::new(message))).await;
            assert!(matches!(publisher.next().await, Some(Packet::PublishAck(_))));
        }
    };
    let looking = async {
        until_let_in(&owner, "MC-POST", MOST - 1).await;
        let mut slowest = Duration::ZERO;
        for n in 0..20 {
            let asked = Instant::now();
            let answer = post(&hub, "MC-HTTP", &other, &json!({"telemetry": {"n": n}})).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let answer = bystander.report("carillon/MC-1/telemetry", &format!("{{\"n\":{n}}}")).await;
            assert_eq!(answer, PublishAckReason::Success);
            slowest = slowest.max(asked.elapsed());
        }
        slowest
    };
    let slowest = tokio::select! {
        slowest = looking => slowest,
        () = posting => unreachable!("it goes on"),
        () = publishing => unreachable!("it goes on"),
    };
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
}
