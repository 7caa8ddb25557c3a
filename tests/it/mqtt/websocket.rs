//! MQTT inside a WebSocket at `/mqtt`.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{self, ConnectAckReason, Packet, SubscribeAckReason};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::codec::{Decoder, Encoder};

use super::client::{TestClient, connect, publish};
use crate::support::{TestHub, open};

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// Sends packets in pieces of three bytes: messages and packets need not agree.
async fn send(socket: &mut Socket, packet: Packet) {
    let mut bytes = BytesMut::new();
    v5::Codec::new(0, 0).encode(packet, &mut bytes).expect("the packet can be written");
    for piece in bytes.chunks(3) {
        socket.send(Message::binary(piece.to_vec())).await.expect("the hub reads");
    }
}

async fn next(socket: &mut Socket) -> Packet {
    let message = tokio::time::timeout(Duration::from_secs(30), socket.next()).await.expect("in time");
    let bytes = message.expect("the socket stays open").expect("a message").into_data();
    let packet = v5::Codec::new(0, 0).decode(&mut BytesMut::from(&bytes[..])).expect("a packet");
    packet.expect("a whole one").0
}

#[actix::test]
async fn modules_and_people_speak_mqtt_inside_a_websocket() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let offer = [("sec-websocket-protocol", "mqtt")];

    let mut device = open(&hub.authority, "/mqtt", &offer).await.expect("the handshake needs no token");
    send(&mut device, Packet::Connect(Box::new(connect("MC-1", &token)))).await;
    let Packet::ConnectAck(ack) = next(&mut device).await else { panic!("a CONNACK comes first") };
    assert_eq!(ack.reason_code, ConnectAckReason::Success);

    let mut listener = open(&hub.authority, "/mqtt", &offer).await.expect("the same");
    send(&mut listener, Packet::Connect(Box::new(connect("admin", &owner.access_token)))).await;
    assert!(matches!(next(&mut listener).await, Packet::ConnectAck(_)));
    let mut subscribe = Packet::Subscribe(v5::Subscribe {
        packet_id: std::num::NonZeroU16::MIN,
        id: None,
        user_properties: Vec::new(),
        topic_filters: vec![("carillon/+/telemetry".into(), v5::SubscriptionOptions::default())],
    });
    send(&mut listener, subscribe.clone()).await;
    let Packet::SubscribeAck(ack) = next(&mut listener).await else { panic!("a SUBACK comes") };
    assert_eq!(ack.status, [SubscribeAckReason::GrantedQos0]);

    let message = publish("carillon/MC-1/telemetry", r#"{"a":1}"#, QoS::AtLeastOnce, 1);
    send(&mut device, Packet::Publish(Box::new(message))).await;
    assert!(matches!(next(&mut device).await, Packet::PublishAck(_)));
    let Packet::Publish(heard) = next(&mut listener).await else { panic!("the change comes") };
    assert_eq!(&heard.payload[..], br#"{"a":1}"#);
    assert_eq!(owner.get("/api/v1/modules/MC-1").await.json()["telemetry"], json!({"a": 1}));

    // A text is no packet.
    if let Packet::Subscribe(subscribe) = &mut subscribe {
        subscribe.topic_filters.clear();
    }
    device.send(Message::text("hello")).await.expect("the hub reads");
    let Packet::Disconnect(goodbye) = next(&mut device).await else { panic!("a DISCONNECT comes") };
    assert_eq!(goodbye.reason_code, v5::DisconnectReasonCode::MalformedPacket);
}

#[actix::test]
async fn a_socket_that_does_not_offer_mqtt_is_refused_and_so_is_every_one_when_it_is_off() {
    let hub = TestHub::start().await;
    assert_eq!(open(&hub.authority, "/mqtt", &[]).await.err(), Some(400));
    let offer = [("sec-websocket-protocol", "mqttv3.1, mqtt")];
    assert!(open(&hub.authority, "/mqtt", &offer).await.is_ok());
    let token = hub.admin().await.create_module("MC-1").await;
    TestClient::device(hub.mqtt(), "MC-1", &token).await.ping().await;

    let hub = TestHub::with(&[("CARILLON__MQTT__ENABLED", "false")]).await;
    assert_eq!(open(&hub.authority, "/mqtt", &offer).await.err(), Some(404));
}
