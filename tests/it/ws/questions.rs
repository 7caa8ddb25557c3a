//! A client that asks much more than it listens to the answers: they wait with the client, not in the hub.

use serde_json::json;

use crate::socketio::Polls;
use crate::support::raw::RawSocket;
use crate::support::{TestHub, within};

/// How long the state of the module is, at least.
const STATE: usize = 40 * 1000;
/// From how many waiting bytes on a client is behind.
const HIGH_WATER: usize = 16 * 1024;
/// How often its state is asked for.
const QUESTIONS: usize = 300;
/// What may wait: what came in the moment before it was too much, and a moment's other words.
const MOST: f64 = (HIGH_WATER + 2 * STATE) as f64;

/// A frame that asks for the state.
fn question() -> Vec<u8> {
    let question = br#"{"type":"subscribe","id":1,"topics":["module:MC-1"]}"#;
    let mut frame = vec![0x81, 0x80 | question.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(question);
    frame
}

/// The most that waits until no more comes, for a client that reads nothing.
async fn most_waiting(hub: &TestHub) -> f64 {
    let (mut most, mut unchanged) = (0.0_f64, 0);
    // Large buffers may take all there is: then nothing ever waits.
    for _ in 0..2000 {
        let now = hub.metric("carillon_outbox_bytes").await;
        unchanged = if now > most || now == 0.0 { 0 } else { unchanged + 1 };
        most = most.max(now);
        if unchanged == 50 {
            break;
        }
    }
    most
}

#[actix::test]
async fn questions_that_came_together_are_answered_as_the_answers_are_read() {
    let (hub, token) = TestHub::with_long_answers().await;
    let mut socket = RawSocket::open(&hub.authority, &token, "").await;
    socket.send_bytes(&question().repeat(QUESTIONS)).await;

    let mut most = 0.0_f64;
    for number in 0..QUESTIONS {
        socket.next_of("snapshot").await;
        if number % 10 == 0 {
            most = most.max(hub.metric("carillon_outbox_bytes").await);
        }
    }
    assert!(most < MOST, "{most} bytes waited");
}

#[actix::test]
async fn what_has_been_read_of_questions_waits_for_a_client_that_reads_no_answers() {
    let (hub, token) = TestHub::with_long_answers().await;
    let mut socket = RawSocket::open(&hub.authority, &token, "").await;

    // More answers than the buffers of a connection take.
    socket.send_bytes(&question().repeat(3 * QUESTIONS)).await;

    let most = most_waiting(&hub).await;
    assert!(most < MOST, "{most} bytes waited");
    for _ in 0..3 * QUESTIONS {
        socket.next_of("snapshot").await;
    }
}

#[actix::test]
async fn a_payload_of_questions_is_answered_as_the_answers_are_fetched() {
    let (hub, token) = TestHub::with_long_answers().await;
    let polls = Polls::open(&hub.authority).await;
    let login = format!("40{}", json!({ "token": token }));
    let answer = polls.post(&login).await;
    assert_eq!(answer.text, "ok");

    let questions = vec![r#"42["register_page",{"page":"module:MC-1"}]"#; QUESTIONS].join("\u{1e}");
    let asking = polls.post(&questions);
    let fetching = async {
        let (mut answered, mut most) = (0, 0.0_f64);
        while answered < QUESTIONS {
            most = most.max(hub.metric("carillon_outbox_bytes").await);
            answered += polls.get().await.text.matches("[\"snapshot\"").count();
        }
        most
    };
    let (asked, most) = within("the answers", futures_util::future::join(asking, fetching)).await;
    assert_eq!(asked.text, "ok");
    assert!(most < MOST, "{most} bytes waited");
}

#[actix::test]
async fn who_breaks_the_protocol_while_joining_leaves_no_session_behind() {
    let hub = TestHub::with(&[]).await;
    let admin = hub.admin().await;
    let topics: Vec<_> = (0..200).map(|number| format!("custom:{number}")).collect();
    let joining = format!("40{}", json!({ "token": admin.access_token, "topics": topics }));
    for _ in 0..30 {
        let polls = Polls::open(&hub.authority).await;
        let join = polls.post(&joining);
        // A payload that comes before the last one was taken ends the session of Engine.IO.
        let early = polls.post("3");
        futures_util::future::join(join, early).await;
        polls.post("1").await;
    }

    let all_gone = async { while admin.get("/api/v1/stats").await.json()["connections"] != 0 {} };
    within("sessions that stayed behind", all_gone).await;
}
