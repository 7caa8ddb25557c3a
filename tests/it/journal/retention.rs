use serde_json::{Value, json};

use super::{numbers, resume, say};
use crate::support::raw::RawSocket;
use crate::support::{Account, FLOOD, TestHub, TestTab};

#[actix::test]
async fn what_was_pruned_is_a_gap_and_the_rest_is_told() {
    let hub = TestHub::with(&[("CARILLON__BROKER__RING", "16"), ("CARILLON__JOURNAL__MAX_EVENTS", "30")]).await;
    let admin = hub.admin().await;
    let mut tab = hub.tab(&admin, &["custom:a"]).await;
    let mut cursors = Vec::new();
    for number in 0..60 {
        assert_eq!(say(&hub.authority, &admin, number).await, 202);
        tab.event("rt_count").await;
        cursors.push(tab.cursor.clone());
    }
    hub.until_metric("carillon_journal_events", |kept| kept == 30.0).await;

    let (_, missed) = resume(&hub.authority, &admin, &cursors[50], &["custom:a"]).await;
    assert_eq!(numbers(&missed), (51..60).collect::<Vec<_>>());
    come_back_too_late(&hub, &admin, &cursors[20]).await;
}

/// What a frame of the hub says, as a short word.
fn word(frame: &Value) -> String {
    match (frame["type"].as_str(), frame["topic"].as_str()) {
        (Some("event"), _) => frame["data"]["n"].to_string(),
        (kind, topic) => format!("{} {}", kind.unwrap_or_default(), topic.unwrap_or_default()).trim_end().to_owned(),
    }
}

/// Everything up to the answer to a ping.
async fn read_on(socket: &mut RawSocket) -> Vec<Value> {
    let mut frames = Vec::<Value>::new();
    while frames.last().is_none_or(|frame| frame["type"] != "pong") {
        let frame = socket.next().await;
        frames.extend((frame.first & 0x0f == 1).then(|| frame.json()));
    }
    frames
}

/// Comes back with a cursor that is no good any more.
async fn come_back_too_late(hub: &TestHub, who: &Account, cursor: &str) {
    let mut late = TestTab::connect(&hub.authority, &who.access_token).await;
    late.send(json!({"type": "hello", "cursor": cursor, "topics": ["custom:a"]})).await;
    assert_eq!(late.next_of("welcome").await["recovered"], false);
    late.next_of("gap").await;
}

#[actix::test]
async fn what_is_pruned_while_a_client_pages_is_a_gap_before_anything_newer() {
    let hub = TestHub::with(&[
        ("CARILLON__BROKER__RING", "16"),
        ("CARILLON__JOURNAL__MAX_EVENTS", "50"),
        ("CARILLON__SOCKET__HIGH_WATER", "16384"),
        ("CARILLON__SOCKET__LOW_WATER", "4096"),
    ])
    .await;
    let admin = hub.admin().await;
    let mut slow = RawSocket::open(&hub.authority, &admin.access_token, "").await;
    slow.send(0x81, br#"{"type":"hello","topics":["custom:a"]}"#).await;
    slow.next_of("snapshot").await;
    admin.flood("custom:a").await;
    hub.until_metric("carillon_journal_events", |kept| kept == 50.0).await;

    for frame in [&br#"{"type":"subscribe","id":1,"topics":["custom:b"]}"#[..], br#"{"type":"ping"}"#] {
        slow.send(0x81, frame).await;
    }
    let frames = read_on(&mut slow).await;

    let gap = frames.iter().position(|frame| frame["type"] == "gap").expect("it is told that events are missing");
    let (before, behind) = frames.split_at(gap);
    let (told, others): (Vec<_>, Vec<_>) = before.iter().partition(|frame| frame["type"] == "event");
    let told: Vec<_> = told.iter().filter_map(|frame| frame["data"]["n"].as_u64()).collect();
    assert_eq!(told, (0..told.len() as u64).collect::<Vec<_>>(), "in order, until some are missing");
    assert!(told.len() < FLOOD as usize - 50);
    let mut states: Vec<_> = behind[1..].iter().map(word).filter(|word| word != "reply" && word != "synced").collect();
    states.sort_unstable();
    states.dedup();
    assert_eq!(states, ["pong", "snapshot custom:a", "snapshot custom:b"]);
    for state in others.iter().filter(|frame| frame["type"] == "snapshot") {
        come_back_too_late(&hub, &admin, state["cursor"].as_str().expect("it has one")).await;
    }
    admin.say_at_length("custom:a", FLOOD).await;
    assert_eq!(slow.next_of("event").await.json()["data"]["n"], FLOOD);
}
