//! A client that reads nothing harms nobody.

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{TestHub, TestTab};

#[actix::test]
async fn a_stalled_client_falls_behind_alone_and_catches_up_with_every_event() {
    let keys = [("CARILLON__SOCKET__HIGH_WATER", "16384"), ("CARILLON__SOCKET__LOW_WATER", "4096")];
    let hub = TestHub::with(&keys).await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut stalled = hub.tab(&admin, &["custom:a", "modules"]).await;
    let mut healthy = hub.tab(&admin, &["custom:a"]).await;

    // More than the kernel's buffers hold, so that the outbox passes its mark.
    let filler = "x".repeat(60_000);
    for n in 0..200 {
        let event = json!({"event": "rt_count", "topic": "custom:a", "data": {"n": n, "filler": filler}});
        assert_eq!(admin.post("/api/v1/events", event).await.status, 202);
        assert_eq!(healthy.event("rt_count").await["n"], n);
    }
    for speed in 0..50 {
        device.report(speed, json!({"speed": speed})).await;
    }
    let behind = metric(&hub, "carillon_clients_behind_total").await;
    assert!(behind >= 1.0, "the stalled client was never behind");

    for n in 0..200 {
        assert_eq!(stalled.event("rt_count").await["n"], n);
    }
    let mut last = stalled.event("rt_telemetry_updated").await;
    for frame in stalled.settle().await {
        assert_eq!(frame["event"], "rt_telemetry_updated", "{frame}");
        last = frame["data"].clone();
    }
    assert_eq!(last["telemetry"]["speed"], 49);
}

#[actix::test]
async fn a_client_that_reads_nothing_is_ended_by_its_timer() {
    let keys = [
        ("CARILLON__SOCKET__SLOW_TIMEOUT", "1s"),
        ("CARILLON__SOCKET__HEARTBEAT", "1s"),
        ("CARILLON__SOCKET__HIGH_WATER", "16384"),
        ("CARILLON__SOCKET__LOW_WATER", "4096"),
    ];
    let hub = TestHub::with(&keys).await;
    let admin = hub.admin().await;
    let stalled = hub.tab(&admin, &["custom:a"]).await;
    let mut watching = TestTab::connect(&hub.authority, &admin.access_token).await;
    watching.begin(&["admin"]).await;

    let filler = "x".repeat(60_000);
    for n in 0..200 {
        let event = json!({"event": "rt_count", "topic": "custom:a", "data": {"n": n, "filler": filler}});
        assert_eq!(admin.post("/api/v1/events", event).await.status, 202);
    }

    while watching.event("rt_global_stats_updated").await["stats"]["connections"] != 1 {}
    assert_eq!(metric(&hub, "carillon_sessions_ended_total{code=\"4008\"}").await, 1.0);
    drop(stalled);
}

#[actix::test]
async fn a_stream_that_is_not_read_is_ended_by_the_same_timer() {
    let keys = [("CARILLON__SOCKET__SLOW_TIMEOUT", "1s"), ("CARILLON__SOCKET__HEARTBEAT", "1s")];
    let hub = TestHub::with(&keys).await;
    let admin = hub.admin().await;
    let mut stalled = TcpStream::connect(&hub.authority).await.unwrap();
    let head = format!(
        "GET /api/v1/events?topics=custom:a HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
        hub.authority, admin.access_token
    );
    stalled.write_all(head.as_bytes()).await.unwrap();
    stalled.readable().await.unwrap();
    let mut watching = hub.tab(&admin, &["admin"]).await;

    let filler = "x".repeat(60_000);
    for n in 0..200 {
        let event = json!({"event": "rt_count", "topic": "custom:a", "data": {"n": n, "filler": filler}});
        assert_eq!(admin.post("/api/v1/events", event).await.status, 202);
    }

    while watching.event("rt_global_stats_updated").await["stats"]["connections"] != 1 {}
    assert_eq!(metric(&hub, "carillon_sessions_ended_total{code=\"4008\"}").await, 1.0);
}

async fn metric(hub: &TestHub, name: &str) -> f64 {
    let figures = crate::support::Answer::of(&hub.authority, "GET", "/metrics", &[], None).await.text;
    let line = figures.lines().find_map(|line| line.strip_prefix(name)).expect("the figure is there");
    line.trim().parse().expect("figures are numbers")
}
