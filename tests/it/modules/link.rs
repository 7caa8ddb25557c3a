//! The WebSocket of modules.

use carillon::domain::time::Timestamp;
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::database::Intruder;
use crate::support::{TestDevice, TestHub, open};

const ID: &str = "MC-1001-STN";

#[actix::test]
async fn a_device_identifies_itself_by_header_or_first_frame() {
    let hub = TestHub::start().await;
    let token = hub.admin().await.create_module(ID).await;

    let mut device = TestDevice::stranger(&hub.authority).await;
    device.send(json!({"type": "identify", "moduleId": ID, "token": token})).await;
    assert_eq!(device.next().await, Ok(json!({"type": "welcome", "moduleId": ID})));
    device.report(1, json!({"speed": 1})).await;
    let basic = format!("Basic {}", base64(&format!("{ID}:{token}")));
    assert!(open(&hub.authority, "/ws/module", &[("authorization", &basic)]).await.is_ok());
    for wrong in [
        format!("Basic {}", base64(&format!("MC-9999-STN:{token}"))),
        format!("Basic {}", base64(&format!("{ID}:cm_x"))),
        "Bearer cm_x".to_owned(),
    ] {
        let refused = open(&hub.authority, "/ws/module", &[("authorization", &wrong)]).await;
        assert_eq!(refused.err(), Some(401), "{wrong}");
    }
}

#[actix::test]
async fn who_does_not_say_who_it_is_is_sent_away() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__HANDSHAKE_TIMEOUT", "1s")]).await;
    let token = hub.admin().await.create_module(ID).await;
    for frame in [
        json!({"type": "telemetry", "telemetry": {"speed": 1}}),
        json!({"type": "identify", "moduleId": ID, "token": "cm_x"}),
        json!({"type": "identify", "moduleId": "MC-9999-STN", "token": token}),
        json!({"type": "identify", "moduleId": "a b", "token": token}),
        json!({"type": "shout"}),
        json!(7),
    ] {
        let mut device = TestDevice::stranger(&hub.authority).await;
        device.send(frame.clone()).await;
        let error = device.next().await.expect("an error comes first");
        assert_eq!(error["type"], "error", "{frame}: {error}");
        assert_eq!(device.end().await.code, 1008, "{frame}");
    }
    let mut silent = TestDevice::stranger(&hub.authority).await;
    assert_eq!(silent.next().await.expect("an error comes first")["problem"]["status"], 401);
    assert_eq!(silent.end().await.code, 1008);
}

#[actix::test]
async fn bad_frames_are_answered_and_change_nothing() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    for (frame, status, pointer, id) in [
        (r#"{"type":"telemetry","id":1,"telemetry":{"a":[]}}"#, 422, "/telemetry/a", json!(1)),
        (r#"{"type":"telemetry","id":2,"telemetry":{"a":1},"x":1}"#, 422, "/x", json!(2)),
        (r#"{"type":"telemetry","id":3,"ts":"soon","telemetry":{}}"#, 422, "/ts", json!(3)),
        (r#"{"type":"telemetry","id":4,"telemetry":{"a":1e999}}"#, 422, "/telemetry/a", json!(4)),
        (r#"{"type":"telemetry","id":-5,"telemetry":{}}"#, 422, "/id", json!(null)),
        (r#"{"type":"shout","id":6}"#, 422, "/type", json!(6)),
        (r#"{"type":"result","commandId":"c","ok":true,"result":1}"#, 404, "", json!(null)),
        (r#"{"type":"identify","moduleId":"a","token":"b"}"#, 409, "", json!(null)),
        (r#"{"type":"telemetry","telemetry":{"a":NaN}}"#, 400, "", json!(null)),
        ("nonsense", 400, "", json!(null)),
        ("7", 422, "", json!(null)),
    ] {
        device.send_raw(Message::text(frame)).await;
        let error = device.next().await.expect("the socket stays open");
        assert_eq!((&error["type"], &error["id"]), (&json!("error"), &id), "{frame}: {error}");
        assert_eq!(error["problem"]["status"], status, "{frame}: {error}");
        assert_eq!(error["problem"]["errors"][0]["pointer"].as_str().unwrap_or_default(), pointer, "{frame}: {error}");
    }
    device.report(7, json!({"b": 1})).await;
    assert_eq!(owner.get("/api/v1/modules/MC-1001-STN").await.json()["telemetry"], json!({"b": 1}));
}

#[actix::test]
async fn readings_sent_without_waiting_are_all_acknowledged_in_order_and_the_last_one_stays() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    let mut tab = hub.tab(&owner, &["modules"]).await;

    for speed in 1..=500 {
        device.send(json!({"type": "telemetry", "id": speed, "telemetry": {"speed": speed}})).await;
    }
    for speed in 1..=500 {
        assert_eq!(device.next().await, Ok(json!({"type": "ack", "id": speed})));
    }

    assert_eq!(owner.get("/api/v1/modules/MC-1001-STN").await.json()["telemetry"], json!({"speed": 500}));
    let mut last = 0;
    while last < 500 {
        let speed = tab.event("rt_telemetry_updated").await["telemetry"]["speed"].as_u64().expect("a speed");
        assert!(speed > last, "{speed} came after {last}");
        last = speed;
    }
}

#[actix::test]
async fn a_module_that_went_to_rest_loses_nothing() {
    let keys = [("CARILLON__PRESENCE__TIMEOUT", "1ms"), ("CARILLON__PRESENCE__PASSIVATE_AFTER", "1ms")];
    let hub = TestHub::with(&keys).await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;

    for speed in 1..=100 {
        let answer = super::push(&hub, ID, &token, json!({"telemetry": {"speed": speed}})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let telemetry = &owner.get("/api/v1/modules/MC-1001-STN").await.json()["telemetry"];
        assert_eq!(telemetry, &json!({"speed": speed}));
    }
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    device.report(1, json!({"speed": 101})).await;
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[actix::test]
async fn of_frames_that_come_together_each_is_judged_by_itself_and_answered_in_its_turn() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module("MC-1").await;
    let frame = |id: u64| json!({"type": "telemetry", "id": id, "telemetry": {"n": id}});
    let late = json!({"type": "telemetry", "id": 2, "ts": "2100-01-01T00:00:00Z", "telemetry": {"n": 2}});
    let quiet = json!({"type": "telemetry", "telemetry": {"n": 4}});
    device.send_all(vec![frame(1), late, frame(3), quiet, frame(5)]).await;

    let ack = |id: u64| json!({"type": "ack", "id": id});
    assert_eq!(device.next().await, Ok(ack(1)));
    let error = device.next().await.expect("the socket stays open");
    assert_eq!((&error["type"], &error["id"], &error["problem"]["status"]), (&json!("error"), &json!(2), &json!(422)));
    assert_eq!((device.next().await, device.next().await), (Ok(ack(3)), Ok(ack(5))));
    let page = owner.get("/api/v1/modules/MC-1/telemetry?key=n").await.json();
    let values: Vec<_> = page["items"].as_array().expect("a list").iter().map(|item| &item["value"]).collect();
    assert_eq!(values, [1, 3, 4, 5]);
}

#[actix::test]
async fn a_device_may_say_who_it_is_and_report_in_one_piece() {
    let hub = TestHub::with(&[("CARILLON__TELEMETRY__IN_FLIGHT", "2")]).await;
    let token = hub.admin().await.create_module("MC-1").await;
    let mut device = TestDevice::stranger(&hub.authority).await;
    let identify = json!({"type": "identify", "moduleId": "MC-1", "token": token});
    let frames = (1..=20).map(|id| json!({"type": "telemetry", "id": id, "telemetry": {"n": id}}));
    device.send_all(std::iter::once(identify).chain(frames).collect()).await;

    assert_eq!(device.next().await, Ok(json!({"type": "welcome", "moduleId": "MC-1"})));
    for id in 1..=20 {
        assert_eq!(device.next().await, Ok(json!({"type": "ack", "id": id})));
    }
}

#[actix::test]
async fn what_comes_behind_a_bad_reading_does_not_overtake_the_good_ones_beside_it() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module("MC-1").await;
    let reading = |n: u64| json!({"type": "telemetry", "id": n, "telemetry": {"n": n}});
    let late = json!({"type": "telemetry", "id": 2, "ts": "2100-01-01T00:00:00Z", "telemetry": {"n": 2}});
    // Not a reading: those on both sides of it do not go together.
    let answer = json!({"type": "result", "commandId": "c", "ok": true, "result": 1});
    device.send_all(vec![reading(1), late, reading(3), answer, reading(4)]).await;

    for status in [json!(null), json!(422), json!(null), json!(404), json!(null)] {
        assert_eq!(device.next().await.expect("the socket stays open")["problem"]["status"], status);
    }
    assert_eq!(owner.get("/api/v1/modules/MC-1").await.json()["telemetry"], json!({"n": 4}));
    let page = owner.get("/api/v1/modules/MC-1/telemetry?key=n").await.json();
    let values: Vec<_> = page["items"].as_array().expect("a list").iter().map(|item| &item["value"]).collect();
    assert_eq!(values, [1, 3, 4]);
}

#[actix::test]
async fn of_frames_that_come_together_those_with_too_many_keys_are_refused_alone() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module("MC-1").await;
    let keys = |from: usize, to: usize| (from..to).map(|n| (format!("k{n}"), json!(n))).collect::<Map<_, _>>();
    let frame = |id: u64, telemetry: Map<String, Value>| json!({"type": "telemetry", "id": id, "telemetry": telemetry});
    device.send_all(vec![frame(1, keys(0, 60)), frame(2, keys(55, 70)), frame(3, keys(60, 64))]).await;

    for status in [json!(null), json!(422), json!(null)] {
        assert_eq!(device.next().await.expect("the socket stays open")["problem"]["status"], status);
    }
    let telemetry = &owner.get("/api/v1/modules/MC-1").await.json()["telemetry"];
    assert_eq!(telemetry, &Value::Object(keys(0, 64)));
}

#[actix::test]
async fn a_reading_that_waited_for_others_has_the_time_at_which_it_came() {
    let settings = [("CARILLON__TELEMETRY__IN_FLIGHT", "1"), ("CARILLON__STORE__BUSY_TIMEOUT", "60s")];
    let hub = TestHub::with(&settings).await;
    let (owner, mut device) = hub.owner_with_module("MC-1").await;
    let mut intruder = Intruder::of(hub.data());
    let reading = |n: u64| json!({"type": "telemetry", "id": n, "telemetry": {"n": n}});

    intruder.lock();
    device.send_all(vec![reading(1), reading(2)]).await;
    // The first waits for its commit, and the second, which came with it, for the first.
    while owner.get("/api/v1/modules/MC-1").await.json()["telemetry"] != json!({"n": 1}) {}
    let before = Timestamp::now();
    intruder.give_back();

    for id in 1..=2 {
        assert_eq!(device.next().await, Ok(json!({"type": "ack", "id": id})));
    }
    let page = owner.get("/api/v1/modules/MC-1/telemetry?key=n").await.json();
    let times = page["items"].as_array().expect("a list").iter().map(|item| item["ts"].as_str().expect("a time"));
    let times: Vec<Timestamp> = times.map(|ts| ts.parse().expect("a time")).collect();
    assert!(times.len() == 2 && times[0] < times[1] && times[1] <= before, "{times:?}, {before}");
}
