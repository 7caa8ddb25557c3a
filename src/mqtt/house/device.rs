//! A module behind a connection.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use futures_util::future::LocalBoxFuture;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{ConnectAckReason, DisconnectReasonCode, LastWill, PublishAckReason, SubscribeAckReason};

use super::payload::{Heading, own_heading, read_readings, topic_of};
use super::{STRANGER, busy};
use crate::domain::problem::Problem;
use crate::domain::telemetry::Reading;
use crate::module::{
    Attach, ConnectionId, Detach, EndLink, Identified, Ingest, Module, ModuleError, Registry, ToDevice, attach,
    identify, new_connection,
};
use crate::mqtt::bridge::{Granted, Opened, Refusal, Refused, Word, Words};
use crate::mqtt::session::Subscription;

/// How long a module may take to answer; longer than its own time-outs together.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);
/// How often readings are offered again while the hub is busy; their sender waits meanwhile.
const ATTEMPTS: u32 = 6;
/// How long after the first attempt the second comes; the span doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How long a newer connection may take to come in where it takes over from another.
const TAKE_OVER: Duration = Duration::from_secs(15);

/// What a module is told that reaches beyond itself.
const OWN_ONLY: &str = "a module publishes to topics of its own only, such as `carillon/<moduleId>/telemetry`";

/// A module that has shown its token.
pub struct Device {
    identified: Identified,
    connection: ConnectionId,
    module: Option<Addr<Module>>,
    ear: Option<Addr<Ear>>,
}

impl Device {
    /// Finds out which module comes.
    pub async fn identify(registry: &Addr<Registry>, name: &str, token: &str) -> Result<Self, Refusal> {
        let identified = identify(registry, Some(name), token).await.map_err(|error| refusal_of(&error))?;
        Ok(Self { identified, connection: new_connection(), module: None, ear: None })
    }

    /// Whose session it is: the module's, whatever it calls itself.
    pub fn owner(&self) -> String {
        format!("module:{}", self.identified.module_id)
    }

    /// Makes sure that what is published when the module is lost is something it may publish.
    pub fn check_will(&self, will: Option<&LastWill>) -> Result<(), Refusal> {
        let heading = will.map(|will| own_heading(&self.identified.module_id, &will.topic));
        match heading {
            None | Some(Some(Heading::Telemetry | Heading::Value(_))) => Ok(()),
            Some(_) => Err(Refusal::new(ConnectAckReason::NotAuthorized, OWN_ONLY)),
        }
    }

    /// Makes the module online; an older connection of it ends.
    pub async fn attach(&mut self, registry: &Addr<Registry>, opened: Opened<'_>) -> Result<(), Refusal> {
        let ear = Ear { words: opened.words.clone() }.start();
        let (end, deliver) = (ear.clone().recipient(), ear.clone().recipient());
        let asked = Attach { connection: self.connection, end, deliver, token: self.identified.token };
        self.ear = Some(ear);
        let module = attach(registry, &self.identified.module_id, asked).await.map_err(|error| refusal_of(&error))?;
        self.module = Some(module);
        Ok(())
    }

    /// The connection is gone: the module is offline, unless another has taken over.
    pub fn detach(&self) {
        if let Some(module) = &self.module {
            // One per connection; a module that is gone needs no word.
            module.do_send(Detach(self.connection));
        }
        self.deafen();
    }

    /// A newer connection takes over, which keeps the module online; should it break off, the module is offline then.
    pub fn detach_later(&self) {
        let (module, connection) = (self.module.clone(), self.connection);
        self.deafen();
        actix_rt::spawn(async move {
            tokio::time::sleep(TAKE_OVER).await;
            if let Some(module) = module {
                // To a module with a newer connection this says nothing.
                module.do_send(Detach(connection));
            }
        });
    }

    fn deafen(&self) {
        if let Some(ear) = &self.ear {
            // One per connection.
            ear.do_send(Deaf);
        }
    }

    /// Takes what the module publishes; answers when it is stored.
    pub fn publish(&self, publish: &Publish) -> LocalBoxFuture<'static, Result<(), Refused>> {
        let result = match (own_heading(&self.identified.module_id, &publish.topic), &self.module) {
            (Some(heading @ (Heading::Telemetry | Heading::Value(_))), Some(module)) => read_readings(heading, publish)
                .map(|readings| (readings, module.clone()))
                .map_err(|problem| unfit(&problem)),
            (Some(Heading::Result), _) => Err(Refused {
                reason: PublishAckReason::ImplementationSpecificError,
                detail: "no such command waits for a result".into(),
                is_grave: false,
            }),
            (_, _) => Err(Refused { reason: PublishAckReason::NotAuthorized, detail: OWN_ONLY.into(), is_grave: true }),
        };
        match result {
            Ok((readings, module)) => Box::pin(ingest(module, readings)),
            Err(refused) => Box::pin(std::future::ready(Err(refused))),
        }
    }

    /// Lets the module listen to what is meant for it.
    pub fn subscribe(&self, subscription: &Subscription) -> Result<Granted, SubscribeAckReason> {
        let id = &self.identified.module_id;
        let is_for_it = |what| subscription.filter.matches(&topic_of(id, what));
        // The first two levels name the module itself: wildcards there would be a question about others.
        let is_own = subscription
            .filter
            .as_str()
            .strip_prefix("carillon/")
            .is_some_and(|rest| rest.split_once('/').is_some_and(|(owner, _)| owner == id.as_str()));
        if is_own && (is_for_it("command") || is_for_it("desired")) {
            return Ok(Granted { qos: QoS::ExactlyOnce, kept: Vec::new() });
        }
        Err(SubscribeAckReason::NotAuthorized)
    }
}

/// Hands readings to the module; while the hub is busy they are offered again, and their sender waits.
async fn ingest(module: Addr<Module>, readings: Arc<[Reading]>) -> Result<(), Refused> {
    let mut pause = FIRST_PAUSE;
    for attempt in 1.. {
        let asked = Ingest { readings: Arc::clone(&readings), token: None };
        let answer = module.send(asked).timeout(ANSWER_TIMEOUT).await.unwrap_or(Err(ModuleError::Busy));
        match answer {
            Ok(_) => break,
            Err(ModuleError::Busy) if attempt < ATTEMPTS && module.connected() => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Err(error) => return Err(unfit(&error.problem())),
        }
    }
    Ok(())
}

/// A problem as a client of MQTT is told it.
fn unfit(problem: &Problem) -> Refused {
    let (reason, is_grave) = match problem.status {
        401 | 403 | 404 => (PublishAckReason::NotAuthorized, true),
        429 | 503 => (PublishAckReason::QuotaExceeded, false),
        400..=499 => (PublishAckReason::PayloadFormatInvalid, false),
        _ => (PublishAckReason::ImplementationSpecificError, false),
    };
    let place = problem.errors.first().map(|error| format!(": `{}` {}", error.pointer, error.detail));
    Refused { reason, detail: format!("{}{}", problem.detail, place.unwrap_or_default()).into(), is_grave }
}

fn refusal_of(error: &ModuleError) -> Refusal {
    match error {
        ModuleError::WrongToken | ModuleError::NotFound(_) => {
            Refusal::new(ConnectAckReason::BadUserNameOrPassword, STRANGER)
        }
        _ => busy(),
    }
}

/// Hears what the house says to a module's connection, and passes it on.
struct Ear {
    words: Words,
}

/// Nothing more is passed on.
#[derive(Message)]
#[rtype(result = "()")]
struct Deaf;

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
        let word = Word::End(reason_of(end), end.reason);
        // However many words wait, this one comes through; a connection that is gone needs none.
        ctx.spawn(async move { drop(words.send(word).await) }.into_actor(self));
    }
}

impl Handler<ToDevice> for Ear {
    type Result = ();

    fn handle(&mut self, _: ToDevice, _: &mut Self::Context) {
        // Commands and desired states find no way by this door yet; both are told again at every new connection.
    }
}

const fn reason_of(end: EndLink) -> DisconnectReasonCode {
    match end.code {
        4010 => DisconnectReasonCode::SessionTakenOver,
        4001 => DisconnectReasonCode::NotAuthorized,
        1012 => DisconnectReasonCode::ServerShuttingDown,
        _ => DisconnectReasonCode::AdministrativeAction,
    }
}
