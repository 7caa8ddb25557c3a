//! What the house says to a module, on its way to the connection.

use std::cell::RefCell;
use std::rc::Rc;

use actix::prelude::*;
use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::DisconnectReasonCode;
use serde::Serialize;
use serde_json::value::RawValue;

use super::payload::topic_of;
use crate::domain::command::{Command, CommandName};
use crate::domain::document::Document;
use crate::domain::ids::{CommandId, ModuleId};
use crate::domain::time::Timestamp;
use crate::module::{Desired, EndLink, ToDevice};
use crate::mqtt::bridge::{Word, Words};
use crate::mqtt::session::Message;

/// Hears what the module's actor says to the device, and passes it on to its connection.
pub struct Ear {
    command_topic: String,
    desired_topic: String,
    words: Words,
    desired: Rc<RefCell<Option<Told>>>,
}

/// The state that people want, as it was told last.
pub struct Told {
    version: i64,
    /// As a message.
    pub message: Message,
}

/// Nothing more is passed on.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deaf;

/// `{commandId, command, params, deadline}`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CommandPayload<'a> {
    command_id: &'a CommandId,
    command: &'a CommandName,
    params: &'a RawValue,
    deadline: Option<Timestamp>,
}

/// `{desired, version}`.
#[derive(Serialize)]
struct DesiredPayload<'a> {
    desired: &'a Document,
    version: i64,
}

impl Ear {
    /// The ear of a module's connection; what it hears of the desired state is kept in the last place.
    pub fn new(id: &ModuleId, words: Words, desired: Rc<RefCell<Option<Told>>>) -> Self {
        Self { command_topic: topic_of(id, "command"), desired_topic: topic_of(id, "desired"), words, desired }
    }

    fn deliver(&self, message: Message) {
        // A connection for which too many words wait is told at its next question, or by the next connection.
        if self.words.try_send(Word::Deliver { message, is_own: false }).is_err() {
            tracing::debug!("a word for a module found its connection too busy");
        }
    }
}

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Handler<Deaf> for Ear {
    type Result = ();

    fn handle(&mut self, _: Deaf, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<EndLink> for Ear {
    type Result = ();

    fn handle(&mut self, end: EndLink, ctx: &mut Self::Context) {
        let words = self.words.clone();
        let word = end.answers_until.map_or_else(|| Word::End(reason_of(end), end.reason), Word::Stop);
        // However many words wait, this one comes through; a connection that is gone needs none.
        ctx.spawn(async move { drop(words.send(word).await) }.into_actor(self));
    }
}

impl Handler<ToDevice> for Ear {
    type Result = ();

    fn handle(&mut self, word: ToDevice, _: &mut Self::Context) {
        match word {
            ToDevice::Command(command) => {
                let message = Message::new(&self.command_topic, command_json(&command), QoS::ExactlyOnce);
                // Without a deadline it is an emergency stop, which waits behind nothing and is told again until it is
                // answered or cleared.
                let is_stop = command.deadline.is_none();
                if is_stop {
                    // Whoever subscribes meanwhile is not told what to become; when the stop is cleared it comes again.
                    self.desired.replace(None);
                }
                self.deliver(if is_stop { message.urgent(command.id.as_str()) } else { message });
            }
            ToDevice::Desired(Desired { desired, version }) => {
                let payload = json(&DesiredPayload { desired: &desired, version });
                let message = Message::new(&self.desired_topic, payload, QoS::ExactlyOnce);
                let before = self.desired.replace(Some(Told { version, message: message.clone() }));
                // Who has just subscribed has got the same version as what was kept.
                if before.is_none_or(|before| before.version != version) {
                    self.deliver(message);
                }
            }
        }
    }
}

fn command_json(command: &Command) -> String {
    let Command { id, name, params, deadline } = command;
    json(&CommandPayload { command_id: id, command: name, params, deadline: *deadline })
}

fn json(payload: &impl Serialize) -> String {
    // Plain strings, numbers and finished JSON; writing them cannot fail.
    serde_json::to_string(payload).unwrap_or_default()
}

const fn reason_of(end: EndLink) -> DisconnectReasonCode {
    match end.code {
        4010 => DisconnectReasonCode::SessionTakenOver,
        4001 => DisconnectReasonCode::NotAuthorized,
        _ => DisconnectReasonCode::AdministrativeAction,
    }
}
