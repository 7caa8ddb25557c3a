//! When everybody comes at once, those who are too many are told their moment.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{Account, Answer, Ended, TestDevice, TestHub, TestTab, open, within};

/// The most in any second, of which so many at once; the rest of them begin each second in the long run.
const RATE: u32 = 10;
const BURST: u32 = 5;
/// At no more than five a second, the last of them is never let in by the first attempt, however slow the machine is.
const CROWD: usize = 30;
/// By so many logins they come.
const LOGINS: usize = 5;

async fn hub(rate: u32, burst: u32) -> TestHub {
    TestHub::with(&[
        ("CARILLON__SOCKET__ACCEPT_RATE", &rate.to_string()),
        ("CARILLON__SOCKET__ACCEPT_BURST", &burst.to_string()),
        ("CARILLON__SOCKET__MAX_PER_USER", "1000"),
    ])
    .await
}

fn asked(door: &str, told: &str) -> String {
    format!("carillon_connections_asked_total{{door=\"{door}\",told=\"{told}\"}}")
}

/// Comes in however often it is sent away; answers how often that was.
async fn come_in(hub: &TestHub, account: &Account) -> (u32, TestTab) {
    let mut turned_away = 0;
    loop {
        let mut tab = TestTab::connect(&hub.authority, &account.access_token).await;
        let frame = tab.next().await.expect("the hub says something");
        if frame["type"] == "welcome" {
            return (turned_away, tab);
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
    let hub = hub(RATE, BURST).await;
    // One login alone would get half of the rate at most.
    let mut admins = Vec::new();
    for _ in 0..LOGINS {
        admins.push(hub.admin().await);
    }
    let begun = Instant::now();

    let coming = (0..CROWD).map(|number| come_in(&hub, &admins[number % LOGINS]));
    let crowd = within("the crowd", join_all(coming)).await;

    let took = begun.elapsed().as_secs_f64();
    let steady = f64::from(RATE - BURST);
    assert!(CROWD as f64 <= f64::from(BURST) + steady * took, "all are in after {took} s");
    let turned_away: u32 = crowd.iter().map(|(turned_away, _)| turned_away).sum();
    assert!(turned_away > 0);
    assert_eq!(hub.metric(&asked("ws", "now")).await, CROWD as f64);
    assert_eq!(hub.metric(&asked("ws", "later")).await, f64::from(turned_away));
    assert_eq!(hub.metric("carillon_sessions_ended_total{code=\"4029\"}").await, f64::from(turned_away));
    let refused = "carillon_refused_total{reason=\"too-many-connections\"}";
    assert_eq!(hub.metric(refused).await, f64::from(turned_away));
    hub.until_metric("carillon_sockets_parting", |parting| parting == 0.0).await;
}

#[actix::test]
async fn beyond_a_full_line_the_handshake_itself_is_refused() {
    let hub = hub(2, 1).await;
    // Of modules, as one login is sent away for asking too often before it fills a line.
    let bearer = format!("Bearer {}", hub.admin().await.create_module("MC-1").await);
    let mut told = Vec::new();
    // One comes back each second at most: the line is full long before so many have knocked.
    while told.last() != Some(&503) && told.len() < 300 {
        let opened = open(&hub.authority, "/ws/module", &[("authorization", &bearer)]).await;
        told.push(opened.err().unwrap_or(101));
    }
    assert_eq!(told.last(), Some(&503));
    assert_eq!(hub.metric(&asked("module", "never")).await, 1.0);
    assert_eq!(
        hub.metric(&asked("module", "now")).await + hub.metric(&asked("module", "later")).await,
        (told.len() - 1) as f64
    );
    let upgrade = [
        ("authorization", bearer.as_str()),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let answer = until_status(&hub, &upgrade, 503).await;
    let after: u64 = answer.header("retry-after").and_then(|after| after.parse().ok()).expect("it says when");
    assert!((10..=50).contains(&after), "{after}");
    assert_eq!(answer.json()["type"], "/problems/too-many-connections");
}

/// Knocks until the handshake is answered in this way: a place in the line may have come free meanwhile.
async fn until_status(hub: &TestHub, headers: &[(&'static str, &str)], status: u16) -> Answer {
    for _ in 0..50 {
        let key = [("authorization", headers[0].1)];
        if open(&hub.authority, "/ws/module", &key).await.err() == Some(status) {
            let answer = Answer::of(&hub.authority, "GET", "/ws/module", headers, None).await;
            if answer.status == status {
                return answer;
            }
        }
    }
    panic!("the hub never answers {status}");
}

/// Knocks until it is turned away; how often it came in before.
async fn knock(hub: &TestHub, bearer: &str, refused: Option<u16>) -> u32 {
    let headers = [("authorization", bearer)];
    for came_in in 0..50 {
        match open(&hub.authority, "/ws", &headers).await {
            Err(status) => assert_eq!(Some(status), refused),
            Ok(socket) => {
                let mut tab = TestTab::over(socket);
                if tab.next().await.is_ok_and(|frame| frame["type"] == "bye") {
                    assert_eq!(tab.end().await, Ended { code: 4029 });
                    return came_in;
                }
            }
        }
    }
    panic!("nobody is turned away");
}

#[actix::test]
async fn who_is_nobody_takes_no_place_and_modules_have_their_own() {
    let hub = hub(3, 2).await;
    let admin = hub.admin().await;
    let token = admin.create_module("MC-1").await;
    for _ in 0..10 {
        assert_eq!(open(&hub.authority, "/ws", &[]).await.err(), Some(401));
    }
    assert_eq!(hub.metric(&asked("ws", "now")).await, 0.0);
    assert!(knock(&hub, &format!("Bearer {}", admin.access_token), None).await >= 1);

    let _device = TestDevice::connect(&hub.authority, &token).await;
    assert_eq!((hub.metric(&asked("module", "now")).await, hub.metric(&asked("module", "later")).await), (1.0, 0.0));
    within("a device that is turned away", async {
        loop {
            let mut device = TestDevice::stranger(&hub.authority).await;
            if hub.metric(&asked("module", "later")).await > 0.0 {
                assert_eq!(device.next().await.expect("a goodbye")["type"], "bye");
                assert_eq!(device.end().await, Ended { code: 4029 });
                return;
            }
        }
    })
    .await;
}

#[actix::test]
async fn a_token_that_is_none_counts_against_the_rate_of_its_address() {
    let hub = hub(3, 2).await;
    let before = knock(&hub, "Bearer nonsense", Some(401)).await;

    assert!(before >= 1, "it is judged before it is turned away");
    assert!(hub.metric(&asked("ws", "later")).await >= 1.0);
    assert_eq!(hub.metric(&asked("ws", "now")).await, f64::from(before));
}

#[actix::test]
async fn wrong_tokens_keep_no_module_out() {
    let hub = hub(22, 20).await;
    let token = hub.admin().await.create_module("MC-1").await;
    for number in 0..30 {
        // Some show nothing, and might say later who they are.
        let shown: &[_] = if number % 2 == 0 { &[("authorization", "Bearer nonsense")] } else { &[] };
        drop(open(&hub.authority, "/ws/module", shown).await);
    }

    assert!(hub.metric(&asked("module", "later")).await >= 1.0);
    let _device = TestDevice::connect(&hub.authority, &token).await;
}

#[actix::test]
async fn no_more_sockets_are_open_than_may_be() {
    let hub = TestHub::with(&[("CARILLON__HTTP__MAX_CONNECTIONS", "3"), ("CARILLON__HTTP__WORKERS", "4")]).await;
    let bearer = format!("Bearer {}", hub.admin().await.access_token);
    let headers = [("authorization", bearer.as_str())];
    let opened = join_all((0..8).map(|_| open(&hub.authority, "/ws", &headers))).await;
    let (open, refused): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
    let refused: Vec<_> = refused.into_iter().filter_map(Result::err).collect();
    assert_eq!((open.len(), refused), (3, vec![503; 5]));
    assert_eq!(hub.metric("carillon_sockets_open{door=\"ws\"}").await, 3.0);
}

#[actix::test]
async fn a_stopping_hub_gives_people_and_modules_their_own_moments() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut tab = hub.tab(&admin, &["modules"]).await;

    let stopped = actix::spawn(hub.stop());

    // That the device came may be told only now.
    let told = loop {
        let frame = tab.next().await.expect("a goodbye");
        if frame["type"] != "event" {
            break frame;
        }
    };
    assert_eq!(told["type"], "bye");
    assert!(told["retryAfterMs"].as_u64().is_some_and(|after| after <= 5000), "{told}");
    let told = device.next().await.expect("a goodbye");
    assert_eq!((&told["type"], &told["code"]), (&Value::from("bye"), &Value::from(1012)), "{told}");
    assert!(told["retryAfterMs"].as_u64().is_some_and(|after| after <= 5000), "{told}");
    assert_eq!(device.end().await, Ended { code: 1012 });
    drop((tab, device));
    stopped.await.expect("the hub stops");
}
