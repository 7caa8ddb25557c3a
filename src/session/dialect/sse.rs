//! Server-sent events (WHATWG HTML, 9.2): `event`, `id` and `data` lines; the client only listens.
//!
//! `id` is a cursor, and a client is given one only when it has everything up to there: with every event, and with the
//! `synced` that follows all snapshots. What a browser sends back as `Last-Event-ID` can therefore always be used.

use std::convert::Infallible;
use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use tokio::sync::oneshot;

use super::super::speech::{Hello, Request, Speech, Welcome, Word, read_pace_at};
use super::{Greeting, Withdrawal, millis};
use crate::domain::event::{Dialect, Event};
use crate::domain::problem::Problem;
use crate::pipe::Outbox;

/// Server-sent events, as `GET /api/v1/events` has them.
pub struct ServerSent {
    /// Dropped when the session ends, which tells whoever carries its words away.
    pub ended: oneshot::Sender<Infallible>,
}

/// How events are written: the name as `event`, the cursor as `id`, the payload as `data`.
static SERVER_SENT: Dialect = Dialect { slot: 1, encode };

fn encode(event: &Event) -> Bytes {
    let cursor = event.cursor.to_string();
    message(event.what.name.as_str(), Some(&cursor), event.what.data.get()).into()
}

impl Speech for ServerSent {
    fn events(&self) -> &'static Dialect {
        &SERVER_SENT
    }

    fn read(&self, _: &str) -> Result<Request, (Option<u64>, Problem)> {
        Err((None, Problem::new("not-available", 422, "server-sent events go one way")))
    }

    fn say(&self, word: &Word<'_>, outbox: &Outbox) {
        match word {
            Word::Welcome(told) => outbox.send_text(&welcome(told)),
            Word::Snapshot { topic, data, cursor } => {
                let data = Snapshot { topic, data, cursor: cursor.to_string() };
                outbox.send_text(&message_of("snapshot", &data));
            }
            Word::Synced(cursor) => outbox.send_text(&message("synced", Some(&cursor.to_string()), "{}")),
            Word::CaughtUp => outbox.send_text(&message("synced", None, "{}")),
            Word::Refusal { problem, .. } => outbox.send_text(&message_of("problem", problem)),
            Word::Withdrawn { topic, problem } => {
                outbox.send_text(&message_of("problem", &Withdrawal { problem, topic }));
            }
            Word::Gap => outbox.send_text(&message_of("gap", &json!({ "missed": null }))),
            Word::Bye { code, reason, retry_after } => outbox.send_text(&bye(*code, reason, *retry_after)),
            // Nobody asks for these here.
            Word::Reply { .. } | Word::Answer { .. } | Word::Pong => {}
        }
    }
}

#[derive(Serialize)]
struct Snapshot<'a> {
    topic: &'a str,
    data: &'a serde_json::value::RawValue,
    cursor: String,
}

/// `bye`: the hub closes. A browser comes back by itself, after what `retry` says.
pub fn bye(code: u16, reason: &str, retry_after: Option<Duration>) -> String {
    let retry_after = retry_after.map(millis);
    let data = json!({ "code": code, "reason": reason, "retryAfterMs": retry_after });
    let retry = retry_after.map(|after| format!("retry: {after}\n")).unwrap_or_default();
    format!("{retry}{}", message_of("bye", &data))
}

fn welcome(told: &Welcome<'_>) -> String {
    let retry = millis(told.options.retry);
    format!("retry: {retry}\n{}", message_of("welcome", &Greeting::from(told)))
}

#[expect(clippy::expect_used, reason = "what is said is plain structs of strings, numbers and finished JSON")]
fn message_of(name: &str, data: &impl Serialize) -> String {
    message(name, None, &serde_json::to_string(data).expect("what is said is plain data"))
}

/// Reads topics as an address names them, separated by commas, each with what is its own: `modules,custom:a;maxRate=2`, and
/// `;fresh` for one that begins with a snapshot even though there is a cursor.
///
/// # Errors
/// A problem that names the place of what cannot be read.
pub fn read_listed(text: &str) -> Result<Hello, Problem> {
    let mut hello = Hello::default();
    for (place, listed) in text.split(',').filter(|listed| !listed.is_empty()).enumerate() {
        let mut parts = listed.split(';');
        let topic = parts.next().unwrap_or_default();
        let mut pace = None;
        for part in parts {
            match part.split_once('=') {
                None if part == "fresh" => hello.fresh.push(topic.to_owned()),
                Some(("maxRate", rate)) => {
                    pace = read_pace_at(&format!("/topics/{place}"), Some(rate.parse().unwrap_or(f64::NAN)))?;
                }
                _ => return Err(unknown_part(place, part)),
            }
        }
        hello.topics.push(topic.to_owned());
        hello.own_paces.push(pace);
    }
    Ok(hello)
}

fn unknown_part(place: usize, part: &str) -> Problem {
    let part: String = part.chars().take(40).collect();
    let problem = Problem::new("invalid-fields", 422, "some topics are not as they must be");
    problem.with_error(format!("/topics/{place}"), format!("`{part}` is unknown; use `maxRate=HZ` or `fresh`"))
}

/// One message; a payload with line breaks takes several `data` lines.
fn message(name: &str, id: Option<&str>, data: &str) -> String {
    let mut text = String::with_capacity(name.len() + data.len() + 64);
    if let Some(id) = id {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "id: {id}");
    }
    let _ = writeln!(text, "event: {name}");
    for line in data.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "data: {line}");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_topics_have_parts_of_their_own() {
        let hello = read_listed("modules,custom:a;maxRate=2;fresh,,admin;fresh").unwrap();
        assert_eq!(hello.topics, ["modules", "custom:a", "admin"]);
        assert_eq!(hello.own_paces.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(hello.fresh, ["custom:a", "admin"]);
        assert!(read_listed("").unwrap().topics.is_empty());
        for bad in ["a,b;maxRate=0", "a,b;maxRate=two", "a,b;maxRate", "a,b;fresh=1", "a,b;", "a,b;admin"] {
            let problem = read_listed(bad).unwrap_err();
            assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, "/topics/1"), "{bad}");
        }
    }

    #[test]
    fn a_payload_cannot_break_out_of_its_data() {
        let text = message("rt_test", Some("c1"), "{\"a\":\r\n1,\n\n\"b\":2}");
        assert_eq!(text, "id: c1\nevent: rt_test\ndata: {\"a\":\ndata: 1,\ndata: \"b\":2}\n\n");
    }
}
