//! A client of Socket.IO that takes nothing is ended for that, as one of `/ws` is, and not as one that is gone.

use std::future::Future;

use futures_util::future::join;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::polls::Polls;
use crate::support::{Account, Answer, TestHub, TestTab, open};

/// A client's silence would be noticed earlier than that it takes nothing.
const KEYS: [(&str, &str); 5] = [
    ("CARILLON__SOCKET__HEARTBEAT", "1s"),
    ("CARILLON__SOCKET__HEARTBEAT_TIMEOUT", "4s"),
    ("CARILLON__SOCKET__SLOW_TIMEOUT", "8s"),
    ("CARILLON__SOCKET__HIGH_WATER", "16384"),
    ("CARILLON__SOCKET__LOW_WATER", "4096"),
];

async fn say(admin: &Account, n: usize, length: usize) {
    let data = json!({"n": n, "filler": "x".repeat(length)});
    let event = json!({"event": "rt_count", "topic": "custom:a", "data": data});
    assert_eq!(admin.post("/api/v1/events", event).await.status, 202);
}

/// Does something meanwhile, and waits until nobody but the watching one is connected.
async fn until_alone(mut watching: TestTab, meanwhile: impl Future<Output = ()>) {
    let alone = async { while watching.event("rt_global_stats_updated").await["stats"]["connections"] != 1 {} };
    join(meanwhile, alone).await;
}

/// How many were ended as too slow.
async fn too_slow(hub: &TestHub) -> usize {
    let figures = Answer::of(&hub.authority, "GET", "/metrics", &[], None).await.text;
    let count = figures.lines().find_map(|line| line.strip_prefix("carillon_sessions_ended_total{code=\"4008\"} "));
    count.map_or(0, |count| count.parse().expect("figures are numbers"))
}

#[actix::test]
async fn a_socket_that_reads_nothing_is_ended_as_too_slow_and_not_as_silent() {
    let hub = TestHub::with(&KEYS).await;
    let admin = hub.admin().await;
    let mut stalled =
        open(&hub.authority, "/socket.io/?EIO=4&transport=websocket", &[]).await.expect("the hub listens");
    let login = format!("40{}", json!({ "token": admin.access_token, "topics": ["custom:a"] }));
    stalled.send(Message::text(login)).await.expect("the hub listens");
    while !stalled.next().await.expect("open").expect("open").to_string().starts_with("42[\"synced\"") {}

    let watching = hub.tab(&admin, &["admin"]).await;
    until_alone(watching, async {
        for n in 0..200 {
            say(&admin, n, 60_000).await;
            // It says that it is there, and reads nothing; it may have been ended already.
            let _ = stalled.send(Message::text("3")).await;
        }
    })
    .await;

    assert_eq!(too_slow(&hub).await, 1);
    drop(stalled);
}

#[actix::test]
async fn a_client_that_never_polls_is_ended_as_too_slow_and_told_so_if_it_comes_after_all() {
    let hub = TestHub::with(&KEYS).await;
    let admin = hub.admin().await;
    let watching = hub.tab(&admin, &["admin"]).await;
    let stalled = Polls::join(&hub.authority, &admin.access_token, &["custom:a"]).await;

    until_alone(watching, say(&admin, 1, 10)).await;

    assert_eq!(too_slow(&hub).await, 1);
    let told = stalled.read_to("42[\"bye\"").await;
    assert!(told.contains("\"rt_count\"") && told.contains("\"code\":4008"), "{told}");
    assert_eq!(stalled.get().await.text, "1");
}

#[actix::test]
async fn a_client_that_is_only_silent_is_gone_and_not_too_slow() {
    let hub = TestHub::with(&KEYS).await;
    let admin = hub.admin().await;
    let watching = hub.tab(&admin, &["admin"]).await;
    let silent = Polls::join(&hub.authority, &admin.access_token, &["custom:a"]).await;

    until_alone(watching, async {}).await;

    assert_eq!(too_slow(&hub).await, 0);
    assert_eq!(hub.metric("carillon_sessions_ended_total{code=\"1006\"}").await, 1.0);
    assert_eq!(hub.metric("carillon_sessions_ended_total{code=\"1000\"}").await, 0.0);
    assert_eq!(silent.get().await.status, 400);
}
