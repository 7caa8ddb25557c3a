//! The hub is killed again and again under load: what was acknowledged is found, and windows and the newest state are what
//! samples come to.

mod ledger;
mod undated;
mod verdict;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{Packet, PublishAckReason};
use serde_json::{Value, json};

use super::{ID, time, wait_until_sealed};
use crate::mqtt::client::{TestClient, publish};
use crate::support::process::{Scratch, TestProcess};
use crate::support::{Answer, TestDevice};
use ledger::{Course, Ledger, Reading};

/// Readings of one request.
const BATCH: usize = 20;
/// Messages that may be unacknowledged.
const IN_FLIGHT: usize = 16;
/// The modules: by HTTP, by a WebSocket, by MQTT.
const IDS: [&str; 3] = [ID, "MC-2", "MC-3"];

/// A module, with what is known of it over all rounds.
#[derive(Clone)]
struct Sender {
    id: &'static str,
    token: String,
    ledger: Rc<RefCell<Ledger>>,
    /// What got no answer and is sent again.
    unanswered: Rc<RefCell<VecDeque<Reading>>>,
}

/// How often the hub is killed; more often when `CARILLON_KILLS` says so.
fn kills() -> usize {
    std::env::var("CARILLON_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(3)
}

#[actix::test]
async fn every_acknowledged_reading_is_found_once_wherever_the_hub_is_killed() {
    let data = Scratch::new();
    // Sealing goes on all the time, or not at all while states wait to be saved.
    let settings = |round| [("CARILLON__TELEMETRY__SEAL_AFTER", if round % 2 == 0 { "1ms" } else { "1h" })];
    let start = carillon::domain::time::Timestamp::now().as_millis() - 6 * 3_600_000;
    let mut senders = Vec::new();
    for round in 0..kills() {
        let mut hub = TestProcess::start_with(data.path(), &settings(round)).await;
        if senders.is_empty() {
            senders = make_senders(&hub).await;
        }
        let course = Course { start, from: start + round as i64 * 200_000 };
        let [one, two, three] = &senders[..] else { unreachable!("there are three") };
        let posting = actix::spawn(one.clone().post(hub.authority.clone(), course));
        let telling = actix::spawn(two.clone().tell(hub.authority.clone(), course));
        let publishing = actix::spawn(three.clone().publish(hub.mqtt(), course));
        // Each time another moment of commits and of sealing.
        let moment = 300 + (u64::from(std::process::id()) * 37 + round as u64 * 271) % 1500;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        hub.kill().await;
        posting.await.expect("an attempt does not fail");
        // The connection breaks off in the middle of a reading.
        let _ = (telling.await, publishing.await);
    }

    let hub = TestProcess::start_with(data.path(), &settings(0)).await;
    let admin = hub.admin().await;
    wait_until_sealed(&hub.authority).await;
    let mut count = 0;
    for Sender { id, ledger, .. } in senders {
        let found = verdict::found(&admin, id).await;
        let ledger = ledger.take();
        assert!(ledger.acknowledged() > 10, "too few to tell: {} of {id}", ledger.acknowledged());
        ledger.check(&found);
        verdict::check_windows(&admin, id, &found).await;
        verdict::check_newest(&admin, id, &found).await;
        count += found.len();
    }
    let kept = admin.get("/api/v1/retention").await.json()["usage"]["all"]["samples"].as_u64();
    assert_eq!(kept, Some(count as u64), "some are kept twice");
}

#[actix::test]
async fn what_waits_to_be_sealed_is_counted_from_the_start_on() {
    let data = Scratch::new();
    let settings = [("CARILLON__TELEMETRY__SEAL_AFTER", "1h")];
    let mut hub = TestProcess::start_with(data.path(), &settings).await;
    let token = hub.admin().await.create_module(ID).await;
    let path = format!("/api/v1/modules/{ID}/telemetry");
    let readings: Value = (0..3).map(|n| json!({"telemetry": {"n": n}})).collect();
    let answer = Answer::attempt(&hub.authority, "POST", &path, &token, Some(&readings)).await;
    assert!(answer.is_some_and(|answer| answer.status == 200));
    hub.kill().await;

    let hub = TestProcess::start_with(data.path(), &settings).await;
    let metrics = Answer::of(&hub.authority, "GET", "/metrics", &[], None).await.text;
    assert!(metrics.contains("\ncarillon_telemetry_unsealed 3\n"), "{metrics}");
}

async fn make_senders(hub: &TestProcess) -> Vec<Sender> {
    let admin = hub.admin().await;
    let mut senders = Vec::new();
    for id in IDS {
        let (ledger, unanswered) = (Rc::default(), Rc::default());
        senders.push(Sender { id, token: admin.create_module(id).await, ledger, unanswered });
    }
    senders
}

impl Sender {
    /// Posts batches until the hub is gone, first the one that got no answer.
    async fn post(self, authority: String, course: Course) {
        let path = format!("/api/v1/modules/{}/telemetry", self.id);
        let mut readings = (0..).map(|number| course.reading(number));
        loop {
            let mut batch = self.unanswered.take();
            if batch.is_empty() {
                batch.extend(readings.by_ref().take(BATCH));
            }
            let tickets: Vec<_> = batch.iter().map(|reading| self.ledger.borrow_mut().send(reading)).collect();
            let body: Value = batch.iter().map(Reading::body).collect();
            let answer = Answer::attempt(&authority, "POST", &path, &self.token, Some(&body)).await;
            if answer.is_none_or(|answer| answer.status != 200) {
                self.unanswered.replace(batch);
                return;
            }
            tickets.into_iter().for_each(|ticket| self.ledger.borrow_mut().acknowledge(ticket));
        }
    }

    /// Tells readings one by one until the hub is gone.
    async fn tell(self, authority: String, course: Course) {
        let mut device = TestDevice::connect(&authority, &self.token).await;
        for number in 0.. {
            let reading = course.reading(number);
            let ticket = self.ledger.borrow_mut().send(&reading);
            let mut frame = reading.body();
            frame["type"] = json!("telemetry");
            frame["id"] = json!(number);
            device.send(frame).await;
            match device.next().await {
                Ok(frame) if frame["type"] == "ack" => self.ledger.borrow_mut().acknowledge(ticket),
                _ => return,
            }
        }
    }

    /// Publishes with QoS 1 until the hub is gone, some unacknowledged at any moment, first those of the round before.
    async fn publish(self, at: std::net::SocketAddr, course: Course) {
        let mut client = TestClient::device(at, self.id, &self.token).await;
        let again = self.unanswered.take();
        let mut readings = again.into_iter().chain((0..).map(|number| course.reading(number)));
        let mut flights = VecDeque::new();
        for id in (1..=1000).cycle() {
            let reading = readings.next().expect("there is no end of them");
            flights.push_back((id, self.ledger.borrow_mut().send(&reading)));
            let payload = reading.body().to_string();
            self.unanswered.borrow_mut().push_back(reading);
            let message = publish(&format!("carillon/{}/telemetry", self.id), &payload, QoS::AtLeastOnce, id);
            client.send(Packet::Publish(Box::new(message))).await;
            while flights.len() >= IN_FLIGHT {
                let Some(Packet::PublishAck(ack)) = client.next().await else { return };
                let (id, ticket) = flights.pop_front().expect("some are in flight");
                assert_eq!((ack.packet_id.get(), ack.reason_code), (id, PublishAckReason::Success));
                self.ledger.borrow_mut().acknowledge(ticket);
                self.unanswered.borrow_mut().pop_front();
            }
        }
    }
}
