//! Nothing is lost or doubled when a client comes back.

use serde_json::{Value, json};

use crate::support::{TestHub, TestTab};

fn numbers(frames: &[Value]) -> Vec<u64> {
    frames.iter().filter(|frame| frame["event"] == "rt_count").filter_map(|frame| frame["data"]["n"].as_u64()).collect()
}

#[actix::test]
async fn a_cursor_brings_every_missed_event_and_the_newest_state() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut tab = hub.tab(&admin, &["custom:a", "modules"]).await;
    admin.count(0..3).await;
    while tab.event("rt_count").await["n"] != 2 {}
    let cursor = tab.cursor.clone();
    tab.close().await;

    admin.count(3..6).await;
    for speed in 0..5 {
        device.report(speed, json!({"speed": speed})).await;
    }

    let mut again = TestTab::connect(&hub.authority, &admin.access_token).await;
    again.send(json!({"type": "hello", "cursor": cursor, "topics": ["custom:a", "modules"]})).await;
    assert_eq!(again.next_of("welcome").await["recovered"], true);
    let frames = again.settle().await;
    assert_eq!(numbers(&frames), [3, 4, 5]);
    let telemetry: Vec<_> = frames.iter().filter(|frame| frame["event"] == "rt_telemetry_updated").collect();
    assert_eq!(telemetry.len(), 1, "{frames:?}");
    assert_eq!(telemetry[0]["data"]["telemetry"]["speed"], 4);
    assert!(frames.iter().all(|frame| frame["type"] == "event"), "{frames:?}");
}

#[actix::test]
async fn a_tab_is_told_when_all_snapshots_and_when_all_that_was_missed_have_come() {
    let hub = TestHub::with(&[("CARILLON__BROKER__RING", "16")]).await;
    let admin = hub.admin().await;
    let mut tab = hub.tab(&admin, &["custom:a", "modules"]).await;
    assert_eq!(tab.synced, 0, "behind the last snapshot, not before");
    tab.settle().await;
    assert_eq!(tab.synced, 1);
    tab.ask(json!({"type": "subscribe", "id": 1, "topics": ["custom:b"]})).await;
    tab.settle().await;
    assert_eq!(tab.synced, 2);
    let cursor = tab.cursor.clone();
    tab.close().await;
    admin.count(0..600).await;

    let mut again = TestTab::connect(&hub.authority, &admin.access_token).await;
    again.send(json!({"type": "hello", "cursor": cursor, "topics": ["custom:a", "modules"]})).await;
    assert_eq!(again.next_of("welcome").await["recovered"], true);
    while again.event("rt_count").await["n"] != 599 {
        assert_eq!(again.synced, 0, "behind all pages");
    }
    again.settle().await;
    assert_eq!(again.synced, 1);
}

#[actix::test]
async fn a_cursor_that_cannot_be_used_is_told_as_a_gap_with_snapshots() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for cursor in ["nonsense", "", "0123456789abcdef1", &"f".repeat(400)] {
        let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
        tab.send(json!({"type": "hello", "cursor": cursor, "topics": ["modules"]})).await;
        assert_eq!(tab.next_of("welcome").await["recovered"], false, "{cursor}");
        tab.next_of("gap").await;
        assert_eq!(tab.next_of("snapshot").await["topic"], "modules");
    }
}

#[actix::test]
async fn what_the_ring_no_longer_holds_comes_from_the_journal() {
    let hub = TestHub::with(&[("CARILLON__BROKER__RING", "16")]).await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut tab = hub.tab(&admin, &["custom:a", "modules"]).await;
    admin.count(0..1).await;
    tab.event("rt_count").await;
    let cursor = tab.cursor.clone();
    tab.close().await;
    admin.count(1..150).await;
    device.report(1, json!({"speed": 1})).await;
    admin.count(150..600).await;

    for _ in 0..2 {
        let mut again = TestTab::connect(&hub.authority, &admin.access_token).await;
        again.send(json!({"type": "hello", "cursor": cursor, "topics": ["custom:a", "modules"]})).await;
        assert_eq!(again.next_of("welcome").await["recovered"], true);
        let mut frames = Vec::new();
        while frames.len() < 600 {
            frames.push(again.next_of("event").await);
        }
        assert_eq!(numbers(&frames), (1..600).collect::<Vec<_>>());
        let telemetry = frames.iter().position(|frame| frame["event"] == "rt_telemetry_updated");
        assert_eq!(telemetry, Some(149), "it has its place among the others");
        assert!(again.settle().await.is_empty());
    }
}

#[actix::test]
async fn two_tabs_see_one_order() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut tabs = Vec::new();
    for _ in 0..4 {
        tabs.push(hub.tab(&admin, &["custom:a", "modules"]).await);
    }
    let writers = (0..3).map(|writer| {
        let admin = admin.clone();
        async move { admin.count(writer * 20..writer * 20 + 20).await }
    });
    futures_util::future::join_all(writers).await;

    let mut orders = Vec::new();
    for tab in &mut tabs {
        let mut order = Vec::new();
        while order.len() < 60 {
            order.push(tab.event("rt_count").await["n"].as_u64().unwrap());
        }
        orders.push(order);
    }
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]));
}

#[actix::test]
async fn what_is_asked_while_a_gap_is_mended_waits_for_its_turn() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for round in 0..20 {
        let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
        tab.send(json!({"type": "hello", "cursor": "lost", "topics": ["modules", "admin"]})).await;
        tab.send(json!({"type": "subscribe", "id": round, "topics": ["custom:a"]})).await;

        let mut kinds = Vec::new();
        while kinds.len() < 6 {
            let frame = tab.next().await.expect("the socket stays open");
            kinds.extend(frame["type"].as_str().filter(|kind| *kind != "event").map(str::to_owned));
        }
        assert_eq!(kinds, ["welcome", "gap", "snapshot", "snapshot", "reply", "snapshot"]);
    }
}

#[actix::test]
async fn a_pong_comes_behind_everything_that_was_missed_before_the_ping() {
    let hub = TestHub::with(&[("CARILLON__BROKER__RING", "16")]).await;
    let admin = hub.admin().await;
    let mut tab = hub.tab(&admin, &["custom:a"]).await;
    admin.count(0..1).await;
    tab.event("rt_count").await;
    let cursor = tab.cursor.clone();
    tab.close().await;
    admin.count(1..60).await;

    let mut again = TestTab::connect(&hub.authority, &admin.access_token).await;
    again.send(json!({"type": "hello", "cursor": cursor, "topics": ["custom:a"]})).await;
    // More than may wait without holding up what else the client says.
    for _ in 0..30 {
        again.send(json!({"type": "ping"})).await;
    }
    let mut frames = vec![again.next().await.unwrap()];
    while frames.last().is_some_and(|frame| frame["type"] != "pong") {
        frames.push(again.next().await.unwrap());
    }
    assert_eq!(numbers(&frames), (1..60).collect::<Vec<_>>());
    for _ in 1..30 {
        again.next_of("pong").await;
    }
}

#[actix::test]
async fn who_asks_while_much_is_caught_up_is_answered_behind_it() {
    let hub =
        TestHub::with(&[("CARILLON__SOCKET__HIGH_WATER", "16384"), ("CARILLON__SOCKET__LOW_WATER", "4096")]).await;
    let admin = hub.admin().await;
    let mut tab = hub.tab(&admin, &["custom:a"]).await;
    let filler = "x".repeat(20_000);
    for n in 0..60 {
        let event = json!({"event": "rt_count", "topic": "custom:a", "data": {"n": n, "filler": filler}});
        assert_eq!(admin.post("/api/v1/events", event).await.status, 202);
    }
    tab.event("rt_count").await;
    let cursor = tab.cursor.clone();
    tab.close().await;

    for _ in 0..10 {
        let mut again = TestTab::connect(&hub.authority, &admin.access_token).await;
        again.send(json!({"type": "hello", "cursor": cursor, "topics": ["custom:a"]})).await;
        let frames = again.settle().await;
        assert_eq!(numbers(&frames), (1..60).collect::<Vec<_>>());
    }
}
