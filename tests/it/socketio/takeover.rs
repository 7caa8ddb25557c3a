//! WebSockets that take over sessions of polls.

use futures_util::future::join;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::polls::Polls;
use crate::support::{TestHub, open};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How many questions one payload has.
const QUESTIONS: usize = 40;

/// The next text; none when the hub has closed.
async fn next(socket: &mut Socket) -> Option<String> {
    match socket.next().await {
        Some(Ok(Message::Text(text))) => Some(text.to_string()),
        _ => None,
    }
}

/// A WebSocket that may take over as soon as it says so.
async fn probe(hub: &TestHub, polls: &Polls) -> Socket {
    let mut socket = open(&hub.authority, &polls.socket(), &[]).await.expect("the hub listens");
    socket.send(Message::text("2probe")).await.expect("the hub listens");
    assert_eq!(next(&mut socket).await.as_deref(), Some("3probe"));
    socket
}

fn questions() -> String {
    vec![r#"42["register_page",{"page":"module:MC-1"}]"#; QUESTIONS].join("\u{1e}")
}

#[actix::test]
async fn what_a_socket_brings_waits_for_the_payload_that_was_posted_before() {
    let (hub, token) = TestHub::with_long_answers().await;
    let polls = Polls::join(&hub.authority, &token, &[]).await;

    let questions = questions();
    let going_over = async {
        let by_poll = polls.read_to("[\"snapshot\"").await.matches("[\"snapshot\"").count();
        let mut socket = probe(&hub, &polls).await;
        socket.send(Message::text("5")).await.expect("the hub listens");
        socket.send(Message::text(r#"427["dance",{}]"#)).await.expect("the hub listens");
        let mut answers = by_poll;
        loop {
            let text = next(&mut socket).await.expect("the socket stays open");
            if text.starts_with("437[") {
                return answers;
            }
            answers += usize::from(text.starts_with("42[\"snapshot\""));
        }
    };
    let (posted, answers) = join(polls.post(&questions), going_over).await;

    assert_eq!(posted.text, "ok");
    assert_eq!(answers, QUESTIONS);
}

#[actix::test]
async fn a_payload_that_comes_while_another_is_taken_ends_the_session() {
    let (hub, token) = TestHub::with_long_answers().await;
    let polls = Polls::join(&hub.authority, &token, &[]).await;

    let questions = questions();
    let doubling = async {
        polls.read_to("[\"snapshot\"").await;
        polls.post("3").await
    };
    let (first, second) = join(polls.post(&questions), doubling).await;

    assert_eq!((first.status, second.status), (400, 400));
    assert_eq!(polls.get().await.json()["code"], 1);
    assert_eq!(polls.post("3").await.json()["code"], 1);
    assert_eq!(open(&hub.authority, &polls.socket(), &[]).await.err(), Some(400));
}

#[actix::test]
async fn a_socket_that_does_not_go_over_in_time_is_closed_and_another_may() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let polls = Polls::join(&hub.authority, &admin.access_token, &[]).await;

    let mut hesitating = probe(&hub, &polls).await;
    assert_eq!(next(&mut hesitating).await, None, "it is closed after ten seconds");

    let mut socket = probe(&hub, &polls).await;
    socket.send(Message::text("5")).await.expect("the hub listens");
    socket.send(Message::text(r#"427["dance",{}]"#)).await.expect("the hub listens");
    assert!(next(&mut socket).await.is_some_and(|text| text.starts_with("437[")));
    assert_eq!(polls.get().await.json()["code"], 3);
}
