//! What happens to frames, good and bad.

use futures_util::future::join_all;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Ended, TestHub, TestTab};

#[actix::test]
async fn the_welcome_tells_who_and_how() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;

    let welcome = tab.next_of("welcome").await;

    assert_eq!(welcome["user"]["id"], admin.id);
    assert_eq!(welcome["user"]["isAdmin"], true);
    assert_eq!(welcome["recovered"], false);
    assert!(welcome["sessionId"].is_string() && welcome["cursor"].is_string(), "{welcome}");
    assert!(welcome["heartbeatMs"].as_u64() > Some(0));
    let reconnect = &welcome["reconnect"];
    assert_eq!((&reconnect["maxReconnectAttempts"], &reconnect["reconnectDelay"]), (&json!(15), &json!(1000)));
}

#[actix::test]
async fn bad_frames_get_a_problem_and_cost_nothing() {
    let hub = TestHub::start().await;
    let user = hub.user("ann@example.org").await;
    let mut tab = hub.tab(&user, &[]).await;

    for (frame, id, status) in [
        (json!({"type": "subscribe", "id": 1, "topics": ["admin"]}), json!(1), 403),
        (json!({"type": "subscribe", "id": 2, "topics": ["nonsense"]}), json!(2), 422),
        (json!({"type": "subscribe", "id": 3, "topics": ["user:somebody-else"]}), json!(3), 403),
        (json!({"type": "subscribe", "id": 4, "topics": ["module:MC-9"]}), json!(4), 404),
        (json!({"type": "subscribe", "id": 5, "topics": "modules"}), json!(5), 422),
        (json!({"type": "subscribe", "id": 6, "topics": [], "isAdmin": true}), json!(6), 422),
        (json!({"type": "declare", "id": 7}), json!(7), 422),
        (json!({"id": 8}), json!(null), 422),
        (json!(["ping"]), json!(null), 422),
    ] {
        let reply = tab.ask(frame.clone()).await;
        assert_eq!((&reply["ok"], &reply["id"]), (&json!(false), &id), "{frame} {reply}");
        assert_eq!(reply["problem"]["status"], status, "{frame} {reply}");
    }
    tab.send_raw(Message::text("{")).await;
    assert_eq!(tab.next_of("reply").await["problem"]["status"], 400);
    assert_eq!(tab.ask(json!({"type": "ping"})).await["type"], "pong");
}

#[actix::test]
async fn frames_that_break_the_protocol_end_the_socket() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for (message, code) in [(Message::binary(vec![1, 2, 3]), 1003), (Message::text("x".repeat(70_000)), 1009)] {
        let mut tab = hub.tab(&admin, &[]).await;
        tab.send_raw(message).await;
        assert_eq!(tab.end().await, Ended { code });
    }
}

#[actix::test]
async fn topics_are_bounded_and_can_be_left() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__MAX_TOPICS", "2")]).await;
    let admin = hub.admin().await;
    let mut tab = hub.tab(&admin, &["modules", "admin"]).await;

    let refused = tab.ask(json!({"type": "subscribe", "id": 1, "topics": ["dashboard"]})).await;
    assert_eq!(refused["ok"], false);
    let left = tab.ask(json!({"type": "unsubscribe", "id": 2, "topics": ["admin"]})).await;
    assert_eq!(left["ok"], true);
    let taken = tab.ask(json!({"type": "subscribe", "id": 3, "topics": ["dashboard"]})).await;
    assert_eq!(taken["ok"], true);
}

#[actix::test]
async fn a_topic_that_was_left_is_heard_no_more() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut tab = hub.tab(&admin, &["modules", "custom:a"]).await;
    tab.ask(json!({"type": "unsubscribe", "id": 1, "topics": ["modules"]})).await;

    admin.create_module("MC-1").await;
    let event = json!({"event": "rt_hello", "topic": "custom:a", "data": {"n": 1}});
    assert_eq!(admin.post("/api/v1/events", event).await.status, 202);

    assert_eq!(tab.next_event().await, "rt_hello");
}

#[actix::test]
async fn no_event_goes_out_before_the_welcome_and_none_is_lost() {
    let hub = TestHub::start().await;
    let user = hub.user("ann@example.org").await;
    let mut tab = TestTab::connect(&hub.authority, &user.access_token).await;
    tab.send_raw(Message::Ping(Vec::new().into())).await;

    assert_eq!(user.patch("/api/v1/auth/me", json!({"name": "Ann of the gate"})).await.status, 200);

    let welcome = tab.next_of("welcome").await;
    assert_eq!(tab.next_event().await, "rt_user_profile_updated");
    assert_ne!(tab.cursor, welcome["cursor"]);
}

#[actix::test]
async fn a_frame_that_names_a_topic_many_times_gets_one_snapshot() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__MAX_TOPICS", "8")]).await;
    let admin = hub.admin().await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;

    tab.send(json!({"type": "hello", "topics": ["modules", "modules", "modules"]})).await;
    tab.next_of("welcome").await;
    tab.next_of("snapshot").await;

    assert_eq!(tab.settle().await, Vec::<serde_json::Value>::new());
}

#[actix::test]
async fn a_frame_with_more_topics_than_allowed_gets_one_short_refusal() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__MAX_TOPICS", "8")]).await;
    let admin = hub.admin().await;
    let nonsense = vec!["x"; 10_000];
    for kind in ["hello", "subscribe", "unsubscribe"] {
        let mut tab = hub.tab(&admin, &[]).await;

        tab.send(json!({"type": kind, "topics": nonsense})).await;

        let answers = tab.settle().await;
        let refusals: Vec<_> = answers.iter().filter(|frame| frame["type"] == "reply").collect();
        assert_eq!(refusals.len(), 1, "{kind}");
        assert_eq!(refusals[0]["problem"]["type"], "/problems/too-many-topics", "{kind}");
    }
}

#[actix::test]
async fn a_pong_comes_behind_what_was_published_before_its_ping() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut tabs = Vec::new();
    for _ in 0..16 {
        tabs.push(hub.tab(&admin, &["custom:a"]).await);
    }
    for n in 0..50 {
        admin.count(n..n + 1).await;
        for frames in join_all(tabs.iter_mut().map(TestTab::settle)).await {
            let numbers: Vec<_> = frames.iter().filter_map(|frame| frame["data"]["n"].as_u64()).collect();
            assert_eq!(numbers, [u64::from(n)], "{frames:?}");
        }
    }
}
