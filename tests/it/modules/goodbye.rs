//! What is under way when the hub stops, by every door of a module.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{DisconnectReasonCode, Packet};
use serde_json::{Value, json};

use crate::mqtt::client::{TestClient, publish};
use crate::support::database::Intruder;
use crate::support::{Account, Answer, TestDevice, TestHub};

const HTTP: &str = "MC-HTTP";
const SOCKET: &str = "MC-SOCKET";
const MQTT: &str = "MC-MQTT";
const IDLE: &str = "MC-IDLE";
/// What a device of the flood keeps under way.
const WINDOW: u64 = 32;

fn reading(n: u64) -> Value {
    json!({"type": "telemetry", "id": n, "telemetry": {"n": n}})
}

fn message(n: u64, qos: QoS) -> Packet {
    let id = u16::try_from(n % 60_000 + 1).expect("it is that small");
    let payload = json!({"n": n}).to_string();
    Packet::Publish(Box::new(publish(&format!("carillon/{MQTT}/telemetry"), &payload, qos, id)))
}

async fn post(authority: String, token: String) -> Answer {
    let (path, bearer) = (format!("/api/v1/modules/{HTTP}/telemetry"), format!("Bearer {token}"));
    Answer::of(&authority, "POST", &path, &[("authorization", &bearer)], Some(json!({"telemetry": {"n": 1}}))).await
}

async fn until_seen(owner: &Account, id: &str, n: u64) {
    let path = format!("/api/v1/modules/{id}");
    while owner.get(&path).await.json()["telemetry"] != json!({"n": n}) {}
}

async fn values(owner: &Account, id: &str) -> Vec<u64> {
    let page = owner.get(&format!("/api/v1/modules/{id}/telemetry?key=n")).await.json();
    page["items"].as_array().expect("a list").iter().map(|item| item["value"].as_u64().expect("a number")).collect()
}

/// How many readings a module has, and the greatest.
async fn count(owner: &Account, id: &str) -> (u64, u64) {
    let path = format!("/api/v1/modules/{id}/telemetry?key=n&interval=1h&agg=count,max");
    let page = owner.get(&path).await.json();
    let windows = page["items"].as_array().expect("a list");
    let figures = |name| windows.iter().map(move |window| window[name].as_f64().expect("a figure") as u64);
    (figures("count").sum(), figures("max").max().expect("there is one"))
}

/// A device that sends a reading for each that is acknowledged, to its end; answers what was acknowledged.
async fn go_on_by_socket(mut device: TestDevice) -> Vec<u64> {
    device.send_all((1..=WINDOW).map(reading).collect()).await;
    let (mut acknowledged, mut last) = (Vec::new(), WINDOW);
    loop {
        match device.next().await {
            Ok(frame) if frame["type"] == "ack" => {
                acknowledged.push(frame["id"].as_u64().expect("a number"));
                last += 1;
                device.send(reading(last)).await;
            }
            Ok(frame) => assert_eq!(frame["type"], "bye", "{frame}"),
            Err(ended) => {
                assert_eq!(ended.code, 1012);
                return acknowledged;
            }
        }
    }
}

/// The same by MQTT.
async fn go_on_by_mqtt(mut client: TestClient) -> Vec<u64> {
    client.send_all((1..=WINDOW).map(|n| message(n, QoS::AtLeastOnce)).collect()).await;
    let (mut acknowledged, mut sent): (Vec<_>, VecDeque<_>) = (Vec::new(), (1..=WINDOW).collect());
    let mut last = WINDOW;
    loop {
        match client.next().await {
            Some(Packet::PublishAck(_)) => {
                acknowledged.extend(sent.pop_front());
                last += 1;
                sent.push_back(last);
                client.send(message(last, QoS::AtLeastOnce)).await;
            }
            Some(Packet::Disconnect(told)) => {
                assert_eq!(told.reason_code, DisconnectReasonCode::ServerShuttingDown);
                return acknowledged;
            }
            other => panic!("{other:?} is no PUBACK"),
        }
    }
}

#[actix::test]
async fn what_is_under_way_when_the_hub_stops_is_acknowledged_before_the_goodbye_and_stored_once() {
    let keys = [("CARILLON__STORE__BUSY_TIMEOUT", "60s"), ("CARILLON__SHUTDOWN__GRACE", "60s")];
    let hub = TestHub::with(&keys).await;
    let owner = hub.admin().await;
    let http_token = owner.create_module(HTTP).await;
    let mut device = TestDevice::connect(&hub.authority, &owner.create_module(SOCKET).await).await;
    let mut idle = TestDevice::connect(&hub.authority, &owner.create_module(IDLE).await).await;
    let mut client = TestClient::device(hub.mqtt(), MQTT, &owner.create_module(MQTT).await).await;
    let mut intruder = Intruder::of(hub.data());

    intruder.lock();
    let posted = actix_rt::spawn(post(hub.authority.clone(), http_token));
    device.send_all((1..=10).map(reading).collect()).await;
    let quality = |n| if n <= 5 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
    client.send_all((1..=10).map(|n| message(n, quality(n))).collect()).await;
    for (id, n) in [(HTTP, 1), (SOCKET, 10), (MQTT, 10)] {
        until_seen(&owner, id, n).await;
    }
    let stopped = actix_rt::spawn(hub.stop());
    // Who has nothing under way hears it at once, and the others have heard of it by then.
    assert_eq!(idle.next().await.expect("it is told")["type"], "bye");
    intruder.give_back();

    for n in 1..=10 {
        assert_eq!(device.next().await, Ok(json!({"type": "ack", "id": n})));
        let answer = client.next().await;
        let is_taken = match &answer {
            Some(Packet::PublishAck(ack)) => n <= 5 && u64::from(ack.packet_id.get()) == n + 1,
            Some(Packet::PublishReceived(ack)) => n > 5 && u64::from(ack.packet_id.get()) == n + 1,
            _ => false,
        };
        assert!(is_taken, "{n}: {answer:?}");
    }
    assert_eq!(device.next().await.expect("it is told")["type"], "bye");
    assert_eq!((device.end().await.code, idle.end().await.code), (1012, 1012));
    assert_eq!(client.end().await, Some(DisconnectReasonCode::ServerShuttingDown));
    let posted = posted.await.expect("it does not fail");
    assert_eq!(posted.status, 200, "{}", posted.text);
    let hub = TestHub::on(&stopped.await.expect("it stops"), &keys).await;
    let owner = hub.admin().await;
    for (id, last) in [(HTTP, 1), (SOCKET, 10), (MQTT, 10)] {
        assert_eq!(values(&owner, id).await, (1..=last).collect::<Vec<_>>(), "{id}");
    }
}

#[actix::test]
async fn devices_that_go_on_sending_or_read_nothing_hold_up_no_stop_and_what_is_stored_was_acknowledged() {
    let hub = TestHub::with(&[("CARILLON__SHUTDOWN__GRACE", "600s")]).await;
    let owner = hub.admin().await;
    let device = TestDevice::connect(&hub.authority, &owner.create_module(SOCKET).await).await;
    let client = TestClient::device(hub.mqtt(), MQTT, &owner.create_module(MQTT).await).await;
    let mut unread = TestDevice::connect(&hub.authority, &owner.create_module(IDLE).await).await;
    unread.send_all((1..=100).map(reading).collect()).await;
    let (by_socket, by_mqtt) = (actix_rt::spawn(go_on_by_socket(device)), actix_rt::spawn(go_on_by_mqtt(client)));
    hub.until_metric("carillon_telemetry_readings_total", |readings| readings > 500.0).await;

    let asked = Instant::now();
    let data = hub.stop().await;

    assert!(asked.elapsed() < Duration::from_secs(60), "it took {:?}", asked.elapsed());
    let by_socket = by_socket.await.expect("the device reads to its end");
    let by_mqtt = by_mqtt.await.expect("the device reads to its end");
    let hub = TestHub::on(&data, &[]).await;
    let owner = hub.admin().await;
    for (id, acknowledged) in [(SOCKET, by_socket), (MQTT, by_mqtt)] {
        let last = acknowledged.len() as u64;
        assert_eq!(acknowledged, (1..=last).collect::<Vec<_>>(), "{id}");
        assert_eq!(count(&owner, id).await, (last, last), "{id}");
    }
}

#[actix::test]
async fn nothing_more_is_taken_from_a_device_once_the_hub_stops() {
    let keys = [
        ("CARILLON__STORE__BUSY_TIMEOUT", "60s"),
        ("CARILLON__SHUTDOWN__GRACE", "60s"),
        ("CARILLON__TELEMETRY__IN_FLIGHT", "1024"),
    ];
    let hub = TestHub::with(&keys).await;
    let owner = hub.admin().await;
    let mut device = TestDevice::connect(&hub.authority, &owner.create_module(SOCKET).await).await;
    let mut idle = TestDevice::connect(&hub.authority, &owner.create_module(IDLE).await).await;
    let mut intruder = Intruder::of(hub.data());

    intruder.lock();
    device.send(reading(1)).await;
    until_seen(&owner, SOCKET, 1).await;
    let stopped = actix_rt::spawn(hub.stop());
    assert_eq!(idle.next().await.expect("it is told")["type"], "bye");
    // The other link may hear of it a moment later, but not so late that it takes all of these.
    for n in 2..=1000 {
        device.send(reading(n)).await;
    }
    intruder.give_back();

    let mut acknowledged = 0;
    while device.next().await.expect("it is told")["type"] == "ack" {
        acknowledged += 1;
    }
    assert!((1..1000).contains(&acknowledged), "{acknowledged}");
    assert_eq!(device.end().await.code, 1012);
    let hub = TestHub::on(&stopped.await.expect("it stops"), &keys).await;
    assert_eq!(count(&hub.admin().await, SOCKET).await, (acknowledged, acknowledged));
}

#[actix::test]
async fn what_cannot_be_stored_while_the_hub_stops_is_taken_back_in_time() {
    let keys = [("CARILLON__STORE__BUSY_TIMEOUT", "60s"), ("CARILLON__SHUTDOWN__GRACE", "2s")];
    let hub = TestHub::with(&keys).await;
    let owner = hub.admin().await;
    let (token, mqtt_token) = (owner.create_module(SOCKET).await, owner.create_module(MQTT).await);
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let mut client = TestClient::device(hub.mqtt(), MQTT, &mqtt_token).await;
    let mut intruder = Intruder::of(hub.data());

    intruder.lock();
    device.send_all((1..=3).map(reading).collect()).await;
    client.send_all((1..=3).map(|n| message(n, QoS::AtLeastOnce)).collect()).await;
    until_seen(&owner, SOCKET, 3).await;
    until_seen(&owner, MQTT, 3).await;
    let stopped = actix_rt::spawn(hub.stop());
    for n in 1..=3 {
        let error = device.next().await.expect("it is told");
        assert_eq!((&error["id"], &error["problem"]["status"]), (&json!(n), &json!(503)), "{error}");
        assert_ne!(error["problem"]["type"], "/problems/outcome-unknown", "{error}");
    }
    assert_eq!(device.next().await.expect("it is told")["type"], "bye");
    assert_eq!(device.end().await.code, 1012);
    let told = client.next().await;
    assert!(matches!(&told, Some(Packet::Disconnect(_))), "{told:?}");
    intruder.give_back();

    let hub = TestHub::on(&stopped.await.expect("it stops"), &keys).await;
    let owner = hub.admin().await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let mut client = TestClient::device(hub.mqtt(), MQTT, &mqtt_token).await;
    for n in 1..=3 {
        device.report(n, json!({"n": n})).await;
        client.send(message(n, QoS::AtLeastOnce)).await;
        assert!(matches!(client.next().await, Some(Packet::PublishAck(_))));
    }
    for id in [SOCKET, MQTT] {
        assert_eq!(values(&owner, id).await, [1, 2, 3], "{id}");
    }
}
