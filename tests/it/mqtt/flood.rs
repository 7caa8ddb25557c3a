//! One connection that sends more than the hub can take.

use std::time::{Duration, Instant};

use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{Packet, PublishAckReason};
use serde_json::json;

use super::client::{TestClient, publish};
use crate::support::database::Intruder;
use crate::support::{TestHub, within};

const TOPIC: &str = "carillon/MC-FLOOD/telemetry";
const PACKETS: &str = "carillon_mqtt_packets_total";
/// How many readings of one connection may wait, and of all together.
const BOUNDS: [(&str, &str); 3] = [
    ("CARILLON__TELEMETRY__MAX_BATCH", "8"),
    ("CARILLON__TELEMETRY__IN_FLIGHT", "8"),
    ("CARILLON__TELEMETRY__MAX_WAITING", "64"),
];
const MANY: u16 = 2000;

#[actix::test]
async fn no_more_is_read_from_a_connection_than_may_wait_and_others_have_room() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let hub = TestHub::with(&[&BOUNDS[..], &[("CARILLON__STORE__BUSY_TIMEOUT", "60s")]].concat()).await;
        let owner = hub.admin().await;
        let mut flooding = TestClient::device(hub.mqtt(), "MC-FLOOD", &owner.create_module("MC-FLOOD").await).await;
        let mut bystander = TestClient::device(hub.mqtt(), "MC-1", &owner.create_module("MC-1").await).await;
        let mut intruder = Intruder::of(hub.data());
        let before = hub.metric(PACKETS).await;

        intruder.lock();
        let message = |n: u16| Packet::Publish(Box::new(publish(TOPIC, &format!("{{\"n\":{n}}}"), qos, n)));
        flooding.send_all((1..=MANY).map(message).collect()).await;
        hub.until_metric(PACKETS, |packets| packets - before >= 8.0).await;
        let own = publish("carillon/MC-1/telemetry", r#"{"n":1}"#, QoS::AtLeastOnce, 1);
        bystander.send(Packet::Publish(Box::new(own))).await;
        bystander.ping().await;
        // Those of the bystander are two.
        assert_eq!(hub.metric(PACKETS).await - before, 10.0, "{qos:?}");
        assert_eq!(owner.get("/api/v1/modules/MC-1").await.json()["telemetry"], json!({"n": 1}), "it was let in");
        intruder.give_back();

        let answer = bystander.next().await;
        let is_taken = matches!(&answer, Some(Packet::PublishAck(ack)) if ack.reason_code == PublishAckReason::Success);
        assert!(is_taken, "{qos:?}: {answer:?}");
        for id in (1..=MANY).filter(|_| qos == QoS::AtLeastOnce) {
            let answer = flooding.next().await;
            let Some(Packet::PublishAck(ack)) = &answer else { panic!("{answer:?} is no PUBACK") };
            assert_eq!((ack.packet_id.get(), ack.reason_code), (id, PublishAckReason::Success));
        }
        within("the last of the flood", async {
            while owner.get("/api/v1/modules/MC-FLOOD").await.json()["telemetry"] != json!({"n": MANY}) {}
        })
        .await;
    }
}

#[actix::test]
async fn acknowledgements_of_others_are_prompt_while_a_connection_floods() {
    let hub = TestHub::with(&[("CARILLON__MQTT__WORKERS", "1")]).await;
    let owner = hub.admin().await;
    let mut flooding = TestClient::device(hub.mqtt(), "MC-FLOOD", &owner.create_module("MC-FLOOD").await).await;
    let mut bystander = TestClient::device(hub.mqtt(), "MC-1", &owner.create_module("MC-1").await).await;
    let flood = actix_rt::spawn(async move {
        for round in 0.. {
            let message = |n: u64| publish(TOPIC, &format!("{{\"n\":{n}}}"), QoS::AtMostOnce, 0);
            let piece = (0..500).map(|n| Packet::Publish(Box::new(message(round * 500 + n)))).collect();
            flooding.send_all(piece).await;
        }
    });
    hub.until_metric(PACKETS, |packets| packets > 2000.0).await;

    let mut slowest = Duration::ZERO;
    for n in 0..50 {
        let asked = Instant::now();
        let answer = bystander.report("carillon/MC-1/telemetry", &format!("{{\"n\":{n}}}")).await;
        assert_eq!(answer, PublishAckReason::Success);
        slowest = slowest.max(asked.elapsed());
    }
    assert!(!flood.is_finished());
    flood.abort();
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}
