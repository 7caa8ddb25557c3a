//! How a session speaks Socket.IO.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::packet::{self, Kind, MAIN};
use super::place::Place;
use super::recovery::Recoveries;
use super::remembered::{Client, Entry};
use super::request;
use crate::domain::cursor::Cursor;
use crate::domain::event::{Dialect, Event};
use crate::domain::pace::Pace;
use crate::domain::problem::Problem;
use crate::domain::topic::Topic;
use crate::pipe::{Outbox, frame};
use crate::session::dialect::{Withdrawal, millis};
use crate::session::engine::Engines;
use crate::session::speech::{Request, Speech, Welcome, Word};

/// How events are written for clients that may recover: `["rt_…", data, cursor]`, as the official server does, whose
/// clients keep the last argument of every event as its offset.
static RECOVERABLE: Dialect = Dialect { slot: 2, encode: |event| encode(event, true) };
/// How events are written for all others: `["rt_…", data]`.
static PLAIN: Dialect = Dialect { slot: 3, encode: |event| encode(event, false) };

/// Login ended, or not allowed: no client of Socket.IO comes back by itself after it was disconnected by a packet.
const FOR_GOOD: [u16; 2] = [4001, 4003];

fn encode(event: &Event, with_cursor: bool) -> Bytes {
    let name = event.what.name.as_str();
    let data = event.what.data.get();
    let cursor = if with_cursor { format!(",\"{}\"", event.cursor) } else { String::new() };
    // The name of an event needs no escapes.
    frame::text(format!("42[\"{name}\",{data}{cursor}]").as_bytes())
}

/// The main namespace of one client.
pub struct SocketIo {
    recoveries: Option<Recoveries>,
    /// What the client was before its connection broke.
    returning: Option<(String, Client)>,
    /// Its private name, once it has been welcomed.
    named: Named,
    is_welcome: Cell<bool>,
    /// How far the client has been told.
    told: Cell<Option<Place>>,
}

/// The private name of a client, told when it is welcomed.
pub type Named = Rc<RefCell<Option<(String, Entry)>>>;

impl SocketIo {
    /// A client that may recover its state later if `recoveries` are given, and perhaps comes back to what it was.
    #[must_use]
    pub fn new(recoveries: Option<Recoveries>, returning: Option<(String, Client)>) -> Self {
        Self { recoveries, returning, named: Named::default(), is_welcome: Cell::new(false), told: Cell::new(None) }
    }

    /// Where its private name will be.
    #[must_use]
    pub fn named(&self) -> Named {
        Rc::clone(&self.named)
    }

    fn welcome(&self, told: &Welcome<'_>, outbox: &Outbox) {
        self.is_welcome.set(true);
        self.told.set(Some(Place { cursor: told.cursor, round: 0 }));
        let Some(recoveries) = &self.recoveries else {
            return send(outbox, Kind::Connect, None, &json!({ "sid": told.session }));
        };
        let (pid, sid) = match self.returning.as_ref().filter(|_| told.recovered) {
            Some((pid, client)) => (pid.clone(), client.sid.clone()),
            None => (Engines::new_sid(), told.session.to_string()),
        };
        send(outbox, Kind::Connect, None, &json!({ "sid": sid, "pid": pid }));
        let person = told.principal;
        let client = Client::new(person.user_id.clone(), person.login_id.clone(), sid, told.cursor);
        let entry = recoveries.welcome(&pid, client);
        self.named.replace(Some((pid, entry)));
    }

    fn bye(&self, code: u16, reason: &str, retry_after_ms: Option<u64>, outbox: &Outbox) {
        if !self.is_welcome.get() {
            let data = json!({ "message": reason, "data": problem_of(code, reason) });
            return send(outbox, Kind::ConnectError, None, &data);
        }
        emit(outbox, "bye", &json!({ "code": code, "reason": reason, "retryAfterMs": retry_after_ms }));
        if FOR_GOOD.contains(&code) {
            outbox.send_text(&format!("4{}", packet::head(Kind::Disconnect, None, MAIN, None)));
        }
    }

    /// Only what is told after the last snapshot lets a client come back without them.
    fn synced(&self, cursor: Cursor, outbox: &Outbox) {
        let round = self.told.get().map_or(1, |told| told.round + 1);
        let place = Place { cursor, round };
        self.told.set(Some(place));
        if self.recoveries.is_some() {
            send(outbox, Kind::Event, None, &("synced", place.to_string()));
        }
    }
}

impl Speech for SocketIo {
    fn events(&self) -> &'static Dialect {
        if self.recoveries.is_some() { &RECOVERABLE } else { &PLAIN }
    }

    fn read(&self, text: &str) -> Result<Request, (Option<u64>, Problem)> {
        request::read(text)
    }

    fn say(&self, word: &Word<'_>, outbox: &Outbox) {
        match word {
            Word::Welcome(told) => self.welcome(told, outbox),
            Word::Snapshot { topic, data, .. } => emit(outbox, "snapshot", &Snapshot { topic, data }),
            Word::Synced(cursor) => self.synced(*cursor, outbox),
            Word::Reply { id: Some(id), topics } => {
                send(outbox, Kind::Ack, Some(*id), &[json!({ "ok": true, "data": { "topics": topics } })]);
            }
            Word::Answer { id: Some(id), data } => {
                send(outbox, Kind::Ack, Some(*id), &[json!({ "ok": true, "data": data })]);
            }
            Word::Refusal { id: Some(id), problem } => {
                send(outbox, Kind::Ack, Some(*id), &[json!({ "ok": false, "problem": problem })]);
            }
            Word::Refusal { id: None, problem } => emit(outbox, "problem", problem),
            Word::Withdrawn { topic, problem } => emit(outbox, "problem", &Withdrawal { problem, topic }),
            Word::Gap => emit(outbox, "gap", &json!({ "missed": null })),
            Word::Bye { code, reason, retry_after } => self.bye(*code, reason, retry_after.map(millis), outbox),
            // Nobody asked for an answer.
            Word::Reply { id: None, .. } | Word::Answer { id: None, .. } | Word::Pong | Word::CaughtUp => {}
        }
    }

    fn listens(&self, topics: &mut dyn Iterator<Item = (&Topic, Option<Pace>)>) {
        let (named, told) = (self.named.borrow(), self.told.get());
        if let (Some(recoveries), Some((pid, entry)), Some(told)) = (&self.recoveries, &*named, told) {
            let topics = topics.map(|(topic, pace)| (topic.clone(), pace)).collect();
            recoveries.listens(pid, *entry, topics, told);
        }
    }

    fn is_connection(&self) -> bool {
        false
    }
}

impl Drop for SocketIo {
    fn drop(&mut self) {
        if let (Some(recoveries), Some((pid, entry))) = (&self.recoveries, &*self.named.borrow()) {
            recoveries.leave(pid, *entry);
        }
    }
}

#[derive(Serialize)]
struct Snapshot<'a> {
    topic: &'a str,
    data: &'a RawValue,
}

fn problem_of(code: u16, reason: &str) -> Problem {
    let (kind, status) = match code {
        4001 => ("login-ended", 401),
        4003 => ("forbidden", 403),
        4029 => ("too-many-connections", 429),
        _ => ("unavailable", 503),
    };
    Problem::new(kind, status, reason)
}

fn emit(outbox: &Outbox, name: &str, data: &impl Serialize) {
    send(outbox, Kind::Event, None, &(name, data));
}

#[expect(clippy::expect_used, reason = "what is said is plain structs of strings, numbers and finished JSON")]
fn send(outbox: &Outbox, kind: Kind, id: Option<u64>, payload: &impl Serialize) {
    let json = serde_json::to_string(payload).expect("what is said is plain data");
    outbox.send_text(&format!("4{}{json}", packet::head(kind, None, MAIN, id)));
}
