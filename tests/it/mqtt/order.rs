//! The order of readings while the hub is too busy to take them.

use std::pin::pin;

use futures_util::future::{Either, select};
use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{Packet, PublishAckReason};
use serde_json::json;

use super::client::{TestClient, publish};
use crate::support::database::Intruder;
use crate::support::{Answer, TestHub};

/// As many as come in one piece, in three pieces.
const PIECES: [[u16; 2]; 3] = [[1, 2], [3, 4], [5, 6]];

#[actix::test]
async fn readings_that_come_while_the_line_is_full_keep_their_order() {
    let few = |key| (key, "3");
    let settings = [few("CARILLON__TELEMETRY__MAX_BATCH"), few("CARILLON__TELEMETRY__MAX_WAITING")];
    let hub = TestHub::with(&[settings[0], settings[1], ("CARILLON__STORE__BUSY_TIMEOUT", "60s")]).await;
    let owner = hub.admin().await;
    let other = format!("Bearer {}", owner.create_module("MC-OTHER").await);
    let mut device = TestClient::device(hub.mqtt(), "MC-1", &owner.create_module("MC-1").await).await;
    let mut intruder = Intruder::of(hub.data());
    let path = "/api/v1/modules/MC-OTHER/telemetry";
    let headers = [("authorization", other.as_str())];
    let post = || {
        Answer::of(
            &hub.authority,
            "POST",
            path,
            &headers,
            Some(json!([{"telemetry": {}}, {"telemetry": {}}, {"telemetry": {}}])),
        )
    };

    intruder.lock();
    // One of them takes all places in the line; the other is told so.
    let (one, other) = (pin!(post()), pin!(post()));
    let (refused, waits) = match select(one, other).await {
        Either::Left((refused, waits)) | Either::Right((refused, waits)) => (refused, waits),
    };
    assert_eq!(refused.status, 429, "{}", refused.text);
    for ids in &PIECES[..2] {
        send(&mut device, ids).await;
        device.ping().await;
    }
    intruder.give_back();
    let taken = waits.await;
    assert_eq!(taken.status, 200, "{}", taken.text);
    send(&mut device, &PIECES[2]).await;

    for id in PIECES.as_flattened() {
        let answer = device.next().await;
        let Some(Packet::PublishAck(ack)) = &answer else { panic!("{answer:?} is no PUBACK") };
        assert_eq!((ack.packet_id.get(), ack.reason_code), (*id, PublishAckReason::Success));
    }
    assert_eq!(owner.get("/api/v1/modules/MC-1").await.json()["telemetry"], json!({"n": 6}));
    let page = owner.get("/api/v1/modules/MC-1/telemetry?key=n").await.json();
    let values: Vec<_> = page["items"].as_array().expect("a list").iter().map(|item| &item["value"]).collect();
    assert_eq!(values, [1, 2, 3, 4, 5, 6]);
}

async fn send(device: &mut TestClient, ids: &[u16]) {
    let reading = |id: &u16| publish("carillon/MC-1/telemetry", &format!("{{\"n\":{id}}}"), QoS::AtLeastOnce, *id);
    device.send_all(ids.iter().map(|id| Packet::Publish(Box::new(reading(id)))).collect()).await;
}
