//! Clients that take small packets only.

use std::num::NonZeroU32;

use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{Connect, ConnectAckReason, DisconnectReasonCode, Packet};
use serde_json::json;

use super::client::{TestClient, connect, publish};
use crate::support::TestHub;

const TOPIC: &str = "carillon/MC-1/command";

fn taking(token: &str, max_packet: u32) -> Connect {
    Connect { client_id: "small".into(), max_packet_size: NonZeroU32::new(max_packet), ..connect("MC-1", token) }
}

#[actix::test]
async fn who_takes_no_answer_to_a_connect_gets_none_and_changes_nothing() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let mut connected = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    for max_packet in [1, 2, 3, 4] {
        let mut client = TestClient::open(hub.mqtt()).await;
        client.send(Packet::Connect(Box::new(taking(&token, max_packet)))).await;
        assert_eq!(client.next().await, None, "{max_packet}");
    }
    for max_packet in [5, 12] {
        let (mut client, ack) = TestClient::enter(hub.mqtt(), taking(&token, max_packet)).await;
        assert_eq!((ack.reason_code, ack.reason_string), (ConnectAckReason::PacketTooLarge, None));
        assert_eq!(client.next().await, None);
    }
    connected.ping().await;
}

#[actix::test]
async fn packets_lose_their_words_for_a_client_that_takes_small_ones_and_long_messages_are_dropped() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let (mut client, ack) = TestClient::enter(hub.mqtt(), taking(&token, 230)).await;
    assert_eq!(ack.reason_code, ConnectAckReason::Success);
    client.subscribe(&[TOPIC]).await;
    let (owner_of_long, long) = (owner.clone(), json!({"command": "set", "params": "x".repeat(300), "timeoutMs": 100}));
    let path = "/api/v1/modules/MC-1/commands";
    assert_eq!(owner_of_long.post(path, long).await.status, 504, "it does not reach the device");
    let asked = actix::spawn(async move { owner.post(path, json!({"command": "set", "timeoutMs": 20000})).await });
    let command: serde_json::Value = serde_json::from_str(&client.message().await.1).expect("payloads are JSON");
    assert_eq!(command["params"], json!(null));
    let answer = json!({"commandId": command["commandId"], "ok": true, "result": null}).to_string();
    client.send(Packet::Publish(Box::new(publish("carillon/MC-1/result", &answer, QoS::AtMostOnce, 0)))).await;
    assert_eq!(asked.await.expect("the caller is answered").status, 200);

    let (mut client, _) = TestClient::enter(hub.mqtt(), taking(&token, 30)).await;
    client.send(Packet::Connect(Box::new(taking(&token, 30)))).await;
    match client.next().await {
        Some(Packet::Disconnect(goodbye)) => {
            assert_eq!((goodbye.reason_code, goodbye.reason_string), (DisconnectReasonCode::ProtocolError, None));
        }
        other => panic!("{other:?} is no DISCONNECT"),
    }
}
