//! How sessions of people speak MQTT: telemetry as messages, everything else unsaid.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{Disconnect, DisconnectReasonCode, Packet};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::event::{Dialect, Event};
use crate::domain::problem::Problem;
use crate::mqtt::line::finished;
use crate::mqtt::session::Message;
use crate::mqtt::wire::{Version, Wire};
use crate::pipe::Outbox;
use crate::session::{Request, Speech, Wish, Word};

/// What a session has answered, by the number of the question.
#[derive(Debug, Default)]
pub struct Answers {
    last: Cell<u64>,
    told: RefCell<HashMap<u64, Result<(), u16>>>,
}

impl Answers {
    /// The number of the next question.
    pub fn next(&self) -> u64 {
        self.last.set(self.last.get() + 1);
        self.last.get()
    }

    /// Takes the answer to a question: the status of what is wrong, if anything is.
    pub fn take(&self, id: u64) -> Option<Result<(), u16>> {
        self.told.take().remove(&id)
    }

    fn tell(&self, id: Option<u64>, answer: Result<(), u16>) {
        if let Some(id) = id {
            self.told.borrow_mut().insert(id, answer);
        }
    }
}

/// The dialect of one connection.
pub struct MqttSpeech {
    version: Version,
    /// The longest packet that the client takes.
    takes: u32,
    answers: Rc<Answers>,
}

impl MqttSpeech {
    /// Speaks a version to a client that takes packets up to this size, and notes the answers.
    pub const fn new(version: Version, takes: u32, answers: Rc<Answers>) -> Self {
        Self { version, takes, answers }
    }

    /// Tells the newest values of the modules in a snapshot, as what was kept on their topics.
    fn tell_snapshot(&self, data: &RawValue, outbox: &Outbox) {
        let Ok(Snapshot { modules, module }) = serde_json::from_str(data.get()) else { return };
        for known in modules.into_iter().chain(module).filter(|known| known.telemetry.get() != "{}") {
            outbox.send_packet(packet(self.version, &known, true));
        }
    }
}

/// `{modules: […]}` or `{module: …}`.
#[derive(Deserialize)]
struct Snapshot<'a> {
    #[serde(borrow, default)]
    modules: Vec<Known<'a>>,
    #[serde(borrow)]
    module: Option<Known<'a>>,
}

/// A module, as far as it is told here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known<'a> {
    module_id: &'a str,
    #[serde(borrow)]
    telemetry: &'a RawValue,
}

impl Speech for MqttSpeech {
    fn events(&self) -> &'static Dialect {
        match self.version {
            Version::V3 => &OLDER,
            Version::V5 => &NEWER,
        }
    }

    /// Reads `VERB NUMBER TOPIC`, which only our own connection writes.
    fn read(&self, text: &str) -> Result<Request, (Option<u64>, Problem)> {
        let mut words = text.splitn(3, ' ');
        let (verb, id, topic) = (words.next(), words.next(), words.next());
        let topics = vec![topic.unwrap_or_default().to_owned()];
        let wish = match verb {
            Some("subscribe") => Wish::Subscribe { topics, pace: None },
            Some("unsubscribe") => Wish::Unsubscribe(topics),
            _ => return Err((None, Problem::new("unknown-frame", 422, "use `subscribe` or `unsubscribe`"))),
        };
        Ok(Request { id: id.and_then(|id| id.parse().ok()), wish })
    }

    fn say(&self, word: &Word<'_>, outbox: &Outbox) {
        match word {
            Word::Snapshot { data, .. } => self.tell_snapshot(data, outbox),
            Word::Reply { id, .. } => self.answers.tell(*id, Ok(())),
            Word::Refusal { id, problem } => self.answers.tell(*id, Err(problem.status)),
            Word::Bye { code, reason, .. } => {
                let goodbye = Disconnect {
                    reason_code: reason_of(*code),
                    reason_string: Some((*reason).into()),
                    ..Disconnect::default()
                };
                let mut wire = Wire::speaking(self.version);
                wire.agree_on(0, Some(self.takes));
                if let Some(bytes) = wire.encode(Packet::Disconnect(goodbye)) {
                    outbox.send_packet(bytes);
                }
            }
            _ => {}
        }
    }
}

const fn reason_of(code: u16) -> DisconnectReasonCode {
    match code {
        4001 | 4003 => DisconnectReasonCode::NotAuthorized,
        4008 => DisconnectReasonCode::QuotaExceeded,
        4029 => DisconnectReasonCode::ConnectionRateExceeded,
        1012 => DisconnectReasonCode::ServerShuttingDown,
        _ => DisconnectReasonCode::AdministrativeAction,
    }
}

/// Telemetry for clients of 3.1.1.
static OLDER: Dialect = Dialect { slot: 4, encode: |event| encode(event, Version::V3) };
/// Telemetry for clients of version 5.
static NEWER: Dialect = Dialect { slot: 5, encode: |event| encode(event, Version::V5) };

/// The newest values of a module; nothing for any other event.
fn encode(event: &Event, version: Version) -> Bytes {
    if event.what.name.as_str() != "rt_telemetry_updated" {
        return Bytes::new();
    }
    let known = serde_json::from_str(event.what.data.get());
    known.map_or_else(|_| Bytes::new(), |known| packet(version, &known, false))
}

fn packet(version: Version, known: &Known<'_>, is_kept: bool) -> Bytes {
    let topic = format!("carillon/{}/telemetry", known.module_id);
    let message = Message::new(&topic, known.telemetry.get().to_owned(), QoS::AtMostOnce);
    let message = if is_kept { message.retained() } else { message };
    finished(version, Packet::Publish(Box::new(message.publish().clone())))
}
