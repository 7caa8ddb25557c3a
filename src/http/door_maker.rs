//! Opens the doors of a worker thread, on that thread.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use actix::{Addr, MailboxError, Recipient};

use super::admission::Admission;
use super::doors::{DoorOptions, Doors};
use super::open_sockets::OpenSockets;
use super::partings::Partings;
use super::problem::ApiError;
use super::relays::RelayList;
use crate::auth::Authenticator;
use crate::broker::{Broker, BrokerOptions, Relay};
use crate::observe::Metrics;
use crate::pipe::{Arrival, Flusher, Noted};
use crate::session::engine::Engines;
use crate::session::socketio::{LobbyHouse, Newcomers, Recoveries};
use crate::{module, session};

/// The doors of this worker thread, once they are open; the application of the thread shares them.
#[derive(Clone, Default)]
pub struct WorkerDoors(Rc<OnceCell<Rc<Doors>>>);

impl WorkerDoors {
    /// The doors.
    ///
    /// # Errors
    /// [`ApiError::unavailable`] while the thread starts.
    pub fn get(&self) -> Result<Rc<Doors>, ApiError> {
        self.0.get().cloned().ok_or_else(ApiError::unavailable)
    }

    /// Opens them.
    pub fn set(&self, doors: &Rc<Doors>) {
        // A thread opens its doors once; the first ones are as good as any.
        let _ = self.0.set(Rc::clone(doors));
    }
}

/// Makes the doors of a worker thread, on that thread.
#[derive(Clone)]
pub struct DoorMaker {
    /// The bounds.
    pub options: DoorOptions,
    /// The bounds of sessions.
    pub sessions: session::SessionOptions,
    /// The bounds of links.
    pub links: module::LinkOptions,
    /// How long written frames wait for company.
    pub flush_interval: Duration,
    /// Who orders events.
    pub broker: Addr<Broker>,
    /// The bounds of the relay.
    pub broker_options: BrokerOptions,
    /// Who knows all sessions.
    pub registry: Addr<session::Registry>,
    /// Who tells the state behind topics.
    pub snapshots: Recipient<session::TakeSnapshots>,
    /// Who sends commands to modules.
    pub commands: Recipient<session::CommandModule>,
    /// Who judges credentials.
    pub authenticator: Authenticator,
    /// Who knows the modules.
    pub modules: Addr<module::Registry>,
    /// How many connections of people may begin.
    pub people_admitted: Admission,
    /// How many connections of modules may begin.
    pub modules_admitted: Admission,
    /// The sessions of Engine.IO of all threads.
    pub engines: Engines,
    /// The clients of Socket.IO that may come back.
    pub recoveries: Recoveries,
    /// The clients of Socket.IO that have not said who they are.
    pub newcomers: Newcomers,
    /// Who takes WebSockets of MQTT; none if it is not spoken.
    pub mqtt: Option<Recipient<Arrival>>,
    /// The open sockets of all threads.
    pub sockets: OpenSockets,
    /// Who is being sent away, on all threads.
    pub partings: Partings,
    /// Who is told of every relay that starts.
    pub relays: RelayList,
    /// The counters.
    pub metrics: Metrics,
}

impl DoorMaker {
    /// Starts the relay of this thread and opens its doors.
    ///
    /// # Errors
    /// When the broker is gone.
    pub async fn make(&self) -> Result<Rc<Doors>, MailboxError> {
        let house = Rc::new(self.house().await?);
        let lobby = LobbyHouse {
            sessions: Rc::clone(&house),
            recoveries: self.recoveries.clone(),
            newcomers: self.newcomers.clone(),
        };
        let module_house = module::House { options: self.links.clone(), registry: self.modules.clone() };
        Ok(Rc::new(Doors {
            options: self.options.clone(),
            flusher: self.flusher(),
            house,
            lobby,
            engines: self.engines.clone(),
            module_house: Rc::new(module_house),
            authenticator: self.authenticator.clone(),
            modules: self.modules.clone(),
            people_admitted: self.people_admitted.clone(),
            modules_admitted: self.modules_admitted.clone(),
            mqtt: self.mqtt.clone(),
            sockets: self.sockets.clone(),
            partings: self.partings.clone(),
            metrics: self.metrics.clone(),
        }))
    }

    async fn house(&self) -> Result<session::House, MailboxError> {
        let (addr, relay) = Relay::join(self.broker.clone(), self.broker_options, self.metrics.clone()).await?;
        self.relays.add(addr);
        Ok(session::House {
            options: self.sessions.clone(),
            relay,
            registry: self.registry.clone(),
            snapshots: self.snapshots.clone(),
            commands: Some(self.commands.clone()),
            authenticator: self.authenticator.clone(),
            metrics: self.metrics.clone(),
        })
    }

    fn flusher(&self) -> Flusher {
        let metrics = self.metrics.clone();
        Flusher::start(self.flush_interval, move |noted| match noted {
            Noted::Waiting(change) => metrics.outbox_bytes(change),
            Noted::Ended(code) => metrics.connection_ended(code),
        })
    }
}
