//! Admins see how the hub fares.

use serde_json::{Value, json};

use crate::support::raw::RawSocket;
use crate::support::{FLOOD, TestHub, TestTab, within};

#[actix::test]
async fn the_monitor_tells_who_is_slow_and_where_most_goes_on() {
    let keys = [("CARILLON__SOCKET__HIGH_WATER", "16384"), ("CARILLON__SOCKET__LOW_WATER", "4096")];
    let hub = TestHub::with(&keys).await;
    let (admin, user) = (hub.admin().await, hub.user("ada@example.org").await);
    let (_, mut device) = hub.owner_with_module("MC-1").await;
    let _stalled = hub.tab(&user, &["custom:a"]).await;
    let mut healthy = hub.tab(&admin, &["custom:a", "modules"]).await;
    assert_eq!(admin.get("/api/v1/monitor").await.status, 200);

    for n in 0..FLOOD {
        admin.say_at_length("custom:a", n).await;
        healthy.event("rt_count").await;
    }
    device.report(1, json!({"speed": 1})).await;
    healthy.event("rt_telemetry_updated").await;
    let told = until(&hub, |told| told["topics"].as_array().is_some_and(|topics| topics.len() >= 2)).await;

    assert_eq!(open(&told, "ws"), 2);
    assert_eq!(open(&told, "module"), 1);
    assert_eq!((&told["admission"]["rate"], &told["admission"]["admitted"]), (&json!(1000), &json!(2)));
    let slow = &told["slowest"][0];
    assert_eq!((&slow["userId"], &slow["userName"]), (&json!(user.id), &json!("ada@example.org")), "{told}");
    assert_eq!((&slow["dialect"], &slow["isBehind"]), (&json!("ws"), &json!(true)), "{told}");
    assert!(slow["waitingBytes"].as_u64().is_some_and(|bytes| bytes >= 16_384), "{told}");
    let busiest = &told["topics"][0];
    assert_eq!(busiest["topic"], "custom:a", "{told}");
    let rate = |name: &str| busiest[name].as_f64().unwrap_or_default();
    assert!(rate("eventsPerSecond") > 0.0 && rate("deliveriesPerSecond") >= rate("eventsPerSecond"), "{told}");
}

#[actix::test]
async fn the_monitor_tells_how_clients_come_back_and_what_is_refused_them() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let first = hub.tab(&admin, &["modules"]).await;
    let mut again = TestTab::connect(&hub.authority, &admin.access_token).await;
    let outage = json!({"attempts": 2, "ms": 800});
    again.send(json!({"type": "hello", "cursor": first.cursor, "topics": ["nonsense"], "outage": outage})).await;
    again.settle().await;

    let told = until(&hub, |_| true).await;

    let reconnections = json!({"count": 1, "p50Ms": 800, "p95Ms": 800, "maxMs": 800});
    assert_eq!(told["reconnections"], reconnections);
    assert_eq!((&told["sessions"]["resumed"], &told["sessions"]["snapshotted"]), (&json!(1), &json!(1)));
    assert_eq!(told["refused"], json!([{"reason": "frame", "count": 1}]));
    let user = hub.user("ada@example.org").await;
    assert_eq!(user.get("/api/v1/monitor").await.status, 403);
}

/// What the monitor tells once it is as wanted: what it told a moment ago it tells again.
async fn until(hub: &TestHub, is_so: impl Fn(&Value) -> bool) -> Value {
    let admin = hub.admin().await;
    within("the monitor", async {
        loop {
            let answer = admin.get("/api/v1/monitor").await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let told = answer.json();
            if is_so(&told) {
                return told;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    })
    .await
}

#[actix::test]
async fn every_close_is_told_once_by_its_code_whatever_the_door() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let user = hub.user("ada@example.org").await;
    let mut ending = hub.tab(&user, &["modules"]).await;
    let mut breaking = RawSocket::open(&hub.authority, &admin.access_token, "").await;
    let mut long = RawSocket::open(&hub.authority, &admin.access_token, "").await;
    let leaving = hub.tab(&admin, &[]).await;

    assert_eq!(user.post("/api/v1/auth/logout", json!({})).await.status, 204);
    assert_eq!(ending.next_of("bye").await["code"], 4001);
    assert_eq!(ending.end().await.code, 4001);
    assert_eq!(admin.delete("/api/v1/modules/MC-1").await.status, 204);
    assert_eq!(device.end().await.code, 4001);
    breaking.send(0xf1, b"{}").await;
    assert_eq!(breaking.end().await, 1002);
    long.send_part(0x81, 10_000_000, b"{").await;
    assert_eq!(long.end().await, 1009);
    leaving.close().await;

    let told = until(&hub, |told| told["ended"].as_array().is_some_and(|ended| ended.len() >= 3)).await;
    let ended = [(4001, 2), (1002, 1), (1009, 1)].map(|(code, count)| json!({"code": code, "count": count}));
    assert_eq!(told["ended"], json!(ended));
}

fn open(told: &Value, door: &str) -> u64 {
    let doors = told["connections"].as_array().expect("a list");
    let of_door = doors.iter().find(|count| count["door"] == door).expect("every door is told");
    of_door["open"].as_u64().expect("a count")
}
