//! Events survive: restarts, crashes, a full disk, a server that goes; and are forgotten as configured.

mod crash;
mod full_disk;
mod outside;
mod restart;
mod retention;
mod server;

use serde_json::{Value, json};

use crate::support::process::TestProcess;
use crate::support::{Account, Answer, TestTab};

/// Publishes one numbered event; answers the status.
async fn say(authority: &str, who: &Account, number: u64) -> u16 {
    let event = json!({"event": "rt_count", "topic": "custom:a", "data": {"n": number}});
    let bearer = format!("Bearer {}", who.access_token);
    Answer::of(authority, "POST", "/api/v1/events", &[("authorization", &bearer)], Some(event)).await.status
}

/// Goes on from a cursor, which must be good; answers everything that was missed.
async fn resume(authority: &str, who: &Account, cursor: &str, topics: &[&str]) -> (TestTab, Vec<Value>) {
    let mut tab = TestTab::connect(authority, &who.access_token).await;
    tab.send(json!({"type": "hello", "cursor": cursor, "topics": topics})).await;
    assert_eq!(tab.next_of("welcome").await["recovered"], true);
    let missed = tab.settle().await;
    assert!(missed.iter().all(|frame| frame["type"] == "event"), "{missed:?}");
    (tab, missed)
}

/// The numbers of the numbered events.
fn numbers(frames: &[Value]) -> Vec<u64> {
    frames.iter().filter(|frame| frame["event"] == "rt_count").filter_map(|frame| frame["data"]["n"].as_u64()).collect()
}

/// The names of the events about one module.
fn about(frames: &[Value], module: &str) -> Vec<String> {
    let of_it = frames.iter().filter(|frame| frame["data"]["moduleId"] == module);
    of_it.filter_map(|frame| frame["event"].as_str().map(str::to_owned)).collect()
}

/// The status that tells whether a hub can do its work.
async fn ready(hub: &TestProcess) -> u16 {
    Answer::of(&hub.authority, "GET", "/health/ready", &[], None).await.status
}
