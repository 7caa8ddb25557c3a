//! What nobody should send by Socket.IO is refused with a reason, costs little, and harms nobody else.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::polls::Polls;
use crate::support::{Account, TestHub, open};

/// What the packages of Socket.IO keep for themselves.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

async fn hub_with_a_listener() -> (TestHub, Account, Polls) {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let other = Polls::join(&hub.authority, &admin.access_token, &["custom:a"]).await;
    (hub, admin, other)
}

/// Says something to all, and sees that it comes.
async fn is_heard(admin: &Account, other: &Polls) {
    let event = json!({"event": "rt_hello", "topic": "custom:a", "data": {}});
    assert_eq!(admin.post("/api/v1/events", event).await.status, 202);
    other.read_to("[\"rt_hello\"").await;
}

#[actix::test]
async fn names_that_socket_io_keeps_for_itself_are_taken_from_nobody() {
    let (hub, admin, other) = hub_with_a_listener().await;
    let polls = Polls::join(&hub.authority, &admin.access_token, &["custom:a"]).await;
    for name in RESERVED {
        assert_eq!(polls.post(&format!(r#"421["{name}",{{}}]"#)).await.text, "ok");
        let answer = polls.read_to("431[").await;
        assert!(answer.contains("/problems/reserved-event"), "{answer}");
        let event = json!({"event": name, "topic": "custom:a", "data": {}});
        assert_eq!(admin.post("/api/v1/events", event).await.status, 422, "{name}");
    }
    is_heard(&admin, &other).await;
}

#[actix::test]
async fn a_number_that_is_used_again_is_answered_as_often() {
    let (hub, admin, other) = hub_with_a_listener().await;
    let polls = Polls::join(&hub.authority, &admin.access_token, &[]).await;
    let asked = [r#"427["dance",{}]"#, r#"427["subscribe",{"topics":[]}]"#, r#"427["unsubscribe",{"topics":[]}]"#];
    assert_eq!(polls.post(&asked.join("\u{1e}")).await.text, "ok");

    let mut told = String::new();
    while told.matches("437[").count() < asked.len() {
        told.push_str(&polls.read_to("437[").await);
    }
    let answers = told.split('\u{1e}').filter_map(|packet| packet.strip_prefix("437"));
    let are_good: Vec<_> =
        answers.map(|json| serde_json::from_str::<Value>(json).expect("JSON")[0]["ok"].clone()).collect();
    assert_eq!(are_good, [json!(false), json!(true), json!(true)]);
    // An answer to what the hub never asked.
    assert_eq!(polls.post(r#"437["an answer"]"#).await.text, "ok");
    is_heard(&admin, &other).await;
}

#[actix::test]
async fn attachments_that_never_come_hold_up_their_client_only() {
    let (hub, admin, other) = hub_with_a_listener().await;
    let mut socket = open(&hub.authority, "/socket.io/?EIO=4&transport=websocket", &[]).await.expect("the hub listens");
    let login = format!("40{}", json!({ "token": admin.access_token, "topics": ["custom:a"] }));
    let announced = r#"459-1["subscribe",{"_placeholder":true,"num":8}]"#;
    socket.send(Message::text(login)).await.expect("the hub listens");
    while !socket.next().await.expect("open").expect("open").to_string().starts_with("40") {}
    socket.send(Message::text(announced)).await.expect("the hub listens");
    for _ in 0..8 {
        socket.send(Message::binary(vec![0; 1000])).await.expect("the hub listens");
    }

    is_heard(&admin, &other).await;
    // It hears what others do, too, until it says something that is no attachment.
    while !socket.next().await.expect("open").expect("open").to_string().contains("rt_hello") {}
    socket.send(Message::text(r#"422["dance",{}]"#)).await.expect("the hub listens");
    let close = loop {
        match socket.next().await {
            Some(Ok(Message::Close(close))) => break close.expect("a reason"),
            Some(Ok(message)) => assert!(!message.to_string().starts_with("432"), "{message}"),
            broken => panic!("{broken:?}"),
        }
    };
    assert_eq!(u16::from(close.code), 1002, "{close}");
}

#[actix::test]
async fn more_attachments_than_there_may_be_or_than_were_announced_end_their_client_only() {
    let (hub, admin, other) = hub_with_a_listener().await;
    let long = "x".repeat(40_000);
    for payload in [
        r#"4511-["subscribe",{}]"#.to_owned(),
        r#"459007199254740993-["subscribe",{}]"#.to_owned(),
        "451-[\"subscribe\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQ==\u{1e}bAQ==".to_owned(),
        "bAQ==".to_owned(),
        format!("452-[\"subscribe\",\"{long}\"]\u{1e}b!"),
        format!("42[\"subscribe\",{}{}]", "[".repeat(30_000), "]".repeat(29_999)),
        format!("451-[\"subscribe\",{}{}]", "[".repeat(30_000), "]".repeat(30_000)),
    ] {
        let polls = Polls::join(&hub.authority, &admin.access_token, &[]).await;
        polls.post(&payload).await;
        let mut last = polls.get().await;
        while last.status == 200 && last.text != "1" {
            last = polls.get().await;
        }
        let shown: String = payload.chars().take(40).collect();
        assert!(polls.get().await.status == 400, "{shown}");
    }
    is_heard(&admin, &other).await;
}
