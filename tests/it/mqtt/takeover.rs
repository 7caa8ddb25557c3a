//! A connection that takes over from an older one.

use std::num::NonZeroU16;

use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{Connect, ConnectAck, Packet, PublishAck2};
use serde_json::json;

use super::client::{TestClient, connect, publish, will};
use super::metric;
use crate::support::TestHub;
use crate::support::database::Intruder;

const TOPIC: &str = "carillon/MC-1/telemetry";

/// A client with a will whose session outlives its connection.
async fn enter(hub: &TestHub, token: &str) -> (TestClient, ConnectAck) {
    let connect = Connect {
        clean_start: false,
        client_id: "one".into(),
        session_expiry_interval_secs: 600,
        last_will: Some(will(TOPIC, r#"{"is_lost":true}"#)),
        ..connect("MC-1", token)
    };
    TestClient::enter(hub.mqtt(), connect).await
}

async fn is_received(client: &mut TestClient, message: Publish) {
    client.send(Packet::Publish(Box::new(message))).await;
    let answer = client.next().await;
    assert!(matches!(&answer, Some(Packet::PublishReceived(ack)) if ack.packet_id.get() == 7), "{answer:?}");
}

#[actix::test]
async fn a_session_is_handed_over_also_while_the_will_waits_for_a_slow_database() {
    let hub = TestHub::with(&[("CARILLON__STORE__BUSY_TIMEOUT", "60s")]).await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let (mut older, _) = enter(&hub, &token).await;
    let message = publish(TOPIC, r#"{"n":1}"#, QoS::ExactlyOnce, 7);
    is_received(&mut older, message.clone()).await;
    let mut intruder = Intruder::of(hub.data());
    intruder.lock();
    let slow = publish(TOPIC, r#"{"slow":1}"#, QoS::AtLeastOnce, 8);
    older.send(Packet::Publish(Box::new(slow))).await;
    older.ping().await;

    let (mut newer, ack) = enter(&hub, &token).await;
    intruder.give_back();

    assert!(ack.session_present, "{ack:?}");
    let before = metric(&hub, "carillon_telemetry_readings_total").await;
    is_received(&mut newer, Publish { dup: true, ..message }).await;
    let packet_id = NonZeroU16::new(7).expect("seven");
    newer.send(Packet::PublishRelease(PublishAck2 { packet_id, ..PublishAck2::default() })).await;
    assert!(matches!(newer.next().await, Some(Packet::PublishComplete(_))));
    assert_eq!(metric(&hub, "carillon_telemetry_readings_total").await, before, "it is taken once");
    assert_eq!(owner.get("/api/v1/modules/MC-1").await.json()["telemetry"]["n"], json!(1));
}
