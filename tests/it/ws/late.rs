//! A hello that comes after the hub has said welcome by itself.

use serde_json::{Value, json};

use crate::support::{Account, TestDevice, TestHub, TestTab};

/// Something that a person hears of themselves, whatever they listen to.
async fn rename(person: &Account, name: &str) {
    assert_eq!(person.patch("/api/v1/auth/me", json!({"name": name})).await.status, 200);
}

/// What frames say, as short texts.
fn texts(frames: &[Value]) -> Vec<String> {
    let text = |frame: &Value| match frame["event"].as_str() {
        Some("rt_count") => format!("{}", frame["data"]["n"]),
        Some(_) => frame["data"]["name"].as_str().unwrap_or("nameless").to_owned(),
        None => format!("{} {}", frame["type"], frame["topic"]).replace('"', "").replace(" null", ""),
    };
    frames.iter().map(text).collect()
}

/// A cursor behind the first event of `custom:a`, and a socket that got its welcome without a hello.
async fn cursor_and_late_tab(hub: &TestHub, admin: &Account) -> (String, TestTab) {
    let mut tab = hub.tab(admin, &["custom:a"]).await;
    admin.count(0..1).await;
    tab.event("rt_count").await;
    let cursor = tab.cursor.clone();
    tab.close().await;
    admin.count(1..3).await;

    let mut late = TestTab::connect(&hub.authority, &admin.access_token).await;
    assert_eq!(late.next_of("welcome").await["recovered"], false, "without a hello, after a while");
    (cursor, late)
}

#[actix::test]
async fn a_late_hello_of_a_client_that_was_told_nothing_resumes() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let (cursor, mut late) = cursor_and_late_tab(&hub, &admin).await;

    late.send(json!({"type": "hello", "cursor": cursor, "topics": ["custom:a"]})).await;
    assert_eq!(late.next_of("welcome").await["recovered"], true);
    assert_eq!(texts(&late.settle().await), ["1", "2"]);
    rename(&admin, "Ada").await;
    admin.count(3..4).await;
    let frames = [late.next().await.unwrap(), late.next().await.unwrap()];
    assert_eq!(texts(&frames), ["Ada", "3"]);
}

#[actix::test]
async fn a_late_hello_of_a_client_that_was_told_something_is_a_gap_with_snapshots() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let (cursor, mut late) = cursor_and_late_tab(&hub, &admin).await;
    rename(&admin, "Ada").await;
    assert_eq!(late.event("rt_user_profile_updated").await["name"], "Ada");

    late.send(json!({"type": "hello", "cursor": cursor, "topics": ["custom:a", "modules"]})).await;
    assert_eq!(late.next_of("welcome").await["recovered"], false);
    assert_eq!(texts(&late.settle().await), ["gap", "snapshot custom:a", "snapshot modules"], "nothing comes twice");
    admin.count(3..4).await;
    rename(&admin, "Eve").await;
    let frames = [late.next().await.unwrap(), late.next().await.unwrap()];
    assert_eq!(texts(&frames), ["3", "Eve"]);
}

#[actix::test]
async fn a_hello_behind_subscriptions_loses_none_of_them() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let (cursor, mut late) = cursor_and_late_tab(&hub, &admin).await;
    assert_eq!(late.ask(json!({"type": "subscribe", "id": 1, "topics": ["custom:b"]})).await["ok"], true);
    late.next_of("snapshot").await;

    late.send(json!({"type": "hello", "cursor": cursor, "topics": ["custom:a"]})).await;
    assert_eq!(late.next_of("welcome").await["recovered"], false, "a snapshot was told since the cursor");
    let mut told = texts(&late.settle().await);
    told[1..].sort();
    assert_eq!(told, ["gap", "snapshot custom:a", "snapshot custom:b"]);

    late.send(json!({"type": "hello", "topics": ["custom:a", "custom:c"]})).await;
    assert_eq!(late.next_of("welcome").await["recovered"], false);
    assert_eq!(
        texts(&late.settle().await),
        ["snapshot custom:a", "snapshot custom:c"],
        "without a cursor it begins anew"
    );
    for (n, topic) in ["custom:b", "custom:c", "custom:a"].into_iter().enumerate() {
        let event = json!({"event": "rt_count", "topic": topic, "data": {"n": n}});
        assert_eq!(admin.post("/api/v1/events", event).await.status, 202);
    }
    assert_eq!(late.event("rt_count").await["n"], 0);
    assert_eq!(texts(&late.settle().await), ["1", "2"]);
}

#[actix::test]
async fn what_is_wrong_with_a_hello_is_told_behind_its_welcome() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    tab.send(json!({"type": "hello", "id": 7, "topics": ["no topic", "custom:a", "module:MC-404"]})).await;

    tab.next_of("welcome").await;
    for (status, pointer) in [(422, "/topics/0"), (404, "/topics/2")] {
        let refused = tab.next_of("reply").await;
        assert_eq!((&refused["id"], &refused["problem"]["status"]), (&json!(7), &json!(status)), "{refused}");
        assert_eq!(refused["problem"]["errors"][0]["pointer"], pointer);
    }
    assert_eq!(tab.next_of("snapshot").await["topic"], "custom:a");
}

#[actix::test]
async fn each_topic_of_a_hello_may_have_a_rate_of_its_own() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut other = TestDevice::connect(&hub.authority, &admin.create_module("MC-2").await).await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    let topics = json!([{"topic": "module:MC-1", "maxRate": 0.001}, "module:MC-2", {"topic": "custom:a"}]);
    tab.send(json!({"type": "hello", "topics": topics})).await;
    tab.settle().await;

    for speed in 0..3 {
        device.report(speed, json!({"speed": speed})).await;
    }
    for speed in 10..12 {
        other.report(speed, json!({"speed": speed})).await;
    }
    let frames = tab.settle().await;
    let telemetry = frames.iter().filter(|frame| frame["event"] == "rt_telemetry_updated");
    let speeds: Vec<_> = telemetry.map(|frame| frame["data"]["telemetry"]["speed"].as_u64().unwrap()).collect();
    assert_eq!(speeds, [0, 2, 10, 11], "the paced one comes at first, and along with what is not paced");
}
