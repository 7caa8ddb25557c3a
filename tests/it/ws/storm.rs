//! When everybody comes at once, those who are too many are told their moment.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{Account, Answer, Ended, TestDevice, TestHub, TestTab, open};

const RATE: u32 = 20;
const BURST: u32 = 5;

async fn hub() -> TestHub {
    let (rate, burst) = (RATE.to_string(), BURST.to_string());
    TestHub::with(&[
        ("CARILLON__SOCKET__ACCEPT_RATE", &rate),
        ("CARILLON__SOCKET__ACCEPT_BURST", &burst),
        ("CARILLON__SOCKET__MAX_PER_USER", "1000"),
    ])
    .await
}

/// Comes in however often it is sent away; answers when, and how often that was.
async fn come_in(hub: &TestHub, account: &Account, begun: Instant) -> (Duration, u32, TestTab) {
    let mut turned_away = 0;
    loop {
        let mut tab = TestTab::connect(&hub.authority, &account.access_token).await;
        let frame = tab.next().await.expect("the hub says something");
        if frame["type"] == "welcome" {
            return (begun.elapsed(), turned_away, tab);
        }
        turned_away += 1;
        assert_eq!((&frame["type"], &frame["code"]), (&Value::from("bye"), &Value::from(4029)), "{frame}");
        assert_eq!(tab.end().await, Ended { code: 4029 });
        let wait = frame["retryAfterMs"].as_u64().expect("it is told when to come back");
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}

#[actix::test]
async fn a_crowd_is_let_in_no_faster_than_the_accept_rate() {
    let hub = hub().await;
    let admin = hub.admin().await;
    let begun = Instant::now();

    let crowd = join_all((0..40).map(|_| come_in(&hub, &admin, begun))).await;

    let mut moments: Vec<_> = crowd.iter().map(|(moment, ..)| moment.as_secs_f64()).collect();
    moments.sort_by(f64::total_cmp);
    // The welcome may wait for a first frame, so that only the count over the whole time is sure.
    let allowed = f64::from(BURST) + f64::from(RATE) * moments.last().expect("there is a crowd");
    assert!(moments.len() as f64 <= allowed, "{moments:?}");
    let most = crowd.iter().map(|(_, turned_away, _)| *turned_away).max();
    assert!(most.is_some_and(|most| (1..=3).contains(&most)), "whoever keeps the moment comes in: {most:?}");
    assert_eq!(metric(&hub, "carillon_connections_asked_total{door=\"ws\",told=\"now\"}").await, 40.0);
    assert!(metric(&hub, "carillon_connections_asked_total{door=\"ws\",told=\"later\"}").await >= 30.0);
}

#[actix::test]
async fn beyond_a_full_line_the_handshake_itself_is_refused() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__ACCEPT_RATE", "1"), ("CARILLON__SOCKET__ACCEPT_BURST", "1")]).await;
    let bearer = format!("Bearer {}", hub.admin().await.access_token);
    let mut refused = 0;
    for _ in 0..40 {
        refused += u32::from(open(&hub.authority, "/ws", &[("authorization", &bearer)]).await.err() == Some(503));
    }
    assert!((1..=12).contains(&refused), "{refused}");
    let upgrade = [
        ("authorization", bearer.as_str()),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let mut headers = vec![("connection", "upgrade")];
    headers.extend(upgrade);
    let answer = Answer::of(&hub.authority, "GET", "/ws", &headers, None).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    let after: u64 = answer.header("retry-after").and_then(|after| after.parse().ok()).expect("it says when");
    assert!((10..=50).contains(&after), "{after}");
    assert_eq!(answer.json()["type"], "/problems/too-many-connections");
}

#[actix::test]
async fn who_is_nobody_takes_no_place_and_modules_have_their_own() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__ACCEPT_RATE", "1"), ("CARILLON__SOCKET__ACCEPT_BURST", "2")]).await;
    let admin = hub.admin().await;
    let token = admin.create_module("MC-1").await;
    for _ in 0..10 {
        assert_eq!(open(&hub.authority, "/ws", &[]).await.err(), Some(401));
    }
    let _first = hub.tab(&admin, &["modules"]).await;
    let _second = hub.tab(&admin, &["modules"]).await;
    let mut third = TestTab::connect(&hub.authority, &admin.access_token).await;
    assert_eq!(third.next_of("bye").await["code"], 4029);

    let _device = TestDevice::connect(&hub.authority, &token).await;
    let _again = TestDevice::connect(&hub.authority, &token).await;
    let mut turned_away = TestDevice::stranger(&hub.authority).await;

    assert_eq!(turned_away.next().await.expect("a goodbye")["type"], "bye");
    assert_eq!(turned_away.end().await, Ended { code: 4029 });
}

#[actix::test]
async fn a_stopping_hub_gives_people_and_modules_their_own_moments() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut tab = hub.tab(&admin, &["modules"]).await;

    let stopped = actix::spawn(hub.stop());

    let told = tab.next_of("bye").await;
    assert!(told["retryAfterMs"].as_u64().is_some_and(|after| after <= 5000), "{told}");
    let told = device.next().await.expect("a goodbye");
    assert_eq!((&told["type"], &told["code"]), (&Value::from("bye"), &Value::from(1012)), "{told}");
    assert!(told["retryAfterMs"].as_u64().is_some_and(|after| after <= 5000), "{told}");
    assert_eq!(device.end().await, Ended { code: 1012 });
    drop((tab, device));
    stopped.await.expect("the hub stops");
}

async fn metric(hub: &TestHub, name: &str) -> f64 {
    let figures = Answer::of(&hub.authority, "GET", "/metrics", &[], None).await.text;
    let line = figures.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no `{name}` in:\n{figures}")).trim().parse().expect("figures are numbers")
}
