//! `maxRate`: a client that wants newer values less often than they come.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Account, TestDevice, TestHub, TestTab};

/// A rate so low that no test sees its interval end.
const NEVER: f64 = 0.001;

async fn paced(hub: &TestHub, admin: &Account, rate: f64) -> TestTab {
    let mut tab = hub.tab(admin, &[]).await;
    let asked = json!({"type": "subscribe", "id": 1, "topics": ["modules"], "maxRate": rate});
    assert_eq!(tab.ask(asked).await["ok"], true);
    tab.next_of("snapshot").await;
    tab
}

async fn report(device: &mut TestDevice, speeds: std::ops::Range<u64>) {
    for speed in speeds {
        device.report(speed, json!({"speed": speed})).await;
    }
}

/// The next frame, as a short text; that the device has come may be told before or after the tab begins.
async fn next(tab: &mut TestTab) -> String {
    loop {
        let frame = tab.next().await.expect("the socket stays open");
        match frame["event"].as_str() {
            Some("rt_module_online") => {}
            Some("rt_telemetry_updated") => return format!("speed {}", frame["data"]["telemetry"]["speed"]),
            Some(name) => return name.to_owned(),
            None => return frame["type"].as_str().expect("frames have types").to_owned(),
        }
    }
}

#[actix::test]
async fn what_must_come_at_once_brings_the_newest_paced_value_along() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut tab = paced(&hub, &admin, NEVER).await;

    report(&mut device, 0..5).await;
    assert_eq!(next(&mut tab).await, "speed 0");
    admin.patch("/api/v1/modules/MC-1", json!({"name": "One"})).await;

    assert_eq!(next(&mut tab).await, "speed 4");
    assert_eq!(next(&mut tab).await, "rt_module_updated");
}

#[actix::test]
async fn a_later_subscription_replaces_the_rate() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut tab = paced(&hub, &admin, NEVER).await;
    report(&mut device, 0..3).await;
    assert_eq!(next(&mut tab).await, "speed 0");

    tab.send(json!({"type": "subscribe", "id": 2, "topics": ["modules"]})).await;
    for expected in ["reply", "snapshot", "speed 2"] {
        assert_eq!(next(&mut tab).await, expected);
    }
    report(&mut device, 3..6).await;
    for expected in ["speed 3", "speed 4", "speed 5"] {
        assert_eq!(next(&mut tab).await, expected);
    }

    tab.send(json!({"type": "subscribe", "id": 3, "topics": ["modules"], "maxRate": NEVER})).await;
    tab.settle().await;
    report(&mut device, 6..9).await;
    assert_eq!(next(&mut tab).await, "speed 6");
    assert!(tab.settle().await.is_empty());
}

#[actix::test]
async fn values_come_no_more_often_than_asked_and_the_newest_always_comes() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut tab = paced(&hub, &admin, 10.0).await;

    let begun = Instant::now();
    let mut reported = 0;
    while begun.elapsed() < Duration::from_secs(1) {
        report(&mut device, reported..reported + 1).await;
        reported += 1;
    }

    let mut speeds = Vec::new();
    while speeds.last() != Some(&(reported - 1)) {
        speeds.push(tab.event("rt_telemetry_updated").await["telemetry"]["speed"].as_u64().unwrap());
    }
    let most = begun.elapsed().as_millis() / 100 + 1;
    assert!(speeds.len() as u128 <= most, "{} of {reported} in {:?}", speeds.len(), begun.elapsed());
    assert!(speeds.is_sorted_by(|earlier, later| earlier < later), "{speeds:?}");
}

#[actix::test]
async fn a_resumed_client_keeps_the_rate_it_asks_for() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    tab.begin(&["modules"]).await;
    let cursor = tab.cursor.clone();
    tab.close().await;
    report(&mut device, 0..3).await;

    let mut again = TestTab::connect(&hub.authority, &admin.access_token).await;
    again.send(json!({"type": "hello", "cursor": cursor, "topics": ["modules"], "maxRate": NEVER})).await;
    assert_eq!(again.next_of("welcome").await["recovered"], true);
    assert_eq!(next(&mut again).await, "speed 2");

    report(&mut device, 3..6).await;
    assert!(again.settle().await.is_empty());
}

#[actix::test]
async fn a_rate_out_of_bounds_is_refused() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut tab = hub.tab(&admin, &[]).await;

    for rate in [json!(0), json!(-1), json!(1000.5), json!(1e-9), json!(1e300), json!("2")] {
        let refused = tab.ask(json!({"type": "subscribe", "id": 1, "topics": ["modules"], "maxRate": rate})).await;
        assert_eq!(refused["problem"]["status"], 422, "{rate} {refused}");
    }
}
