use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{Packet, PublishAckReason};
use serde_json::{Value, json};

use super::{ID, time, wait_until_sealed};
use crate::mqtt::client::{TestClient, publish};
use crate::support::process::{Scratch, TestProcess};
use crate::support::{Account, Answer, TestDevice};

/// Acknowledged values by time, in Unix milliseconds.
type Acknowledged = Rc<RefCell<BTreeMap<i64, i64>>>;

/// Times that were sent and not acknowledged.
type Unacknowledged = Rc<RefCell<BTreeSet<i64>>>;

/// Readings of one request.
const BATCH: i64 = 20;
/// Messages that may be unacknowledged.
const IN_FLIGHT: usize = 16;

/// How often the hub is killed; more often when `CARILLON_KILLS` says so.
fn kills() -> usize {
    std::env::var("CARILLON_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(3)
}

#[actix::test]
async fn every_acknowledged_reading_is_found_once_wherever_the_hub_is_killed() {
    let data = Scratch::new();
    // Sealing goes on all the time.
    let settings = [("CARILLON__TELEMETRY__SEAL_AFTER", "1ms")];
    let start = carillon::domain::time::Timestamp::now().as_millis() - 6 * 3_600_000;
    let acknowledged = Acknowledged::default();
    let mut tokens = None;
    let mut next = 0;
    let mut unanswered = Vec::new();
    let unacknowledged = Unacknowledged::default();
    for round in 0..kills() {
        let mut hub = TestProcess::start_with(data.path(), &settings).await;
        if tokens.is_none() {
            let admin = hub.admin().await;
            let made = [admin.create_module(ID).await, admin.create_module("MC-2").await];
            tokens = Some((made, admin.create_module("MC-3").await));
        }
        let ([one, two], three) = tokens.clone().expect("they are made");
        let from = start + next;
        next += 200_000;
        let posting = post(hub.authority.clone(), one, from, std::mem::take(&mut unanswered), Rc::clone(&acknowledged));
        let posting = actix::spawn(posting);
        let telling = actix::spawn(tell(hub.authority.clone(), two, from, Rc::clone(&acknowledged)));
        let publishing = (three, from, Rc::clone(&unacknowledged), Rc::clone(&acknowledged));
        let publishing = actix::spawn(publish_all(hub.mqtt(), publishing));
        // Each time another moment of commits and of sealing.
        let moment = 300 + (u64::from(std::process::id()) * 37 + round as u64 * 271) % 1500;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        hub.kill().await;
        unanswered = posting.await.expect("an attempt does not fail");
        // The socket breaks off in the middle of a reading.
        let _ = telling.await;
        let _ = publishing.await;
    }

    let hub = TestProcess::start_with(data.path(), &settings).await;
    let admin = hub.admin().await;
    let published = stored(&admin, "MC-3", start).await;
    let stored = [stored(&admin, ID, start).await, stored(&admin, "MC-2", start).await, published.clone()].concat();
    let known: BTreeMap<i64, i64> = stored.iter().copied().collect();
    assert_eq!(known.len(), stored.len(), "some are told twice");
    wait_until_sealed(&hub.authority).await;
    let kept = admin.get("/api/v1/retention").await.json()["usage"]["all"]["samples"].as_u64();
    assert_eq!(kept, Some(known.len() as u64), "some are kept twice");
    let acknowledged = acknowledged.take();
    assert!(published.len() > 10 && acknowledged.len() > 10, "too few to tell: {}", acknowledged.len());
    for (ts, value) in acknowledged.iter() {
        assert_eq!(known.get(ts), Some(value), "{}", time(*ts, 0));
    }
    for (level, length) in [("1m", 60_000), ("15m", 900_000), ("1h", 3_600_000), ("1d", 86_400_000)] {
        check_windows(&admin, ID, (level, length), start, &stored).await;
    }
}

/// Posts batches until the hub is gone, first the one that got no answer; answers the next one that got none. Their times
/// are even.
async fn post(
    authority: String,
    token: String,
    from: i64,
    unanswered: Vec<i64>,
    acknowledged: Acknowledged,
) -> Vec<i64> {
    let batches = (0..).map(|batch| (0..BATCH).map(|at| from + (batch * BATCH + at) * 2).collect::<Vec<i64>>());
    for times in std::iter::once(unanswered).filter(|times| !times.is_empty()).chain(batches) {
        let readings: Vec<_> =
            times.iter().map(|ts| json!({"ts": time(*ts, 0), "telemetry": {"n": ts % 1000}})).collect();
        let path = format!("/api/v1/modules/{ID}/telemetry");
        let answer = Answer::attempt(&authority, "POST", &path, &token, Some(&json!(readings))).await;
        if answer.is_none_or(|answer| answer.status != 200) {
            return times;
        }
        acknowledged.borrow_mut().extend(times.into_iter().map(|ts| (ts, ts % 1000)));
    }
    Vec::new()
}

/// Tells readings one by one until the hub is gone; their times are odd.
async fn tell(authority: String, token: String, from: i64, acknowledged: Acknowledged) {
    let mut device = TestDevice::connect(&authority, &token).await;
    for id in 0.. {
        let ts = from + id * 2 + 1;
        device.send(json!({"type": "telemetry", "id": id, "ts": time(ts, 0), "telemetry": {"n": ts % 1000}})).await;
        match device.next().await {
            Ok(frame) if frame["type"] == "ack" => acknowledged.borrow_mut().insert(ts, ts % 1000),
            _ => return,
        };
    }
}

/// Publishes with QoS 1 until the hub is gone, some unacknowledged at any moment, first what was not acknowledged before.
/// Their times are odd, and far from those of others.
async fn publish_all(
    at: std::net::SocketAddr,
    (token, from, unacknowledged, acknowledged): (String, i64, Unacknowledged, Acknowledged),
) {
    let mut client = TestClient::device(at, "MC-3", &token).await;
    let again: Vec<_> = unacknowledged.borrow().iter().copied().collect();
    let mut times = again.into_iter().chain((0..).map(|n| from + 100_001 + n * 2));
    let mut flights = VecDeque::new();
    for id in (1..=1000).cycle() {
        let ts = times.next().expect("there is no end of them");
        unacknowledged.borrow_mut().insert(ts);
        let payload = json!({"ts": time(ts, 0), "telemetry": {"n": ts % 1000}}).to_string();
        let message = publish("carillon/MC-3/telemetry", &payload, QoS::AtLeastOnce, id);
        client.send(Packet::Publish(Box::new(message))).await;
        flights.push_back((id, ts));
        while flights.len() >= IN_FLIGHT {
            let Some(Packet::PublishAck(ack)) = client.next().await else { return };
            let (id, ts) = flights.pop_front().expect("some are in flight");
            assert_eq!((ack.packet_id.get(), ack.reason_code), (id, PublishAckReason::Success));
            unacknowledged.borrow_mut().remove(&ts);
            acknowledged.borrow_mut().insert(ts, ts % 1000);
        }
    }
}

/// All that is found of a module, page by page.
async fn stored(admin: &Account, id: &str, start: i64) -> Vec<(i64, i64)> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/modules/{id}/telemetry?key=n&limit=10000&from={}{cursor}", time(start, -60));
        let page = admin.get(&path).await.json();
        for item in page["items"].as_array().expect("a list") {
            let ts: carillon::domain::time::Timestamp = item["ts"].as_str().expect("a time").parse().expect("a time");
            all.push((ts.as_millis(), item["value"].as_i64().expect("a number")));
        }
        let Some(next) = page["next"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

/// The windows of a module are those of its samples.
async fn check_windows(admin: &Account, id: &str, level: (&str, i64), start: i64, stored: &[(i64, i64)]) {
    let (interval, length) = level;
    let mut expected: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    // Even times are those of this module.
    for (ts, value) in stored.iter().filter(|(ts, _)| (ts - start) % 2 == 0) {
        let window = expected.entry(ts - ts.rem_euclid(length)).or_default();
        *window = (window.0 + 1, window.1 + value);
    }
    let from = time(start - start.rem_euclid(86_400_000), 0);
    let path = format!("/api/v1/modules/{id}/telemetry?key=n&interval={interval}&agg=count,sum&from={from}");
    let page = admin.get(&path).await.json();
    let expected: Vec<Value> = expected
        .into_iter()
        .map(|(ts, (count, sum))| json!({"ts": time(ts, 0), "key": "n", "count": count, "sum": sum as f64}))
        .collect();
    assert_eq!(page["items"], json!(expected));
}
