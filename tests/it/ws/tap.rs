//! An admin looks into the live events of somebody or something, and it is written down.

use serde_json::{Value, json};

use crate::support::{Account, TestDevice, TestHub, TestTab};

async fn audit(admin: &Account, query: &str) -> Vec<Value> {
    let answer = admin.get(&format!("/api/v1/audit{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["items"].as_array().expect("a list").clone()
}

#[actix::test]
async fn a_tap_shows_what_a_person_and_their_modules_hear() {
    let hub = TestHub::start().await;
    let (admin, user) = (hub.admin().await, hub.user("ada@example.org").await);
    let token = user.create_module("MC-1").await;
    let other = admin.create_module("MC-2").await;
    let (of_user, of_modules) = (format!("tap:user:{}", user.id), format!("tap:modules:{}", user.id));
    let mut tap = hub.tab(&admin, &[&of_user, &of_modules]).await;

    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let _other = TestDevice::connect(&hub.authority, &other).await;
    device.report(1, json!({"speed": 3})).await;
    assert_eq!(user.patch("/api/v1/auth/me", json!({"name": "Ada L."})).await.status, 200);

    assert_eq!(tap.event("rt_module_online").await["moduleId"], "MC-1");
    assert_eq!(tap.event("rt_telemetry_updated").await["telemetry"]["speed"], 3);
    assert_eq!(tap.event("rt_user_profile_updated").await["name"], "Ada L.");
    assert!(tap.settle().await.iter().all(|frame| frame["data"]["moduleId"] != "MC-2"));
    let deeds = audit(&admin, "?action=tap.begin").await;
    assert_eq!(deeds.len(), 2);
    assert_eq!(deeds[0]["subject"], format!("modules:{}", user.id));
    assert_eq!(deeds[1]["subject"], format!("user:{}", user.id));
    assert_eq!((&deeds[1]["actor"]["id"], &deeds[1]["subjectName"]), (&json!(admin.id), &json!("Ada L.")));
    assert_eq!((&deeds[1]["action"], &deeds[1]["address"]), (&json!("tap.begin"), &json!("127.0.0.1")));
}

#[actix::test]
async fn only_admins_tap_and_a_tap_that_is_no_topic_is_refused() {
    let hub = TestHub::start().await;
    let (admin, user) = (hub.admin().await, hub.user("ada@example.org").await);
    let mut tab = hub.tab(&user, &[]).await;

    let refused = tab.ask(json!({"type": "subscribe", "id": 1, "topics": [format!("tap:user:{}", user.id)]})).await;
    assert_eq!(refused["problem"]["status"], 403, "{refused}");
    let mut tab = hub.tab(&admin, &[]).await;
    for bad in ["tap:", "tap:nobody", "tap:tap:admin", "tap:modules:a b"] {
        let refused = tab.ask(json!({"type": "subscribe", "id": 2, "topics": [bad]})).await;
        assert_eq!(refused["problem"]["status"], 422, "{refused}");
    }

    assert_eq!(audit(&admin, "?action=tap.begin").await, Vec::<Value>::new());
    assert_eq!(user.get("/api/v1/audit").await.status, 403);
}

#[actix::test]
async fn a_tap_that_goes_on_is_written_down_again_and_its_end_leaves_other_topics_alone() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut tap = hub.tab(&admin, &["custom:a", "tap:custom:a"]).await;
    assert_eq!(tap.ask(json!({"type": "unsubscribe", "id": 1, "topics": ["tap:custom:a"]})).await["ok"], true);
    let event = json!({"event": "rt_count", "topic": "custom:a", "data": {"n": 1}});
    assert_eq!(admin.post("/api/v1/events", event).await.status, 202);
    assert_eq!(tap.event("rt_count").await["n"], 1, "the topic itself goes on");
    let cursor = tap.cursor.clone();
    tap.close().await;

    let mut again = TestTab::connect(&hub.authority, &admin.access_token).await;
    again.send(json!({"type": "hello", "cursor": cursor, "topics": ["tap:custom:a"]})).await;

    assert_eq!(again.next_of("welcome").await["recovered"], true);
    assert_eq!(audit(&admin, "?action=tap.begin&search=custom").await.len(), 2);
}

#[actix::test]
async fn a_tap_at_a_low_rate_slows_no_other_topic_of_the_same_module() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut tab = hub.tab(&admin, &["module:MC-1"]).await;
    let tap = json!({"type": "subscribe", "id": 1, "topics": ["tap:module:MC-1"], "maxRate": 0.001});
    assert_eq!(tab.ask(tap).await["ok"], true);
    for speed in 0..3 {
        device.report(speed, json!({"speed": speed})).await;
        assert_eq!(tab.event("rt_telemetry_updated").await["telemetry"]["speed"], speed);
    }

    assert_eq!(tab.ask(json!({"type": "unsubscribe", "id": 2, "topics": ["module:MC-1"]})).await["ok"], true);
    for speed in 3..6 {
        device.report(speed, json!({"speed": speed})).await;
    }
    let told = tab.settle().await;
    let telemetry = told.iter().filter(|frame| frame["event"] == "rt_telemetry_updated");
    let speeds: Vec<_> = telemetry.map(|frame| frame["data"]["telemetry"]["speed"].as_u64().unwrap()).collect();
    assert_eq!(speeds, [3], "the tap goes on at its own rate");
}

#[actix::test]
async fn changes_of_accounts_and_removals_of_modules_are_written_down() {
    let hub = TestHub::start().await;
    let (admin, user) = (hub.admin().await, hub.user("ada@example.org").await);
    user.create_module("MC-1").await;
    let path = format!("/api/v1/users/{}", user.id);

    assert_eq!(admin.patch(&path, json!({"name": "Ada L."})).await.status, 200);
    assert_eq!(user.delete("/api/v1/modules/MC-1").await.status, 204);
    assert_eq!(user.delete("/api/v1/modules/MC-1").await.status, 404);
    assert_eq!(admin.delete(&path).await.status, 204);

    let told = |deed: &Value| format!("{} {}", deed["action"].as_str().unwrap(), deed["subject"].as_str().unwrap());
    let deeds = audit(&admin, "?perPage=10").await;
    let subject = format!("user:{}", user.id);
    let expected = [
        format!("user.delete {subject}"),
        "module.delete module:MC-1".to_owned(),
        format!("user.update {subject}"),
        format!("user.create {subject}"),
    ];
    assert_eq!(deeds.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!((&deeds[1]["actor"]["id"], &deeds[1]["actor"]["name"]), (&json!(user.id), &Value::Null), "gone since");
    assert_eq!(audit(&admin, "?page=2&perPage=3").await.len(), 1);
    assert_eq!(admin.get("/api/v1/audit?action=user.promote").await.status, 422);
    assert_eq!(admin.get(&format!("/api/v1/audit?search={}", "x".repeat(101))).await.status, 422);
}
