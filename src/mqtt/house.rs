//! What stands behind the connections of one thread in the product: modules that report, people who listen.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Addr, MailboxError, Recipient};
use futures_util::future::LocalBoxFuture;
use rmqtt_codec::types::Publish;
use rmqtt_codec::v5::{Connect, ConnectAckReason, SubscribeAckReason};
use tokio::sync::OnceCell;

use super::bridge::{Arrived, Bridge, Granted, Note, Opened, Refusal, Refused, Terms};
use super::places::Places;
use super::session::Subscription;
use crate::auth::Authenticator;
use crate::broker::{Broker, BrokerOptions, Relay};
use crate::observe::Metrics;
use crate::{module, session};
use device::Device;
use doorkeeper::{Comer, Doorkeeper};
use person::Person;

mod device;
pub mod doorkeeper;
mod ear;
mod intake;
pub mod payload;
mod person;
mod speech;
mod turns;

/// How the tokens of modules begin; people show access tokens.
const MODULE_TOKEN: &str = "cm_";

/// What the houses of all threads are made of.
#[derive(Clone)]
pub struct Parts {
    /// The bounds of connections.
    pub terms: Terms,
    /// The sessions of all threads.
    pub places: Places,
    /// Who knows the modules.
    pub modules: Addr<module::Registry>,
    /// Who judges the tokens of people.
    pub authenticator: Authenticator,
    /// How often somebody may come.
    pub doorkeeper: Doorkeeper,
    /// What sessions of people need besides a relay.
    pub people: People,
    /// The counters.
    pub metrics: Metrics,
}

/// What sessions of people need besides a relay.
#[derive(Clone)]
pub struct People {
    /// The bounds of sessions.
    pub options: session::SessionOptions,
    /// Who orders events.
    pub broker: Addr<Broker>,
    /// The bounds of the relay.
    pub broker_options: BrokerOptions,
    /// Who knows all sessions.
    pub registry: Addr<session::Registry>,
    /// Who tells the state behind topics.
    pub snapshots: Recipient<session::TakeSnapshots>,
    /// Is told of every relay that starts.
    pub joined: Arc<dyn Fn(Addr<Relay>) + Send + Sync>,
}

/// The house of one thread.
///
/// Invariant: a relay is joined with the first person who listens: a hub of modules alone has none here.
pub struct House {
    parts: Parts,
    sessions: OnceCell<Rc<session::House>>,
}

/// Somebody who is connected.
pub enum Guest {
    /// A module.
    Device(Device),
    /// A person.
    Person(Box<Person>),
}

impl House {
    /// The house of this thread.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { parts, sessions: OnceCell::new() }
    }

    /// What sessions of people share on this thread.
    async fn sessions(&self) -> Result<Rc<session::House>, MailboxError> {
        let made = self.sessions.get_or_try_init(|| async {
            let People { options, broker, broker_options, registry, snapshots, joined } = self.parts.people.clone();
            let (addr, relay) = Relay::join(broker, broker_options, self.parts.metrics.clone()).await?;
            joined(addr);
            let (authenticator, metrics) = (self.parts.authenticator.clone(), self.parts.metrics.clone());
            Ok(Rc::new(session::House { options, relay, registry, snapshots, commands: None, authenticator, metrics }))
        });
        made.await.cloned()
    }

    async fn judge(&self, connect: &Connect, from: IpAddr) -> Result<Arrived<Guest>, Refusal> {
        let strange = || Refusal::new(ConnectAckReason::BadUserNameOrPassword, STRANGER);
        let (Some(name), Some(password)) = (&connect.username, &connect.password) else { return Err(strange()) };
        let password = std::str::from_utf8(password).map_err(|_| strange())?;
        if password.starts_with(MODULE_TOKEN) {
            let device = Device::identify(&self.parts.modules, name, password).await?;
            device.check_will(connect.last_will.as_ref())?;
            return Ok(Arrived { owner: device.owner(), guest: Guest::Device(device), is_remembered: true });
        }
        let person = Person::identify(&self.parts.authenticator, password, from).await?;
        if connect.last_will.is_some() {
            return Err(Refusal::new(ConnectAckReason::NotAuthorized, person::publishes_nothing().detail));
        }
        let owner = person.owner(&connect.client_id);
        Ok(Arrived {
            owner,
            guest: Guest::Person(Box::new(person.taking(connect.max_packet_size))),
            is_remembered: false,
        })
    }
}

/// The same for whatever is wrong with name or password.
const STRANGER: &str =
    "a module's user name is its id and its password its token; a person's password is an access token";

impl Bridge for House {
    type Guest = Guest;

    fn terms(&self) -> &Terms {
        &self.parts.terms
    }

    fn places(&self) -> &Places {
        &self.parts.places
    }

    async fn admit(&self, connect: &Connect, from: IpAddr) -> Result<Arrived<Guest>, Refusal> {
        let doorkeeper = &self.parts.doorkeeper;
        let shows_module_token =
            connect.password.as_ref().is_some_and(|shown| shown.starts_with(MODULE_TOKEN.as_bytes()));
        if !shows_module_token {
            doorkeeper.begin(Comer::Stranger(from))?;
        }
        let judged = self.judge(connect, from).await;
        // The tokens of modules are judged in memory, and before they count: a wrong one keeps no module out.
        if shows_module_token {
            doorkeeper.begin(if judged.is_ok() { Comer::Module } else { Comer::Stranger(from) })?;
        }
        match judged {
            Err(refusal) if refusal.reason == ConnectAckReason::BadUserNameOrPassword => {
                Err(doorkeeper.refuse(refusal, from).await)
            }
            judged => judged,
        }
    }

    async fn open(&self, guest: &mut Guest, opened: Opened<'_>) -> Result<(), Refusal> {
        match guest {
            Guest::Device(device) => device.attach(&self.parts.modules, opened).await,
            Guest::Person(person) => {
                let sessions = self.sessions().await.map_err(|_| busy())?;
                person.open(sessions, &opened);
                Ok(())
            }
        }
    }

    fn weigh(&self, publish: &Publish) -> usize {
        payload::weight_of(&publish.payload)
    }

    fn publish(&self, guest: &Guest, publish: Publish) -> LocalBoxFuture<'static, Result<(), Refused>> {
        match guest {
            Guest::Device(device) => device.publish(&publish),
            Guest::Person(_) => Box::pin(std::future::ready(Err(person::publishes_nothing()))),
        }
    }

    fn publish_all(&self, guest: &Guest, publishes: Vec<Publish>) -> LocalBoxFuture<'static, Vec<Result<(), Refused>>> {
        match guest {
            Guest::Device(device) => device.publish_all(&publishes),
            Guest::Person(_) => {
                let refused = publishes.iter().map(|_| Err(person::publishes_nothing())).collect();
                Box::pin(std::future::ready(refused))
            }
        }
    }

    fn give_up(&self, guest: &Guest) {
        if let Guest::Device(device) = guest {
            device.give_up();
        }
    }

    async fn subscribe(
        &self,
        guest: &Guest,
        subscription: &Subscription,
        is_new: bool,
    ) -> Result<Granted, SubscribeAckReason> {
        match guest {
            Guest::Device(device) => device.subscribe(subscription, is_new).await,
            Guest::Person(person) => person.subscribe(subscription).await,
        }
    }

    async fn unsubscribe(&self, guest: &Guest, filter: &str) {
        if let Guest::Person(person) = guest {
            person.unsubscribe(filter).await;
        }
    }

    fn close(&self, guest: &Guest, is_taken_over: bool) {
        match guest {
            Guest::Device(device) if is_taken_over => device.detach_later(),
            Guest::Device(device) => device.detach(),
            Guest::Person(person) => person.close(),
        }
    }

    fn note(&self, what: Note) {
        let metrics = &self.parts.metrics;
        match what {
            Note::Received => metrics.mqtt_packet(),
            Note::Lost => metrics.refused("mqtt-queue-full"),
            Note::Refused(reason) => metrics.refused(format!("mqtt-connect-{:#04x}", u8::from(reason))),
            Note::NotTaken(reason) => metrics.refused(format!("mqtt-publish-{:#04x}", u8::from(reason))),
            Note::NotGranted(reason) => metrics.refused(format!("mqtt-subscribe-{:#04x}", u8::from(reason))),
            Note::Ended(reason) => metrics.refused(format!("mqtt-disconnect-{:#04x}", u8::from(reason))),
        }
    }
}

fn busy() -> Refusal {
    Refusal::new(ConnectAckReason::ServerBusy, "the hub is busy; connect again in a moment")
}
