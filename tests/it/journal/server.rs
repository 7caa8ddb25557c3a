//! A database on a server, which may go and come back.

use std::time::Duration;

use serde_json::json;

use super::{numbers, ready, resume, say};
use crate::support::process::{Scratch, TestProcess, logs_of, run_with};
use crate::support::server::TestServer;
use crate::support::{Answer, TestDevice, TestTab};

const URL: &str = "CARILLON__STORE__URL";

#[actix::test]
async fn while_the_server_is_away_nothing_is_acknowledged_and_everything_goes_on_when_it_is_back() {
    let Some(server) = TestServer::start() else { return };
    let data = Scratch::new();
    let mut hub = TestProcess::start_with(data.path(), &[(URL, &server.url())]).await;
    let admin = hub.admin().await;
    let token = admin.create_module("MC-1").await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    tab.begin(&["custom:a"]).await;
    assert_eq!(say(&hub.authority, &admin, 1).await, 202);
    assert_eq!(tab.event("rt_count").await["n"], 1);
    let cursor = tab.cursor.clone();

    server.crash();
    assert_eq!(say(&hub.authority, &admin, 2).await, 503);
    device.send(json!({"type": "telemetry", "id": 7, "telemetry": {"speed": 2}})).await;
    let refused = device.next().await.expect("the socket stays open");
    assert_eq!((&refused["type"], &refused["problem"]["status"]), (&json!("error"), &json!(503)), "{refused}");
    assert_eq!(Answer::of(&hub.authority, "GET", "/health/live", &[], None).await.status, 200);
    assert_eq!(ready(&hub).await, 503);

    server.come_back();
    let back = async {
        while ready(&hub).await != 200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back).await.expect("the hub finds the server again by itself");
    assert_eq!(say(&hub.authority, &admin, 3).await, 202);
    assert_eq!(tab.event("rt_count").await["n"], 3);
    device.report(8, json!({"speed": 3})).await;
    let (_, missed) = resume(&hub.authority, &admin, &cursor, &["custom:a"]).await;
    assert_eq!(numbers(&missed), [3]);
    hub.terminate();
    assert_eq!(hub.exit().await.code(), Some(0));
}

#[actix::test]
async fn what_was_under_way_when_the_server_crashed_is_told_or_refused_and_never_both() {
    let Some(server) = TestServer::start() else { return };
    let data = Scratch::new();
    let hub = TestProcess::start_with(data.path(), &[(URL, &server.url())]).await;
    let admin = hub.admin().await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    tab.begin(&["custom:a"]).await;
    let (mut told, mut cursor) = (Vec::new(), tab.cursor.clone());
    let first = cursor.clone();
    for round in 0..3 {
        let all: Vec<_> = (round * 100..round * 100 + 100).map(|number| say(&hub.authority, &admin, number)).collect();
        let crash = async {
            tokio::time::sleep(Duration::from_millis(40 * (round + 1))).await;
            server.crash();
            server.come_back();
        };
        let (answers, ()) = tokio::join!(futures_util::future::join_all(all), crash);
        let taken = (round * 100..).zip(answers).filter(|(_, status)| *status == 202).map(|(number, _)| number);
        told.extend(taken);
        let last = 1000 + round;
        let again = async {
            while say(&hub.authority, &admin, last).await != 202 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), again).await.expect("the hub finds the server again by itself");
        told.push(last);
    }

    let mut live = Vec::new();
    while live.last() != Some(&1002) {
        live.push(tab.event("rt_count").await["n"].as_u64().expect("a number"));
    }
    cursor.clone_from(&tab.cursor);
    let (_, journal) = resume(&hub.authority, &admin, &first, &["custom:a"]).await;
    assert_eq!(numbers(&journal), live, "who was there and who comes back see the same");
    assert_ne!(cursor, first);
    let mut sorted = live.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), live.len(), "nothing comes twice");
    assert!(told.iter().all(|number| sorted.binary_search(number).is_ok()), "what was taken is told");
}

#[actix::test]
async fn a_database_on_a_server_has_one_hub() {
    let Some(server) = TestServer::start() else { return };
    let (one, other) = (Scratch::new(), Scratch::new());
    let mut hub = TestProcess::start_with(one.path(), &[(URL, &server.url())]).await;

    let ran = run_with(other.path(), &["serve"], &[(URL, &server.url())], "").await;

    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("another hub uses this database"), "{}", ran.stderr);
    hub.kill().await;
    TestProcess::start_with(other.path(), &[(URL, &server.url())]).await.admin().await;
}

#[actix::test]
async fn the_password_of_the_server_is_never_shown() {
    for url in ["postgres://ada:hush%20hush@127.0.0.1:1/house", "postgres://ada:hush%zz@127.0.0.1:1/house"] {
        let data = Scratch::new();
        for command in ["serve", "migrate"] {
            let ran = run_with(data.path(), &[command], &[(URL, url), ("CARILLON__LOG__LEVEL", "trace")], "").await;

            assert_eq!(ran.code, Some(1), "{ran:?}");
            assert!(ran.stderr.contains("database") && !format!("{ran:?}").contains("hush"), "{ran:?}");
        }
        assert!(!logs_of(&data).contains("hush"));
    }
}
