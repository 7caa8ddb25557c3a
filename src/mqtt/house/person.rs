//! A person behind a connection: a session like any other, in the words of MQTT.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, Addr};
use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{ConnectAckReason, PublishAckReason, SubscribeAckReason};

use super::payload::{Heading, read_topic};
use super::speech::{Answers, MqttSpeech};
use super::{STRANGER, busy};
use crate::auth::{AuthError, Authenticator, Credential, Principal};
use crate::mqtt::bridge::{Granted, Opened, Refusal, Refused};
use crate::mqtt::session::Subscription;
use crate::pipe::{Closed, Received};
use crate::session::{House, Session};

/// How long a session may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
/// The largest packet that a person may be sent, as events are written once for all: 64 values of 1 KiB, each byte of which may
/// be written as six (`\u0001`), with their keys.
const LARGEST: u32 = 448 * 1024;

/// A person who has shown an access token.
pub struct Person {
    principal: Principal,
    takes: u32,
    open: Option<(Addr<Session>, Rc<Answers>)>,
}

impl Person {
    /// Finds out who comes.
    pub async fn identify(authenticator: &Authenticator, token: &str, from: IpAddr) -> Result<Self, Refusal> {
        let known = authenticator.authenticate(Credential::Bearer(token.to_owned())).await;
        let principal = known.map_err(|error| match error {
            AuthError::Unknown => Refusal::new(ConnectAckReason::BadUserNameOrPassword, STRANGER),
            _ => busy(),
        })?;
        Ok(Self { principal: principal.coming_from(from), takes: u32::MAX, open: None })
    }

    /// The same person, who takes packets up to this size.
    pub fn taking(self, max_packet: Option<NonZeroU32>) -> Self {
        Self { takes: max_packet.map_or(u32::MAX, NonZeroU32::get), ..self }
    }

    /// Whose session it is: one for each client of a person.
    pub fn owner(&self, client_id: &str) -> String {
        if client_id.is_empty() {
            return format!("user:{}:{}", self.principal.user_id, uuid::Uuid::now_v7().simple());
        }
        format!("user:{}:{client_id}", self.principal.user_id)
    }

    /// Starts the session.
    pub fn open(&mut self, house: Rc<House>, opened: &Opened<'_>) {
        let answers = Rc::new(Answers::default());
        let speech = MqttSpeech::new(opened.version, self.takes, Rc::clone(&answers));
        let session = Session::new(self.principal.clone(), Box::new(speech), opened.outbox.clone(), house).start();
        self.open = Some((session, answers));
    }

    /// Ends the session.
    pub fn close(&self) {
        if let Some((session, _)) = &self.open {
            // One per connection; a session that is gone needs no word.
            session.do_send(Closed);
        }
    }

    /// Lets the person listen to modules; events come with QoS 0, as only the newest counts.
    pub async fn subscribe(&self, subscription: &Subscription) -> Result<Granted, SubscribeAckReason> {
        if subscription.id.is_some() {
            return Err(SubscribeAckReason::SubscriptionIdentifiersNotSupported);
        }
        if self.takes < LARGEST {
            return Err(SubscribeAckReason::ImplementationSpecificError);
        }
        let topic = topic_of(subscription.filter.text()).ok_or(SubscribeAckReason::NotAuthorized)?;
        match self.ask("subscribe", &topic).await {
            Some(Ok(())) => Ok(Granted { qos: QoS::AtMostOnce, kept: Vec::new() }),
            Some(Err(429)) => Err(SubscribeAckReason::QuotaExceeded),
            Some(Err(400..=499)) => Err(SubscribeAckReason::NotAuthorized),
            Some(Err(_)) | None => Err(SubscribeAckReason::UnspecifiedError),
        }
    }

    /// Lets the person listen no more.
    pub async fn unsubscribe(&self, filter: &str) {
        if let Some(topic) = topic_of(filter) {
            let _ = self.ask("unsubscribe", &topic).await;
        }
    }

    /// Asks the session; answers the status of what is wrong, or none if it does not answer.
    async fn ask(&self, verb: &str, topic: &str) -> Option<Result<(), u16>> {
        let (session, answers) = self.open.as_ref()?;
        let id = answers.next();
        session.send(Received(format!("{verb} {id} {topic}"))).timeout(ANSWER_TIMEOUT).await.ok()?;
        answers.take(id)
    }
}

/// The hub's topic behind a filter: `carillon/<moduleId>/telemetry` of one module, or `carillon/+/telemetry` of all that
/// the person may see.
fn topic_of(filter: &str) -> Option<String> {
    match read_topic(filter)? {
        ("+", Heading::Telemetry) => Some("modules".to_owned()),
        (id, Heading::Telemetry) if !id.contains(['#', '+']) => Some(format!("module:{id}")),
        _ => None,
    }
}

/// The answer to every message of a person.
pub fn publishes_nothing() -> Refused {
    Refused {
        reason: PublishAckReason::NotAuthorized,
        detail: "people publish nothing over MQTT; commands go over HTTP".into(),
        is_grave: true,
    }
}
