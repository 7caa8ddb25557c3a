//! Connections of which nothing comes, or nothing more.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rmqtt_codec::v3;
use rmqtt_codec::v5::{self, Connect, DisconnectReasonCode, Packet};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::codec::Encoder;

use super::client::{OlderClient, TestClient, connect, will};
use crate::support::TestHub;
use crate::support::tls::Certificate;

const TOPIC: &str = "carillon/MC-1/telemetry";

/// Opens a connection from another address of this machine.
async fn open_from(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(from.parse().expect("an address")).expect("an address of this machine");
    socket.connect(to).await.expect("the hub listens")
}

/// Reads until the hub closes.
async fn is_closed(stream: &mut TcpStream) {
    let mut told = Vec::new();
    let closing = stream.read_to_end(&mut told);
    // A hub that closes on unread bytes resets the connection.
    let _ = tokio::time::timeout(Duration::from_secs(30), closing).await.expect("the hub closes in time");
}

#[actix::test]
async fn an_address_that_opens_connections_and_says_nothing_keeps_no_other_out() {
    let hub = TestHub::with(&[("CARILLON__MQTT__MAX_CONNECTIONS", "8")]).await;
    let token = hub.admin().await.create_module("MC-1").await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(open_from("127.0.0.2:0", hub.mqtt()).await);
    }
    hub.until_metric("carillon_refused_total{reason=\"mqtt-strangers\"}", |refused| refused == 16.0).await;

    let mut device = TestClient::device(hub.mqtt(), "MC-1", &token).await;
    device.ping().await;
    assert_eq!(hub.metric("carillon_sockets_open{door=\"mqtt\"}").await, 5.0);
    // Their places are free again once they are gone.
    drop(silent);
    hub.until_metric("carillon_sockets_open{door=\"mqtt\"}", |open| open == 1.0).await;
    let mut others = Vec::new();
    for number in 0..7 {
        let (other, _) = TestClient::enter(hub.mqtt(), connect("MC-1", &token)).await;
        others.push(other);
        assert_eq!(others[number].report(TOPIC, r#"{"a":1}"#).await, v5::PublishAckReason::Success);
    }
}

#[actix::test]
async fn who_never_ends_a_handshake_or_a_connect_is_gone_in_time() {
    let certificate = Certificate::new();
    let hub = TestHub::with(&[
        ("CARILLON__HTTP__TLS_CERTIFICATE", &certificate.certificate()),
        ("CARILLON__HTTP__TLS_KEY", &certificate.key()),
        ("CARILLON__MQTT__TLS_LISTEN", "127.0.0.1:0"),
        ("CARILLON__SOCKET__HANDSHAKE_TIMEOUT", "500ms"),
    ])
    .await;
    let mut whole = BytesMut::new();
    let long = Connect { client_id: "x".repeat(200).into(), ..connect("MC-1", "cm_x") };
    v5::Codec::new(0, 0).encode(Packet::Connect(Box::new(long)), &mut whole).expect("the packet can be written");

    let begun = Instant::now();
    let mut silent = TcpStream::connect(hub.mqtt_tls()).await.expect("the hub listens");
    let mut half = TcpStream::connect(hub.mqtt_tls()).await.expect("the hub listens");
    // The beginning of a ClientHello.
    half.write_all(b"\x16\x03\x01\x02\x00\x01").await.expect("the hub reads");
    let mut dripping = TcpStream::connect(hub.mqtt()).await.expect("the hub listens");
    let (mut read, mut write) = dripping.split();
    let mut dripped = 0;
    let drip = async {
        let mut pace = tokio::time::interval(Duration::from_millis(50));
        for byte in &whole {
            pace.tick().await;
            if write.write_all(std::slice::from_ref(byte)).await.is_err() {
                break;
            }
            dripped += 1;
        }
    };
    let mut nothing = Vec::new();
    tokio::select! {
        // A reset is an end, too.
        _ = read.read_to_end(&mut nothing) => {}
        () = drip => {}
    }
    is_closed(&mut silent).await;
    is_closed(&mut half).await;

    assert!(dripped < whole.len() && nothing.is_empty(), "{dripped} bytes were taken, {nothing:x?} answered");
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    hub.until_metric("carillon_sockets_open{door=\"mqtt\"}", |open| open == 0.0).await;
}

#[actix::test]
async fn a_peer_that_vanishes_is_lost_after_one_and_a_half_times_its_keep_alive() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module("MC-1").await;
    let mut tab = hub.tab(&owner, &["modules"]).await;

    // Neither says goodbye nor closes; the one breaks off within a packet.
    let begun = Instant::now();
    let leaving =
        Connect { keep_alive: 1, last_will: Some(will(TOPIC, r#"{"state":"lost"}"#)), ..connect("MC-1", &token) };
    let (mut newer, _) = TestClient::enter(hub.mqtt(), leaving).await;
    newer.send_bytes(b"\x32\x40\x00\x17carillon/MC-1/tele").await;
    tab.event("rt_module_offline").await;
    assert!((Duration::from_millis(1450)..Duration::from_secs(15)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(tab.event("rt_telemetry_updated").await["telemetry"], json!({"state": "lost"}));
    assert_eq!(newer.end().await, Some(DisconnectReasonCode::KeepAliveTimeout));

    let begun = Instant::now();
    let leaving = v3::Connect { keep_alive: 1, ..OlderClient::connect("MC-1", &token) };
    let (mut older, _) = OlderClient::enter_with(hub.mqtt(), leaving).await;
    tab.event("rt_module_offline").await;
    assert!((Duration::from_millis(1450)..Duration::from_secs(15)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(older.next().await, None);
}
