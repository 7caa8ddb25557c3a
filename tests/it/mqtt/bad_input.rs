//! Packets that break the protocol, and clients that do not keep to what was agreed on: each is told, nobody else harmed.

use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{ConnectAckReason, DisconnectReasonCode, Packet, PublishAckReason};

use super::client::{TestClient, connect, publish};
use crate::support::TestHub;

const TOPIC: &str = "carillon/MC-1/telemetry";

#[actix::test]
async fn what_breaks_the_protocol_is_told_and_ends_one_connection_only() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let (token, other) = (owner.create_module("MC-1").await, owner.create_module("MC-2").await);
    let mut bystander = TestClient::device(hub.mqtt(), "MC-2", &other).await;

    for (bytes, reason) in [
        // QoS 3; a topic that ends beyond the packet; half of a character; an unknown property; an alias of zero.
        (&b"\x36\x05\x00\x01a\x00\x01"[..], DisconnectReasonCode::MalformedPacket),
        (b"\x30\x03\x00\x09a", DisconnectReasonCode::MalformedPacket),
        (b"\x30\x04\x00\x01\xff\x00", DisconnectReasonCode::MalformedPacket),
        (b"\x30\x06\x00\x01a\x02\x7f\x00", DisconnectReasonCode::MalformedPacket),
        (b"\x30\x07\x00\x01a\x03\x23\x00\x00", DisconnectReasonCode::MalformedPacket),
        // An alias beyond what was agreed on; a topic with a wildcard; no topic; U+0000.
        (b"\x30\x07\x00\x01a\x03\x23\x00\x63", DisconnectReasonCode::TopicAliasInvalid),
        (b"\x30\x04\x00\x01#\x00", DisconnectReasonCode::TopicNameInvalid),
        (b"\x30\x03\x00\x00\x00", DisconnectReasonCode::TopicAliasInvalid),
        (b"\x30\x04\x00\x01\x00\x00", DisconnectReasonCode::TopicNameInvalid),
        // A subscription to nothing; a packet of servers; a reserved one; a length that never ends; a huge packet.
        (b"\x82\x03\x00\x01\x00", DisconnectReasonCode::MalformedPacket),
        (b"\xd0\x00", DisconnectReasonCode::ProtocolError),
        (b"\x00\x00", DisconnectReasonCode::ProtocolError),
        (b"\x30\xff\xff\xff\xff\x01", DisconnectReasonCode::MalformedPacket),
        (b"\x30\xff\xff\xff\x7f", DisconnectReasonCode::PacketTooLarge),
    ] {
        let mut client = TestClient::device(hub.mqtt(), "MC-1", &token).await;
        client.send_bytes(bytes).await;
        assert_eq!(client.end().await, Some(reason), "{bytes:x?}");
    }
    let mut client = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    client.send(Packet::Connect(Box::new(connect("MC-1", &token)))).await;
    assert_eq!(client.end().await, Some(DisconnectReasonCode::ProtocolError), "a second CONNECT");

    assert_eq!(bystander.report("carillon/MC-2/telemetry", r#"{"a":1}"#).await, PublishAckReason::Success);
}

#[actix::test]
async fn who_does_not_begin_with_a_connect_of_a_known_version_is_turned_away() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__HANDSHAKE_TIMEOUT", "300ms")]).await;
    for (bytes, answer) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], None),
        (b"\xc0\x00", None),
        (b"\x10\x0c\x00\x04MQTT\x07\x02\x00\x3c\x00\x00", Some(&b"\x20\x02\x00\x01"[..])),
        (b"\x10\x0e\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x00", Some(b"\x20\x02\x00\x01")),
        // Half of one, and nothing more.
        (b"\x10\x0c\x00\x04MQ", None),
        (b"", None),
    ] {
        let mut client = tokio::net::TcpStream::connect(hub.mqtt()).await.expect("the hub listens");
        tokio::io::AsyncWriteExt::write_all(&mut client, bytes).await.expect("the hub reads");
        let mut told = Vec::new();
        let reading = tokio::io::AsyncReadExt::read_to_end(&mut client, &mut told);
        let read = tokio::time::timeout(std::time::Duration::from_secs(30), reading).await;
        // A hub that closes on unread bytes resets the connection.
        let _ = read.expect("the hub closes in time");
        assert_eq!(told, answer.unwrap_or_default(), "{bytes:x?}");
    }
}

#[actix::test]
async fn what_was_agreed_on_is_told_and_held() {
    let hub = TestHub::with(&[
        ("CARILLON__MQTT__MAX_KEEP_ALIVE", "1s"),
        ("CARILLON__MQTT__MAX_PACKET", "2048"),
        ("CARILLON__TELEMETRY__IN_FLIGHT", "4"),
    ])
    .await;
    let token = hub.admin().await.create_module("MC-1").await;

    let (mut silent, ack) = TestClient::enter(hub.mqtt(), connect("MC-1", &token)).await;
    assert_eq!((ack.server_keepalive_sec, ack.max_packet_size), (Some(1), Some(2048)));
    assert_eq!((ack.receive_max.get(), ack.assigned_client_id.is_some()), (4, true));
    assert_eq!(silent.end().await, Some(DisconnectReasonCode::KeepAliveTimeout));

    let mut large = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    large.tell(TOPIC, &format!("{{\"a\":\"{}\"}}", "x".repeat(3000))).await;
    assert_eq!(large.end().await, Some(DisconnectReasonCode::PacketTooLarge));

    let mut hasty = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    for id in 1..=5 {
        let message = publish(TOPIC, &format!("{{\"a\":{id}}}"), QoS::ExactlyOnce, id);
        hasty.send(Packet::Publish(Box::new(message))).await;
    }
    assert_eq!(hasty.end().await, Some(DisconnectReasonCode::ReceiveMaximumExceeded));

    let mut proving = connect("MC-1", &token);
    proving.auth_method = Some("SCRAM-SHA-1".into());
    let (_, ack) = TestClient::enter(hub.mqtt(), proving).await;
    assert_eq!(ack.reason_code, ConnectAckReason::BadAuthenticationMethod);
}

#[actix::test]
async fn an_address_that_shows_many_wrong_tokens_is_answered_slowly_and_right_ones_still_come_in() {
    let hub = TestHub::start().await;
    let token = hub.admin().await.create_module("MC-1").await;
    let mut reasons = Vec::new();
    while !reasons.contains(&ConnectAckReason::ConnectionRateExceeded) {
        assert!(reasons.len() < 200, "an address may show half a wrong token in a second, and thirty at once");
        let (_, ack) = TestClient::enter(hub.mqtt(), connect("MC-1", "cm_wrong")).await;
        reasons.push(ack.reason_code);
    }
    assert!(reasons.len() > 30 && reasons[0] == ConnectAckReason::BadUserNameOrPassword);
    TestClient::device(hub.mqtt(), "MC-1", &token).await.ping().await;
}

#[actix::test]
async fn an_address_that_shows_wrong_tokens_keeps_no_module_out() {
    let keys = [("CARILLON__SOCKET__ACCEPT_RATE", "22"), ("CARILLON__SOCKET__ACCEPT_BURST", "20")];
    let hub = TestHub::with(&keys).await;
    let token = hub.admin().await.create_module("MC-1").await;
    let mut reasons = Vec::new();
    for number in 0..30 {
        let password = if number % 2 == 0 { "cm_wrong" } else { "wrong" };
        reasons.push(TestClient::enter(hub.mqtt(), connect("MC-1", password)).await.1.reason_code);
    }

    assert!(reasons.contains(&ConnectAckReason::ConnectionRateExceeded), "{reasons:?}");
    TestClient::device(hub.mqtt(), "MC-1", &token).await.ping().await;
}
