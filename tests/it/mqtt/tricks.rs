//! What clients try beside what is meant for them, byte by byte: each is refused in its words, and nobody else is harmed.

use rmqtt_codec::v5::{DisconnectReasonCode, PublishAckReason, SubscribeAckReason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{OlderClient, TestClient, connect};
use crate::support::{TestHub, within};

use DisconnectReasonCode::{MalformedPacket, ProtocolError, TopicNameInvalid};

/// A packet of a first byte and what follows its length.
fn packet(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let low = u8::try_from(length % 128).expect("seven bits");
        length /= 128;
        bytes.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    [bytes, body].concat()
}

/// What a hub answers before it closes.
async fn answer_to(hub: &TestHub, bytes: &[u8]) -> Vec<u8> {
    let mut client = TcpStream::connect(hub.mqtt()).await.expect("the hub listens");
    client.write_all(bytes).await.expect("the hub reads");
    let mut told = Vec::new();
    // A hub that closes on unread bytes resets the connection.
    let _ = within("the end", client.read_to_end(&mut told)).await;
    told
}

/// What follows the length of a packet.
type Parts = &'static [&'static [u8]];

/// CONNECTs behind their length, and the reason in the CONNACK; none where the hub closes without a word.
const CONNECTS: [(&str, Parts, Option<u8>); 26] = [
    ("a reserved flag", &[b"\x00\x04MQTT\x05\x03\x00\x3c\x00\x00\x01a"], Some(0x81)),
    ("a quality of no will", &[b"\x00\x04MQTT\x05\x0a\x00\x3c\x00\x00\x01a"], Some(0x81)),
    ("a will to be kept that is none", &[b"\x00\x04MQTT\x05\x22\x00\x3c\x00\x00\x01a"], Some(0x81)),
    ("a will of QoS 3", &[b"\x00\x04MQTT\x05\x1e\x00\x3c\x00\x00\x01a\x00\x00\x01t\x00\x01m"], Some(0x81)),
    ("a will that is left out", &[b"\x00\x04MQTT\x05\x06\x00\x3c\x00\x00\x01a"], Some(0x81)),
    ("an unknown property", &[b"\x00\x04MQTT\x05\x02\x00\x3c\x02\x7f\x00\x00\x01a"], Some(0x81)),
    ("a property of PUBLISH", &[b"\x00\x04MQTT\x05\x02\x00\x3c\x03\x23\x00\x01\x00\x01a"], Some(0x81)),
    (
        "a property twice",
        &[b"\x00\x04MQTT\x05\x02\x00\x3c\x0a\x11\x00\x00\x00\x01\x11\x00\x00\x00\x01\x00\x01a"],
        Some(0x81),
    ),
    ("a receive maximum of zero", &[b"\x00\x04MQTT\x05\x02\x00\x3c\x03\x21\x00\x00\x00\x01a"], Some(0x81)),
    ("packets of no bytes", &[b"\x00\x04MQTT\x05\x02\x00\x3c\x05\x27\x00\x00\x00\x00\x00\x01a"], Some(0x81)),
    ("properties beyond the packet", &[b"\x00\x04MQTT\x05\x02\x00\x3c\x7f\x00\x01a"], Some(0x81)),
    ("half of a property", &[b"\x00\x04MQTT\x05\x02\x00\x3c\x02\x11\x00\x00\x01a"], Some(0x81)),
    ("neither yes nor no", &[b"\x00\x04MQTT\x05\x02\x00\x3c\x02\x17\x02\x00\x01a"], Some(0x81)),
    ("a client id of half a character", &[b"\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01\xff"], Some(0x81)),
    ("a client id with U+0000", &[b"\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01\x00"], Some(0x85)),
    ("a long client id", &[b"\x00\x04MQTT\x05\x02\x00\x3c\x00\x01\x2c", &[b'x'; 300]], Some(0x85)),
    ("a giant", &[b"\x00\x04MQTT\x05\x02\x00\x3c\x00\x4e\x20", &[b'x'; 20_000]], Some(0x95)),
    ("a password alone", &[b"\x00\x04MQTT\x05\x42\x00\x3c\x00\x00\x01a\x00\x01p"], Some(0x86)),
    ("no user name, though announced", &[b"\x00\x04MQTT\x05\x82\x00\x3c\x00\x00\x01a"], Some(0x81)),
    ("version 6", &[b"\x00\x04MQTT\x06\x02\x00\x3c\x00\x00\x01a"], Some(1)),
    ("version 0", &[b"\x00\x04MQTT\x00\x02\x00\x3c\x00\x00\x01a"], Some(1)),
    ("version 3.1.1 of a bridge", &[b"\x00\x04MQTT\x84\x02\x00\x3c\x00\x00\x01a"], Some(1)),
    ("a password alone in 3.1.1", &[b"\x00\x04MQTT\x04\x42\x00\x3c\x00\x01a\x00\x01p"], Some(4)),
    ("a quality of no will in 3.1.1", &[b"\x00\x04MQTT\x04\x12\x00\x3c\x00\x01a"], Some(5)),
    ("another protocol", &[b"\x00\x04mqtt\x05\x02\x00\x3c\x00\x00\x01a"], None),
    ("no protocol", &[b"\x00\x00\x05\x02\x00\x3c\x00\x00\x01a"], None),
];

#[actix::test]
async fn no_connect_with_anything_wrong_in_it_comes_in() {
    let hub = TestHub::start().await;
    let mut wrong = Vec::new();
    for (what, parts, reason) in CONNECTS {
        let answer = answer_to(&hub, &packet(0x10, parts)).await;
        let is_ack = answer.first() == Some(&0x20) && answer.get(2) == Some(&0);
        let told = answer.get(3).copied().filter(|_| is_ack);
        if told != reason || (told.is_none() && !answer.is_empty()) {
            wrong.push((what, answer));
        }
    }
    for (what, first) in [("flags of CONNECT", 0x11), ("a CONNACK", 0x20), ("an AUTH", 0xf0), ("a DISCONNECT", 0xe0)] {
        let answer = answer_to(&hub, &packet(first, &[b"\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a"])).await;
        if !answer.is_empty() {
            wrong.push((what, answer));
        }
    }
    assert!(wrong.is_empty(), "{wrong:x?}");
}

/// Packets of a client that is in: their first byte, what follows their length, and how the hub ends the connection.
const PACKETS: [(&str, u8, &[u8], DisconnectReasonCode); 29] = [
    ("a topic of a wildcard", 0x30, b"\x00\x01+\x00", TopicNameInvalid),
    ("a topic with a wildcard", 0x30, b"\x00\x05a/+/b\x00", TopicNameInvalid),
    ("a topic that ends in all", 0x30, b"\x00\x03a/#\x00", TopicNameInvalid),
    ("a topic of half a pair", 0x30, b"\x00\x03\xed\xa0\x80\x00", MalformedPacket),
    ("a topic of 40 levels", 0x30, b"\x00\x28////////////////////////////////////////\x00", TopicNameInvalid),
    ("a repetition of QoS 0", 0x38, b"\x00\x01a\x00", MalformedPacket),
    ("the number zero", 0x32, b"\x00\x01a\x00\x00\x00", MalformedPacket),
    ("no number", 0x32, b"\x00\x01a", MalformedPacket),
    ("an alias twice", 0x30, b"\x00\x01a\x06\x23\x00\x01\x23\x00\x01", MalformedPacket),
    ("a format there is not", 0x30, b"\x00\x01a\x02\x01\x02", MalformedPacket),
    ("a subscription of the sender", 0x30, b"\x00\x01a\x02\x0b\x01", ProtocolError),
    ("properties beyond the packet", 0x30, b"\x00\x01a\x7f", MalformedPacket),
    ("a length of five bytes", 0x30, b"", MalformedPacket),
    ("SUBSCRIBE without its flags", 0x80, b"\x00\x01\x00\x00\x01a\x00", ProtocolError),
    ("SUBSCRIBE of number zero", 0x82, b"\x00\x00\x00\x00\x01a\x00", MalformedPacket),
    ("SUBSCRIBE of QoS 3", 0x82, b"\x00\x01\x00\x00\x01a\x03", MalformedPacket),
    ("SUBSCRIBE of retain 3", 0x82, b"\x00\x01\x00\x00\x01a\x30", MalformedPacket),
    ("SUBSCRIBE of identifier zero", 0x82, b"\x00\x01\x02\x0b\x00\x00\x01a\x00", MalformedPacket),
    ("SUBSCRIBE without options", 0x82, b"\x00\x01\x00\x00\x01a", MalformedPacket),
    ("UNSUBSCRIBE of nothing", 0xa2, b"\x00\x01\x00", MalformedPacket),
    ("UNSUBSCRIBE without its flags", 0xa0, b"\x00\x01\x00\x00\x01a", ProtocolError),
    ("PUBREL without its flags", 0x60, b"\x00\x01", ProtocolError),
    ("PUBACK of number zero", 0x40, b"\x00\x00", MalformedPacket),
    ("PUBACK of half a number", 0x40, b"\x01", MalformedPacket),
    ("PUBACK of an unknown reason", 0x40, b"\x00\x01\x55", MalformedPacket),
    ("DISCONNECT of an unknown reason", 0xe0, b"\x55", MalformedPacket),
    ("a longer session than none", 0xe0, b"\x00\x05\x11\x00\x00\x00\x3c", ProtocolError),
    ("an AUTH that nobody asked for", 0xf0, b"", ProtocolError),
    ("a SUBACK", 0x90, b"\x00\x01\x00\x00", ProtocolError),
];

#[actix::test]
async fn every_packet_with_anything_wrong_in_it_ends_its_connection_with_the_reason() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let (token, other) = (owner.create_module("MC-1").await, owner.create_module("MC-2").await);
    let mut bystander = TestClient::device(hub.mqtt(), "MC-2", &other).await;
    let mut wrong = Vec::new();
    for (what, first, body, reason) in PACKETS {
        let bytes = match body {
            b"" if first == 0x30 => b"\x30\x80\x80\x80\x80\x01".to_vec(),
            body => packet(first, &[body]),
        };
        let mut client = TestClient::device(hub.mqtt(), "MC-1", &token).await;
        client.send_bytes(&bytes).await;
        // A hub that takes it goes on, and answers this.
        client.send_bytes(b"\xc0\x00").await;
        let end = client.end_or_ping().await;
        if end != Some(Some(reason)) {
            wrong.push((what, end));
        }
        let (mut older, _) = OlderClient::enter(hub.mqtt(), "MC-1", &token).await;
        if matches!(first, 0x30 | 0x80 | 0x60 | 0xa0 | 0x38) {
            older.send_bytes(&bytes).await;
            assert_eq!(older.next().await, None, "{what}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(bystander.report("carillon/MC-2/telemetry", r#"{"a":1}"#).await, PublishAckReason::Success);
}

#[actix::test]
async fn no_spelling_of_a_topic_reaches_beyond_ones_own() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let mut device = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    for topic in [
        "carillon/MC-1",
        "carillon/MC-1/",
        "carillon/MC-1//telemetry",
        "carillon/MC-1/telemetry/",
        "carillon/MC-1/telemetry//",
        "carillon/MC-1/Telemetry",
        "carillon/MC-1/telemetry\u{200b}",
        " carillon/MC-1/telemetry",
        "carillon/MC-2/../MC-1/telemetry",
        "carillon/MC-1/../MC-2/telemetry",
        "carillon/%4dC-1/telemetry",
        "$share/group/carillon/MC-1/telemetry",
        "$SYS/carillon/MC-1/telemetry",
        "$SYS",
        "//",
        "/",
    ] {
        assert_eq!(device.report(topic, r#"{"a":1}"#).await, PublishAckReason::NotAuthorized, "{topic}");
    }
    assert_eq!(owner.get("/api/v1/modules/MC-1").await.json()["telemetry"], serde_json::json!({}));

    let invalid = [
        "a/#/b",
        "#a",
        "a#",
        "+a",
        "a+",
        "carillon/MC-1/+x",
        "##",
        "a/++",
        "$share/",
        "$share/g",
        "$share//a",
        "$share/+/a",
        "$share/g/",
    ];
    let (told, _) = device.subscribe(&invalid).await;
    assert_eq!(told, [SubscribeAckReason::TopicFilterInvalid; 13], "{invalid:?}");
    let foreign = [
        "carillon/+/desired",
        "carillon//command",
        "carillon/MC-1/",
        "carillon/MC-1",
        "/#",
        "+/MC-1/command",
        "carillon/MC-1/+/command",
        "$SYS/carillon/MC-1/command",
        "$share",
    ];
    let (told, _) = device.subscribe(&foreign).await;
    assert_eq!(told, [SubscribeAckReason::NotAuthorized; 9], "{foreign:?}");
    let (told, _) = device.subscribe(&["carillon/MC-1/com\0mand"]).await;
    assert_eq!(told, [SubscribeAckReason::TopicFilterInvalid]);
    device.ping().await;
}

#[actix::test]
async fn who_shows_no_token_takes_nothing_over_by_a_client_id() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let named = |name: &str, password: &str, id: &str| {
        let mut connect = connect(name, password);
        connect.client_id = id.into();
        connect.clean_start = false;
        connect.session_expiry_interval_secs = 60;
        connect
    };
    let (mut device, _) = TestClient::enter(hub.mqtt(), named("MC-1", &token, "boiler")).await;

    let user = hub.user("other@example.org").await;
    for (name, password) in
        [("MC-1", "cm_wrong"), ("MC-1", "wrong"), ("MC-1", &user.access_token), ("user", &user.access_token)]
    {
        for id in ["boiler", "module:MC-1", "MC-1"] {
            let (_, ack) = TestClient::enter(hub.mqtt(), named(name, password, id)).await;
            assert!(!ack.session_present, "{name} {id}");
            device.ping().await;
        }
    }
    assert_eq!(device.report("carillon/MC-1/telemetry", r#"{"a":1}"#).await, PublishAckReason::Success);
}
