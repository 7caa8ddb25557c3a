use std::collections::HashMap;

use carillon::domain::event::NewEvent;
use carillon::domain::event::payload::{ModuleFacts, Presence};
use carillon::domain::module::TokenHash;
use carillon::domain::time::Timestamp;
use carillon::store::modules::ModuleRecord;
use carillon::store::{Options, Store, announcements, modules};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{about, numbers, resume, say};
use crate::support::process::{Scratch, TestProcess};
use crate::support::{Account, Answer, TestDevice, TestTab};

#[actix::test]
async fn what_a_client_has_seen_is_in_the_journal_and_what_was_acknowledged_comes_once() {
    let data = Scratch::new();
    let mut hub = TestProcess::start(data.path()).await;
    let admin = hub.admin().await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    tab.begin(&["custom:a", "modules"]).await;
    let beginning = tab.cursor.clone();
    // Enough to compare, and each time another moment of the commits.
    let enough = 10 + std::process::id() as usize % 30;
    let (has_seen, seen_enough) = oneshot::channel();
    let watching = actix::spawn(async move {
        let (mut seen, mut has_seen) = (Vec::new(), Some(has_seen));
        while let Ok(frame) = tab.next().await {
            seen.push(frame);
            if let Some(has_seen) = has_seen.take_if(|_| seen.len() >= enough) {
                let _ = has_seen.send(());
            }
        }
        seen
    });

    let writers = (0..4).map(|writer| work(hub.authority.clone(), admin.clone(), writer));
    let working = actix::spawn(join_all(writers));
    seen_enough.await.unwrap();
    hub.kill().await;
    let acknowledged: Vec<u64> = working.await.unwrap().concat();
    let seen = watching.await.unwrap();
    let hub = TestProcess::start(data.path()).await;

    let (_, told) = resume(&hub.authority, &admin, &beginning, &["custom:a", "modules"]).await;
    let places: HashMap<&str, usize> =
        told.iter().enumerate().map(|(place, frame)| (frame["cursor"].as_str().unwrap(), place)).collect();
    let again: Vec<usize> = seen.iter().map(|frame| places[frame["cursor"].as_str().unwrap()]).collect();
    assert!(again.is_sorted() && again.len() > 8, "seen in another order: {again:?}");
    let told_numbers = numbers(&told);
    for number in acknowledged {
        assert_eq!(told_numbers.iter().filter(|told| **told == number).count(), 1, "{number}");
    }
    let stored = hub.admin().await.get("/api/v1/modules?perPage=100").await.json();
    let mut made: Vec<_> = stored["items"].as_array().unwrap().iter().map(|module| id_of(module).to_owned()).collect();
    let mut announced: Vec<_> = told
        .iter()
        .filter(|frame| frame["event"] == "rt_module_added")
        .map(|frame| id_of(&frame["data"]).to_owned())
        .collect();
    made.sort();
    announced.sort();
    assert_eq!(announced, made);
}

/// Publishes events and makes modules until the hub is gone; answers the numbers that were acknowledged.
async fn work(authority: String, admin: Account, writer: u64) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    for number in 0..100 {
        let number = writer * 1000 + number;
        let id = format!("MC-{number}");
        if number.is_multiple_of(5) {
            let module = json!({"moduleId": id, "name": id, "type": "Station"});
            if try_post(&authority, &admin, "/api/v1/modules", module).await != Some(201) {
                break;
            }
        }
        let event = json!({"event": "rt_count", "topic": "custom:a", "data": {"n": number}});
        if try_post(&authority, &admin, "/api/v1/events", event).await != Some(202) {
            break;
        }
        acknowledged.push(number);
    }
    acknowledged
}

/// Posts, unless the hub is gone.
async fn try_post(authority: &str, who: &Account, path: &str, body: Value) -> Option<u16> {
    drop(tokio::net::TcpStream::connect(authority).await.ok()?);
    let (authority, path, bearer) = (authority.to_owned(), path.to_owned(), format!("Bearer {}", who.access_token));
    let posting = actix::spawn(async move {
        Answer::of(&authority, "POST", &path, &[("authorization", &bearer)], Some(body)).await.status
    });
    posting.await.ok()
}

fn id_of(module: &Value) -> &str {
    module["moduleId"].as_str().expect("a module has an id")
}

#[actix::test]
async fn a_change_whose_event_did_not_go_out_is_told_once_after_the_start() {
    let data = Scratch::new();
    let mut hub = TestProcess::start(data.path()).await;
    let admin = hub.admin().await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    tab.begin(&["modules"]).await;
    let cursor = tab.cursor.clone();
    hub.kill().await;
    // What a hub leaves that was killed between the commit and the event.
    let store = Store::open(data.database(), &Options::default()).unwrap();
    let made = store.write(|conn| {
        let record = record("MC-1");
        modules::insert(conn, &record)?;
        let (name, kind) = (record.name.as_str(), record.kind.as_str());
        announcements::add(
            conn,
            NewEvent::module_added(ModuleFacts { id: &record.id, name, kind, owner: None }, Presence::default()),
        )
    });
    made.await.unwrap();
    drop(store);

    let mut hub = TestProcess::start(data.path()).await;
    let (_, missed) = resume(&hub.authority, &admin, &cursor, &["modules"]).await;
    assert_eq!(about(&missed, "MC-1"), ["rt_module_added"]);

    hub.kill().await;
    let hub = TestProcess::start(data.path()).await;
    let (_, missed) = resume(&hub.authority, &admin, &cursor, &["modules"]).await;
    assert_eq!(about(&missed, "MC-1"), ["rt_module_added"]);
}

fn record(id: &str) -> ModuleRecord {
    ModuleRecord {
        id: id.parse().expect("an id"),
        name: id.parse().expect("a name"),
        kind: "Station".parse().expect("a type"),
        owner: None,
        token_hash: TokenHash::of(id),
        created_at: Timestamp::now(),
        updated_at: Timestamp::now(),
    }
}

#[actix::test]
async fn who_was_online_when_the_hub_was_killed_is_told_to_be_offline() {
    let data = Scratch::new();
    let mut hub = TestProcess::start(data.path()).await;
    let admin = hub.admin().await;
    let token = admin.create_module("MC-1").await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    tab.begin(&["modules"]).await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    device.report(1, json!({"speed": 12.5})).await;
    tab.event("rt_telemetry_updated").await;
    let cursor = tab.cursor.clone();

    hub.kill().await;
    let hub = TestProcess::start(data.path()).await;

    let (mut tab, missed) = resume(&hub.authority, &admin, &cursor, &["modules"]).await;
    assert_eq!(about(&missed, "MC-1"), ["rt_module_offline", "rt_telemetry_updated"]);
    assert_eq!(missed[1]["data"]["telemetry"]["speed"], 12.5);
    let _device = TestDevice::connect(&hub.authority, &token).await;
    assert_eq!(tab.next_event().await, "rt_module_online");
}

#[actix::test]
async fn a_cursor_outlives_many_crashes() {
    let data = Scratch::new();
    let mut hub = TestProcess::start(data.path()).await;
    let admin = hub.admin().await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    tab.begin(&["custom:a"]).await;
    let cursor = tab.cursor.clone();
    for number in 0..4 {
        assert_eq!(say(&hub.authority, &admin, number).await, 202);
        hub.kill().await;
        hub = TestProcess::start(data.path()).await;
    }

    let (_, missed) = resume(&hub.authority, &admin, &cursor, &["custom:a"]).await;
    assert_eq!(numbers(&missed), [0, 1, 2, 3]);
}
