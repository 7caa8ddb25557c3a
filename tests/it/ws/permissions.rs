//! What a person may see lives as long as the socket, and ends at once when it is taken away.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Account, Answer, Ended, TestHub, TestTab};

/// How soon an open socket feels a change.
const AT_ONCE: Duration = Duration::from_millis(100);
/// How often a measurement is tried: a busy machine may be late by itself.
const TRIES: u32 = 10;

/// The next frame that is no event.
async fn next_word(tab: &mut TestTab) -> Value {
    loop {
        let frame = tab.next().await.expect("the socket stays open");
        if frame["type"] != "event" {
            return frame;
        }
    }
}

/// Tries until a change was felt at once; `change` makes it and answers when it was felt after it was answered.
async fn felt_at_once<F: Future<Output = Duration>>(mut change: impl FnMut(u32) -> F) {
    let mut fastest = Duration::MAX;
    for round in 0..TRIES {
        fastest = fastest.min(change(round).await);
        if fastest <= AT_ONCE {
            return;
        }
    }
    panic!("felt after {fastest:?} at the earliest");
}

#[actix::test]
async fn a_removed_module_is_withdrawn_from_everybody_who_listens_to_it() {
    let hub = TestHub::start().await;
    let (admin, ann) = (hub.admin().await, hub.user("ann@example.org").await);
    let mut of_admin = hub.tab(&admin, &[]).await;
    let mut of_ann = hub.tab(&ann, &[]).await;
    for round in 0..3 {
        ann.create_module("MC-1").await;
        for tab in [&mut of_admin, &mut of_ann] {
            tab.send(json!({"type": "subscribe", "id": round, "topics": ["module:MC-1"]})).await;
            assert_eq!(next_word(tab).await["ok"], true);
            assert_eq!(next_word(tab).await["type"], "snapshot");
        }

        assert_eq!(ann.delete("/api/v1/modules/MC-1").await.status, 204);

        for tab in [&mut of_admin, &mut of_ann] {
            let notice = next_word(tab).await;
            assert_eq!((&notice["type"], &notice["id"], &notice["ok"]), (&json!("reply"), &json!(null), &json!(false)));
            assert_eq!(notice["problem"]["type"], "/problems/topic-forbidden", "{notice}");
            assert_eq!(notice["problem"]["topic"], "module:MC-1", "a program is told which one it has lost");
        }
    }

    admin.create_module("MC-1").await;
    admin.patch("/api/v1/modules/MC-1", json!({"name": "Another"})).await;
    for tab in [&mut of_admin, &mut of_ann] {
        assert_eq!(tab.settle().await, Vec::<Value>::new());
    }
}

#[actix::test]
async fn a_change_of_owner_is_felt_at_once() {
    let hub = TestHub::start().await;
    let (admin, ann) = (hub.admin().await, hub.user("ann@example.org").await);
    felt_at_once(|round| {
        let (hub, admin, ann) = (&hub, &admin, &ann);
        async move {
            let id = format!("MC-{round}");
            ann.create_module(&id).await;
            let mut tab = hub.tab(ann, &[&format!("module:{id}")]).await;
            let path = format!("/api/v1/modules/{id}");
            assert_eq!(admin.patch(&path, json!({"userId": admin.id})).await.status, 200);
            let answered = Instant::now();
            assert_eq!(next_word(&mut tab).await["problem"]["status"], 403);
            let felt = answered.elapsed();
            admin.patch(&path, json!({"name": "Hidden"})).await;
            assert_eq!(tab.settle().await, Vec::<Value>::new());
            felt
        }
    })
    .await;
}

#[actix::test]
async fn a_change_of_roles_the_end_of_a_login_and_of_an_account_are_felt_at_once() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let ends: [(&str, u16); 3] = [("roles", 1012), ("logout", 4001), ("account", 4001)];
    for (what, code) in ends {
        felt_at_once(|round| {
            let (hub, admin) = (&hub, &admin);
            async move {
                let user = hub.user(&format!("{what}{round}@example.org")).await;
                let mut tab = hub.tab(&user, &["modules"]).await;
                let path = format!("/api/v1/users/{}", user.id);
                let status = match what {
                    "roles" => admin.patch(&path, json!({"roles": ["admin"]})).await.status,
                    "logout" => user.post("/api/v1/auth/logout", json!({})).await.status,
                    _ => admin.delete(&path).await.status,
                };
                assert!((200..300).contains(&status), "{what} {status}");
                let answered = Instant::now();
                assert_eq!(tab.next_of("bye").await["code"], code, "{what}");
                let felt = answered.elapsed();
                assert_eq!(tab.end().await, Ended { code });
                felt
            }
        })
        .await;
    }
}

async fn refreshed(hub: &TestHub, account: &Account) -> Account {
    let body = json!({"refreshToken": account.refresh_token});
    let answer = Answer::of(&hub.authority, "POST", "/api/v1/auth/refresh", &[], Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    Account::new(&hub.authority, answer.json())
}

#[actix::test]
async fn a_socket_ends_in_the_second_its_token_does_unless_a_newer_one_extends_it() {
    // The end is near at once, or only after some beats.
    for heartbeat in ["25s", "200ms"] {
        check_expiry(heartbeat).await;
    }
}

async fn check_expiry(heartbeat: &str) {
    let settings = [("CARILLON__AUTH__ACCESS_LIFETIME", "3s"), ("CARILLON__SOCKET__HEARTBEAT", heartbeat)];
    let hub = TestHub::with(&settings).await;
    let begun = Instant::now();
    let account = hub.admin().await;
    let issued = Instant::now();
    let mut ending = hub.tab(&account, &["modules"]).await;
    let mut extended = hub.tab(&account, &["modules"]).await;
    let newer = refreshed(&hub, &account).await;
    // Past the middle, so that the newer token outlives the older one by more than a busy machine is late.
    tokio::time::sleep_until((begun + Duration::from_secs(2)).into()).await;
    let newest = refreshed(&hub, &newer).await;
    let reply = extended.ask(json!({"type": "token", "id": 1, "accessToken": newest.access_token})).await;
    assert_eq!(reply["ok"], true, "{reply}");

    assert_eq!(ending.next_of("bye").await["code"], 4001);
    let lived = begun.elapsed();
    assert!(lived > Duration::from_secs(2) && issued.elapsed() < Duration::from_secs(4), "{lived:?}");
    assert_eq!(extended.ask(json!({"type": "ping"})).await["type"], "pong");
    assert_eq!(extended.next_of("bye").await["code"], 4001);
    assert!(begun.elapsed() > lived + Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[actix::test]
async fn a_cursor_of_the_past_tells_nothing_of_what_was_anothers_then() {
    let hub = TestHub::start().await;
    let (ann, bob) = (hub.user("ann@example.org").await, hub.user("bob@example.org").await);
    let tab = hub.tab(&bob, &[]).await;
    let cursor = tab.cursor.clone();
    ann.create_module("MC-1").await;
    ann.patch("/api/v1/modules/MC-1", json!({"name": "Of Ann"})).await;
    ann.delete("/api/v1/modules/MC-1").await;
    bob.create_module("MC-1").await;
    bob.patch("/api/v1/modules/MC-1", json!({"name": "Of Bob"})).await;

    let mut again = TestTab::connect(&hub.authority, &bob.access_token).await;
    again.send(json!({"type": "hello", "cursor": cursor, "topics": ["module:MC-1"]})).await;

    assert_eq!(again.next_of("welcome").await["recovered"], true);
    let told: Vec<_> = again.settle().await.into_iter().map(|frame| frame["data"]["name"].clone()).collect();
    assert_eq!(told, ["MC-1", "Of Bob"]);
}

#[actix::test]
async fn what_others_publish_to_a_module_is_for_who_owned_it_then() {
    let hub = TestHub::start().await;
    let (admin, ann, bob) = (hub.admin().await, hub.user("ann@example.org").await, hub.user("bob@example.org").await);
    ann.create_module("MC-1").await;
    let publish = async |count: u32| {
        let event = json!({"event": "rt_count", "topic": "module:MC-1", "data": {"n": count}});
        assert_eq!(admin.post("/api/v1/events", event).await.status, 202);
    };
    let (mut of_ann, of_bob) = (hub.tab(&ann, &["module:MC-1"]).await, hub.tab(&bob, &[]).await);
    let (cursor_of_ann, cursor) = (of_ann.cursor.clone(), of_bob.cursor.clone());
    publish(1).await;
    assert_eq!(of_ann.event("rt_count").await["n"], 1);

    assert_eq!(admin.patch("/api/v1/modules/MC-1", json!({"userId": bob.id})).await.status, 200);
    publish(2).await;

    let counts = |frames: Vec<Value>| -> Vec<Value> {
        frames
            .into_iter()
            .filter(|frame| frame["event"] == "rt_count")
            .map(|frame| frame["data"]["n"].clone())
            .collect()
    };
    assert_eq!(counts(of_ann.settle().await), Vec::<Value>::new(), "it is Bob's now");
    let mut again = TestTab::connect(&hub.authority, &bob.access_token).await;
    again.send(json!({"type": "hello", "cursor": cursor, "topics": ["module:MC-1"]})).await;
    assert_eq!(again.next_of("welcome").await["recovered"], true);
    assert_eq!(counts(again.settle().await), [2], "of what was before the transfer nothing");
    assert_eq!(admin.patch("/api/v1/modules/MC-1", json!({"userId": ann.id})).await.status, 200);
    let mut again = TestTab::connect(&hub.authority, &ann.access_token).await;
    again.send(json!({"type": "hello", "cursor": cursor_of_ann, "topics": ["module:MC-1"]})).await;
    assert_eq!(counts(again.settle().await), [1], "of what was Bob's nothing");
}

#[actix::test]
async fn who_comes_back_with_other_roles_is_told_everything_anew() {
    let hub = TestHub::start().await;
    let (admin, ann) = (hub.admin().await, hub.user("ann@example.org").await);
    admin.create_module("MC-1").await;
    ann.create_module("MC-2").await;
    for (roles, modules) in [(json!(["admin"]), 2), (json!(["user"]), 1)] {
        let mut tab = hub.tab(&ann, &["modules"]).await;
        ann.patch("/api/v1/modules/MC-2", json!({"name": format!("Seen before {roles}")})).await;
        let cursor = tab.next_of("event").await["cursor"].clone();
        let changed = admin.patch(&format!("/api/v1/users/{}", ann.id), json!({ "roles": roles })).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(tab.next_of("bye").await["code"], 1012);

        let mut back = TestTab::connect(&hub.authority, &ann.access_token).await;
        back.send(json!({"type": "hello", "cursor": cursor, "topics": ["modules"]})).await;

        // At once, or as soon as the change is in the order of events.
        while back.next().await.expect("the socket stays open")["type"] != "gap" {}
        let snapshot = back.next_of("snapshot").await;
        let known = snapshot["data"]["modules"].as_array().expect("modules").len();
        assert_eq!(known, modules, "{snapshot}");
    }
}
