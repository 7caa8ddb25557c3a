//! A disk that is full while readings come by every door.

use rmqtt_codec::types::QoS;
use rmqtt_codec::v3;
use rmqtt_codec::v5::PublishAckReason;
use serde_json::{Value, json};

use super::client::{OlderClient, TestClient};
use crate::support::process::{Scratch, TestProcess};
use crate::support::{Account, Answer, TestDevice};

const HTTP: &str = "MC-HTTP";
const SOCKET: &str = "MC-SOCKET";
const MQTT: &str = "MC-MQTT";
const OLDER: &str = "MC-OLDER";

/// The modules of the test, by their doors.
struct Modules<'a> {
    hub: &'a TestProcess,
    http_token: String,
    older_token: String,
    socket: TestDevice,
    mqtt: TestClient,
    older: OlderClient,
}

impl<'a> Modules<'a> {
    async fn connect(hub: &'a TestProcess, admin: &Account) -> Self {
        let socket_token = admin.create_module(SOCKET).await;
        let mqtt_token = admin.create_module(MQTT).await;
        let older_token = admin.create_module(OLDER).await;
        Self {
            hub,
            http_token: admin.create_module(HTTP).await,
            socket: TestDevice::connect(&hub.authority, &socket_token).await,
            mqtt: TestClient::device(hub.mqtt(), MQTT, &mqtt_token).await,
            older: older(hub, &older_token).await,
            older_token,
        }
    }

    async fn post(&self, n: u64) -> Answer {
        let (path, bearer) = (format!("/api/v1/modules/{HTTP}/telemetry"), format!("Bearer {}", self.http_token));
        let reading = json!([{"telemetry": {"n": n}}]);
        Answer::of(&self.hub.authority, "POST", &path, &[("authorization", &bearer)], Some(reading)).await
    }

    async fn tell(&mut self, n: u64) -> Value {
        self.socket.send(json!({"type": "telemetry", "id": n, "telemetry": {"n": n}})).await;
        self.socket.next().await.expect("the socket stays open")
    }

    async fn publish(&mut self, n: u64) -> PublishAckReason {
        self.mqtt.report(&format!("carillon/{MQTT}/telemetry"), &json!({"n": n}).to_string()).await
    }

    async fn publish_older(&mut self, n: u64) -> Option<v3::Packet> {
        let (topic, payload) = (format!("carillon/{OLDER}/telemetry"), json!({"n": n}).to_string());
        self.older.publish(&topic, &payload, QoS::AtLeastOnce).await;
        self.older.next().await
    }

    async fn all_are_taken(&mut self, n: u64) {
        let answer = self.post(n).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(self.tell(n).await, json!({"type": "ack", "id": n}));
        assert_eq!(self.publish(n).await, PublishAckReason::Success);
        let answer = self.publish_older(n).await;
        assert!(matches!(answer, Some(v3::Packet::PublishAck { .. })), "{answer:?}");
    }
}

async fn older(hub: &TestProcess, token: &str) -> OlderClient {
    let (client, reason) = OlderClient::enter(hub.mqtt(), OLDER, token).await;
    assert_eq!(reason, v3::ConnectAckReason::ConnectionAccepted);
    client
}

#[actix::test]
async fn a_full_disk_refuses_readings_at_every_door_and_what_was_acknowledged_stays() {
    let data = Scratch::of_sqlite();
    let hub = TestProcess::start_for_full_disks(data.path()).await;
    let admin = hub.admin().await;
    let mut modules = Modules::connect(&hub, &admin).await;
    modules.all_are_taken(1).await;

    hub.fill_disk(true);
    let answer = modules.post(2).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.json()["detail"].as_str().is_some_and(|detail| detail.contains("send again")), "{}", answer.text);
    let frame = modules.tell(2).await;
    assert_eq!((&frame["type"], &frame["id"], &frame["problem"]["status"]), (&json!("error"), &json!(2), &json!(503)));
    assert_eq!(modules.publish(2).await, PublishAckReason::QuotaExceeded);
    let answer = modules.publish_older(2).await;
    assert_eq!(answer, None, "an acknowledgement would say that it was stored");

    hub.fill_disk(false);
    modules.older = older(&hub, &modules.older_token).await;
    modules.all_are_taken(3).await;

    for id in [HTTP, SOCKET, MQTT, OLDER] {
        let page = admin.get(&format!("/api/v1/modules/{id}/telemetry?key=n")).await.json();
        let values: Vec<_> = page["items"].as_array().expect("a list").iter().map(|item| &item["value"]).collect();
        assert_eq!(values, [1, 3], "{id}");
    }
}
