//! The frames of `/ws`: what a client may say, and what the hub says.

use std::time::Duration;

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::speech::{CommandWish, Hello, Outage, Request, Speech, Welcome, Wish, Word, read_pace, read_pace_at};
use super::{Greeting, Withdrawal, millis};
use crate::domain::cursor::Cursor;
use crate::domain::event::{Dialect, Event};
use crate::domain::problem::{Problem, read_json};
use crate::domain::time::Timestamp;
use crate::pipe::{Outbox, frame};

/// JSON in WebSocket text frames, as `/ws` has it.
pub struct Native;

impl Speech for Native {
    fn events(&self) -> &'static Dialect {
        &NATIVE
    }

    fn read(&self, text: &str) -> Result<Request, (Option<u64>, Problem)> {
        read(text)
    }

    fn say(&self, word: &Word<'_>, outbox: &Outbox) {
        match word {
            Word::Welcome(told) => outbox.send_text(&welcome(told)),
            Word::Snapshot { topic, data, cursor } => outbox.send_text(&snapshot(topic, data, *cursor)),
            Word::Reply { id, topics } => outbox.send_text(&reply(*id, topics)),
            Word::Answer { id, data } => outbox.send_text(&answer(*id, data)),
            Word::Refusal { id, problem } => outbox.send_text(&refusal(*id, problem)),
            Word::Withdrawn { topic, problem } => outbox.send_text(&refusal(None, &Withdrawal { problem, topic })),
            Word::Gap => outbox.send_text(GAP),
            Word::Bye { code, reason, retry_after } => outbox.send_text(&bye(*code, reason, *retry_after)),
            Word::Pong => outbox.send_text(PONG),
            Word::Synced(cursor) => outbox.send_text(&synced(Some(*cursor))),
            Word::CaughtUp => outbox.send_text(&synced(None)),
        }
    }
}

/// How events are written: `{"type":"event","event","data","cursor","at"}`.
static NATIVE: Dialect = Dialect { slot: 0, encode };

#[expect(clippy::expect_used, reason = "strings and finished JSON can always be written")]
fn encode(event: &Event) -> Bytes {
    #[derive(Serialize)]
    struct Frame<'a> {
        r#type: &'static str,
        event: &'a str,
        data: &'a RawValue,
        cursor: String,
        at: Timestamp,
    }
    let json = serde_json::to_vec(&Frame {
        r#type: "event",
        event: event.what.name.as_str(),
        data: &event.what.data,
        cursor: event.cursor.to_string(),
        at: event.what.at,
    });
    frame::text(&json.expect("an event is plain data"))
}

/// The optional first frame.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HelloFrame {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    id: Option<u64>,
    /// Everything up to here has been seen.
    cursor: Option<String>,
    /// What to listen to.
    #[serde(default)]
    topics: Vec<Named>,
    #[serde(rename = "maxRate")]
    max_rate: Option<f64>,
    /// How it fared since its last connection.
    outage: Option<Outage>,
}

/// A topic, perhaps with a pace of its own.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "must be a topic, or `{topic, maxRate?}`")]
enum Named {
    Bare(String),
    Paced(Paced),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Paced {
    topic: String,
    #[serde(rename = "maxRate")]
    max_rate: Option<f64>,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    id: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Topics {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
    topics: Vec<String>,
    /// Values a second at most.
    #[serde(rename = "maxRate")]
    max_rate: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Token {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
    access_token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Command {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
    module_id: String,
    command: String,
    params: Option<Box<RawValue>>,
    timeout_ms: Option<u64>,
}

impl From<Command> for Wish {
    fn from(Command { module_id, command, params, timeout_ms, .. }: Command) -> Self {
        Self::Command { module: module_id, wish: CommandWish { command, params, timeout_ms } }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bare {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
}

/// Reads a frame of a client.
///
/// # Errors
/// The number of the frame, if it can be told, and what is wrong with it.
fn read(text: &str) -> Result<Request, (Option<u64>, Problem)> {
    let head: Head = read_json(text.as_bytes()).map_err(|problem| (None, problem))?;
    let with_id = |problem| (head.id, problem);
    let json = text.as_bytes();
    let wish = match head.kind.as_str() {
        "hello" => read_hello(json).map(Wish::Hello).map_err(with_id)?,
        "subscribe" => read_subscribe(json).map_err(with_id)?,
        "unsubscribe" => Wish::Unsubscribe(read_json::<Topics>(json).map_err(with_id)?.topics),
        "token" => Wish::Token(read_json::<Token>(json).map_err(with_id)?.access_token),
        "ping" => read_json::<Bare>(json).map(|_| Wish::Ping).map_err(with_id)?,
        "command" => read_json::<Command>(json).map(Wish::from).map_err(with_id)?,
        other => return Err(with_id(unknown_type(other))),
    };
    Ok(Request { id: head.id, wish })
}

fn read_hello(json: &[u8]) -> Result<Hello, Problem> {
    let HelloFrame { id, cursor, topics, max_rate, outage, .. } = read_json(json)?;
    let mut hello = Hello { id, cursor, pace: read_pace(max_rate)?, outage, ..Hello::default() };
    for (place, named) in topics.into_iter().enumerate() {
        let (topic, max_rate) = match named {
            Named::Bare(topic) => (topic, None),
            Named::Paced(Paced { topic, max_rate }) => (topic, max_rate),
        };
        hello.topics.push(topic);
        hello.own_paces.push(read_pace_at(&format!("/topics/{place}/maxRate"), max_rate)?);
    }
    Ok(hello)
}

fn read_subscribe(json: &[u8]) -> Result<Wish, Problem> {
    let Topics { topics, max_rate, .. } = read_json(json)?;
    Ok(Wish::Subscribe { topics, pace: read_pace(max_rate)? })
}

fn unknown_type(kind: &str) -> Problem {
    let kind: String = kind.chars().take(40).collect();
    let detail = "use `hello`, `subscribe`, `unsubscribe`, `command`, `token` or `ping`";
    Problem::new("unknown-frame", 422, format!("`{kind}` is not a type of frame; {detail}")).with_error("/type", detail)
}

/// `welcome`.
fn welcome(told: &Welcome<'_>) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        r#type: &'static str,
        #[serde(flatten)]
        greeting: Greeting<'a>,
    }
    to_json(&Frame { r#type: "welcome", greeting: told.into() })
}

/// `snapshot`.
fn snapshot(topic: &str, data: &RawValue, cursor: Cursor) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        r#type: &'static str,
        topic: &'a str,
        data: &'a RawValue,
        cursor: String,
    }
    to_json(&Frame { r#type: "snapshot", topic, data, cursor: cursor.to_string() })
}

/// `reply` to a request that went well.
fn reply(id: Option<u64>, topics: &[String]) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        topics: &'a [String],
    }
    #[derive(Serialize)]
    struct Frame<'a> {
        r#type: &'static str,
        id: Option<u64>,
        ok: bool,
        data: Data<'a>,
    }
    to_json(&Frame { r#type: "reply", id, ok: true, data: Data { topics } })
}

/// `reply` with what came of a request.
fn answer(id: Option<u64>, data: &RawValue) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        r#type: &'static str,
        id: Option<u64>,
        ok: bool,
        data: &'a RawValue,
    }
    to_json(&Frame { r#type: "reply", id, ok: true, data })
}

/// `reply` to a request that did not, or to none when a topic is taken away.
fn refusal<P: Serialize>(id: Option<u64>, problem: &P) -> String {
    #[derive(Serialize)]
    struct Frame<'a, P> {
        r#type: &'static str,
        id: Option<u64>,
        ok: bool,
        problem: &'a P,
    }
    to_json(&Frame { r#type: "reply", id, ok: false, problem })
}

/// `synced`: all snapshots have been told up to a cursor, or all that was missed up to the last cursor told.
fn synced(cursor: Option<Cursor>) -> String {
    #[derive(Serialize)]
    struct Frame {
        r#type: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    }
    to_json(&Frame { r#type: "synced", cursor: cursor.map(|cursor| cursor.to_string()) })
}

/// `bye`: the hub closes.
pub fn bye(code: u16, reason: &str, retry_after: Option<Duration>) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Frame<'a> {
        r#type: &'static str,
        code: u16,
        reason: &'a str,
        retry_after_ms: Option<u64>,
    }
    to_json(&Frame { r#type: "bye", code, reason, retry_after_ms: retry_after.map(millis) })
}

/// `pong`.
const PONG: &str = r#"{"type":"pong"}"#;
/// Events are missing here; nobody counts how many.
const GAP: &str = r#"{"type":"gap","missed":null}"#;

#[expect(clippy::expect_used, reason = "frames are plain structs of strings, numbers and finished JSON")]
fn to_json(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("a frame is plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_or_refused_with_their_number() {
        assert!(matches!(read(r#"{"type":"ping"}"#).unwrap().wish, Wish::Ping));
        let Wish::Hello(hello) = read(r#"{"type":"hello","outage":{"attempts":2,"ms":1500}}"#).unwrap().wish else {
            panic!("a hello is read as one");
        };
        assert_eq!(hello.outage, Some(Outage { attempts: 2, ms: 1500 }));
        let request = read(r#"{"type":"subscribe","id":7,"topics":["modules"]}"#).unwrap();
        assert_eq!(request.id, Some(7));
        for (bad, id, status) in [
            ("{", None, 400),
            ("[]", None, 422),
            (r#"{"type":"dance","id":3}"#, Some(3), 422),
            (r#"{"type":"subscribe","id":4,"topics":[1]}"#, Some(4), 422),
            (r#"{"type":"subscribe","id":5,"topics":[],"admin":true}"#, Some(5), 422),
            (r#"{"type":"subscribe","id":1e999,"topics":[]}"#, None, 422),
            (r#"{"type":"subscribe","id":6,"topics":[],"maxRate":-1}"#, Some(6), 422),
            (r#"{"type":"hello","id":7,"outage":{"attempts":-1,"ms":5}}"#, Some(7), 422),
            (r#"{"type":"hello","id":8,"outage":{"attempts":1,"ms":1e30}}"#, Some(8), 422),
            (r#"{"type":"hello","id":9,"outage":{"attempts":1}}"#, Some(9), 422),
            (r#"{"type":"subscribe","id":7,"topics":[],"maxRate":0}"#, Some(7), 422),
            (r#"{"type":"subscribe","id":8,"topics":[],"maxRate":1000.5}"#, Some(8), 422),
            (r#"{"type":"hello","id":9,"topics":[],"maxRate":1e-9}"#, Some(9), 422),
            (r#"{"type":"hello","id":1,"topics":[{"topic":"modules","maxRate":0}]}"#, Some(1), 422),
            (r#"{"type":"hello","id":2,"topics":[{"maxRate":2}]}"#, Some(2), 422),
            (r#"{"type":"hello","id":3,"topics":[{"topic":"modules","admin":true}]}"#, Some(3), 422),
        ] {
            let (told, problem) = read(bad).unwrap_err();
            assert_eq!((told, problem.status), (id, status), "{bad}");
        }
    }
}
