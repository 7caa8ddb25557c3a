//! What nobody should send is refused with a reason, costs little, and harms nobody else.

use serde_json::{Value, json};

use crate::support::{Account, TestHub, TestTab};

#[actix::test]
async fn ten_thousand_subscriptions_by_one_client_are_refused_beyond_the_bound() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut other = hub.tab(&admin, &["custom:0"]).await;
    let mut tab = hub.tab(&admin, &[]).await;

    let mut taken = 0;
    for first in (0..10_000).step_by(50) {
        let topics: Vec<_> = (first..first + 50).map(|number| format!("custom:{number}")).collect();
        let reply = tab.ask(json!({"type": "subscribe", "id": first, "topics": topics})).await;
        match reply["ok"].as_bool() {
            Some(true) => taken += 50,
            _ => assert_eq!(reply["problem"]["type"], "/problems/too-many-topics", "{reply}"),
        }
    }
    assert_eq!(taken, 250, "as many frames of 50 as fit into `socket.max_topics`");
    // The same ones again cost no room.
    let again: Vec<_> = (0..50).map(|number| format!("custom:{number}")).collect();
    assert_eq!(tab.ask(json!({"type": "subscribe", "id": 1, "topics": again})).await["ok"], true);
    tab.settle().await;

    let event = json!({"event": "rt_hello", "topic": "custom:0", "data": {}});
    assert_eq!(admin.post("/api/v1/events", event).await.status, 202);
    assert_eq!(tab.next_event().await, "rt_hello");
    assert_eq!(other.next_event().await, "rt_hello");
}

/// The welcome's `recovered`, and the types of all that follows it.
async fn begin_at(hub: &TestHub, account: &Account, cursor: &Value) -> (Value, Vec<Value>) {
    let mut tab = TestTab::connect(&hub.authority, &account.access_token).await;
    tab.send(json!({"type": "hello", "id": 1, "cursor": cursor, "topics": ["custom:a"]})).await;
    let first = tab.next().await.expect("the socket stays open");
    let rest = tab.settle().await;
    (first["recovered"].clone(), rest.iter().map(|frame| frame["type"].clone()).collect())
}

#[actix::test]
async fn cursors_that_no_hub_gave_are_gaps_and_those_that_are_no_text_are_refused() {
    let hub = TestHub::start().await;
    let other = TestHub::start().await;
    let (admin, admin_elsewhere) = (hub.admin().await, other.admin().await);
    let own = hub.tab(&admin, &["custom:a"]).await.cursor;
    let foreign = other.tab(&admin_elsewhere, &["custom:a"]).await.cursor;
    let (epoch, _) = own.split_at(16);
    let gap = [json!("gap"), json!("snapshot")];
    let forged = [
        foreign,
        format!("{epoch}7fffffffffffffff"),
        format!("{epoch}ffffffffffffffff"),
        format!("{epoch}10000000000000000"),
        format!("{epoch}-1"),
        format!("{epoch}+1"),
        format!("{epoch} 1"),
        epoch.to_owned(),
        epoch.to_uppercase(),
        format!("{}é", &own[..15]),
        "\0".repeat(17),
        "0".repeat(60_000),
    ];
    for cursor in forged {
        let shown: String = cursor.chars().take(40).collect();
        assert_eq!(begin_at(&hub, &admin, &json!(cursor)).await, (json!(false), gap.to_vec()), "{shown}");
    }
    for cursor in [json!(1), json!([own]), json!({"offset": 1})] {
        let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
        tab.send(json!({"type": "hello", "id": 1, "cursor": cursor, "topics": []})).await;
        tab.next_of("welcome").await;
        assert_eq!(tab.next_of("reply").await["problem"]["status"], 422, "{cursor}");
    }
    assert_eq!(begin_at(&hub, &admin, &json!(own)).await, (json!(true), vec![]));
}

#[actix::test]
async fn a_cursor_in_the_future_does_not_hide_what_happens_next() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let own = hub.tab(&admin, &["custom:a"]).await.cursor;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    let future = format!("{}7fffffffffffffff", &own[..16]);
    tab.send(json!({"type": "hello", "cursor": future, "topics": ["custom:a"]})).await;
    tab.settle().await;

    let event = json!({"event": "rt_hello", "topic": "custom:a", "data": {}});
    assert_eq!(admin.post("/api/v1/events", event).await.status, 202);

    assert_eq!(tab.next_event().await, "rt_hello");
}
