use serde_json::json;

use super::{about, numbers, resume, say};
use crate::support::{TestDevice, TestHub, TestTab};

#[actix::test]
async fn a_cursor_outlives_a_restart() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let token = admin.create_module("MC-1").await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    device.report(1, json!({"speed": 1})).await;
    let mut tab = hub.tab(&admin, &["custom:a", "modules"]).await;
    assert_eq!(say(&hub.authority, &admin, 1).await, 202);
    tab.event("rt_count").await;
    let cursor = tab.cursor.clone();
    tab.close().await;
    assert_eq!(say(&hub.authority, &admin, 2).await, 202);

    let data = hub.stop().await;
    let hub = TestHub::on(&data, &[]).await;
    assert_eq!(say(&hub.authority, &admin, 3).await, 202);

    let (mut tab, missed) = resume(&hub.authority, &admin, &cursor, &["custom:a", "modules"]).await;
    assert_eq!(numbers(&missed), [2, 3]);
    // Once each: that it left, and what it last said.
    let mut of_module = about(&missed, "MC-1");
    of_module.sort();
    assert_eq!(of_module, ["rt_module_offline", "rt_telemetry_updated"]);
    let cursor = tab.cursor.clone();
    assert_eq!(say(&hub.authority, &admin, 4).await, 202);
    assert_eq!(tab.event("rt_count").await["n"], 4);
    let (_, missed) = resume(&hub.authority, &admin, &cursor, &["custom:a", "modules"]).await;
    assert_eq!((numbers(&missed), missed.len()), (vec![4], 1));
}

#[actix::test]
async fn more_than_the_ring_holds_is_known_after_a_restart() {
    let keys = [("CARILLON__BROKER__RING", "16")];
    let hub = TestHub::with(&keys).await;
    let admin = hub.admin().await;
    for number in 0..40 {
        assert_eq!(say(&hub.authority, &admin, number).await, 202);
    }
    let mut tab = hub.tab(&admin, &["custom:a"]).await;
    for number in 40..50 {
        assert_eq!(say(&hub.authority, &admin, number).await, 202);
    }
    while tab.event("rt_count").await["n"] != 41 {}
    let cursor = tab.cursor.clone();

    let data = hub.stop().await;
    let hub = TestHub::on(&data, &keys).await;

    let (_, missed) = resume(&hub.authority, &admin, &cursor, &["custom:a"]).await;
    assert_eq!(numbers(&missed), (42..50).collect::<Vec<_>>());
}

#[actix::test]
async fn a_cursor_of_another_database_is_a_gap() {
    let other = TestHub::start().await;
    let tab = other.tab(&other.admin().await, &["modules"]).await;
    let hub = TestHub::start().await;

    let mut stranger = TestTab::connect(&hub.authority, &hub.admin().await.access_token).await;
    stranger.send(json!({"type": "hello", "cursor": tab.cursor, "topics": ["modules"]})).await;

    assert_eq!(stranger.next_of("welcome").await["recovered"], false);
    stranger.next_of("gap").await;
}
