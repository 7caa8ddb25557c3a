//! Who is started where, and who knows whom.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use actix_server::Server;
use rustls::ServerConfig;
use serde_json::value::RawValue;

use super::error::StartError;
use super::parts::{Core, Devices, People, broker_options, start_on};
use crate::admin::{AdminRoom, Audit, Commander, Monitor, MonitorSources, Snapshots};
use crate::auth::{Accounts, Authenticator};
use crate::broker::{Broker, CloseOrder};
use crate::config::{Config, Socket};
use crate::connector::{Courier, Webhooks};
use crate::domain::event::json;
use crate::domain::moments::Moments;
use crate::http::address::TrustedProxies;
use crate::http::{self, Admission, DoorMaker, DoorOptions, OpenSockets, Partings, RelayList, ServerOptions, Services};
use crate::mqtt::Usher;
use crate::observe::{Door, Health, Metrics};
use crate::pipe::{Bounds, OutboxOptions};
use crate::session::engine::{EngineOptions, Engines};
use crate::session::socketio::{Newcomers, Recoveries};
use crate::session::{Drain, JoinAdminRoom, SessionOptions};
use crate::telemetry::{Archivist, Collector, Flush, History, SaveStates};
use crate::{module, session};

mod mqtt;

pub use mqtt::MqttDoor;

/// How long the relays may take to start.
const RELAYS_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an actor may take to say goodbye or write the rest.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// All actors of the hub, and the threads they live on.
pub struct House {
    /// The open sockets of all workers.
    pub sockets: OpenSockets,
    engines: Engines,
    /// Whether the hub can do its work.
    pub health: Health,
    /// The token that makes the first admin, while there is none.
    pub setup_token: Option<String>,
    metrics: Metrics,
    broker: Addr<Broker>,
    accounts: Addr<Accounts>,
    authenticator: Authenticator,
    sessions: Addr<session::Registry>,
    modules: Addr<module::Registry>,
    wrong_tokens: module::WrongTokens,
    collector: Addr<Collector>,
    history: History,
    archivist: Addr<Archivist>,
    warden: Addr<module::Warden>,
    webhooks: Addr<Webhooks>,
    courier: Addr<Courier>,
    room: Addr<AdminRoom>,
    snapshots: Addr<Snapshots>,
    audit: Addr<Audit>,
    commander: Addr<Commander>,
    monitor: Addr<Monitor>,
    usher: Addr<Usher>,
    relays: RelayList,
    people_admitted: Admission,
    arbiters: Vec<Arbiter>,
}

impl House {
    /// Opens the store and starts every actor that is not a worker's own.
    ///
    /// # Errors
    /// When the store, the keys or the first account cannot be had.
    pub async fn open(config: &Config) -> Result<Self, StartError> {
        let mut core = Core::open(config).await?;
        let devices = Devices::open(config, &mut core);
        let people = People::open(config, &core, &devices.modules).await?;
        let room = core.start_room(&devices.modules, &people.accounts);
        let (audit, snapshots) = start_witnesses(&core, &devices, &room);
        let commander = start_commander(&core, &devices, &audit, config);
        let (outside, webhooks, courier) = start_webhooks(&core, config);
        let relays = RelayList::default();
        let people_admitted = Admission::new(&config.socket, Door::Native, core.metrics.clone());
        let monitor = start_monitor(&core, &relays, &people_admitted, config);
        Ok(Self {
            sockets: OpenSockets::default(),
            engines: Engines::default(),
            health: super::health::checks(&core.store, &core.broker, &relays),
            setup_token: people.setup_token,
            metrics: core.metrics,
            broker: core.broker,
            accounts: people.accounts,
            authenticator: people.authenticator,
            sessions: core.sessions,
            modules: devices.modules,
            wrong_tokens: module::WrongTokens::default(),
            collector: devices.collector,
            history: devices.history,
            archivist: devices.archivist,
            warden: devices.warden,
            webhooks,
            courier,
            room,
            snapshots,
            audit,
            commander,
            monitor,
            usher: start_on(&core.house, Usher::default),
            relays,
            people_admitted,
            arbiters: [outside, core.orders, core.house, core.watch].into_iter().chain(devices.arbiters).collect(),
        })
    }

    /// Opens the doors on a bound listener.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn serve(&self, listener: TcpListener, tls: Option<Arc<ServerConfig>>, config: &Config) -> io::Result<Server> {
        let is_secure = tls.is_some();
        let options = ServerOptions {
            workers: config.workers(),
            max_connections: config.http.max_connections,
            grace: config.shutdown.grace,
            tls,
        };
        let services = Services {
            config: Arc::new(config.clone()),
            accounts: self.accounts.clone(),
            authenticator: self.authenticator.clone(),
            sessions: self.sessions.clone(),
            modules: self.modules.clone(),
            wrong_tokens: self.wrong_tokens.clone(),
            history: self.history.clone(),
            archivist: self.archivist.clone(),
            warden: self.warden.clone(),
            webhooks: self.webhooks.clone(),
            courier: self.courier.clone(),
            room: self.room.clone(),
            monitor: self.monitor.clone(),
            audit: self.audit.clone(),
            commands: self.commander.clone().recipient(),
            publish: self.broker.clone().recipient(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            is_secure,
        };
        http::serve(listener, options, services, self.doors(config))
    }

    fn doors(&self, config: &Config) -> DoorMaker {
        let socket = &config.socket;
        DoorMaker {
            options: door_options(config),
            sessions: session_options(config),
            links: module::LinkOptions::of(config),
            flush_interval: socket.flush_interval,
            broker: self.broker.clone(),
            broker_options: broker_options(config),
            registry: self.sessions.clone(),
            snapshots: self.snapshots.clone().recipient(),
            commands: self.commander.clone().recipient(),
            authenticator: self.authenticator.clone(),
            modules: self.modules.clone(),
            people_admitted: self.people_admitted.clone(),
            modules_admitted: Admission::new(socket, Door::Module, self.metrics.clone()),
            engines: self.engines.clone(),
            recoveries: Recoveries::default(),
            newcomers: Newcomers::default(),
            mqtt: config.mqtt.enabled.then(|| self.usher.clone().recipient()),
            sockets: self.sockets.clone(),
            partings: Partings::default(),
            relays: self.relays.clone(),
            metrics: self.metrics.clone(),
        }
    }

    /// Waits until every worker has its relay.
    ///
    /// # Errors
    /// When one does not start in time.
    pub async fn wait_for_relays(&self, workers: usize) -> Result<(), StartError> {
        let started = tokio::time::timeout(RELAYS_TIMEOUT, self.relays.wait_for(workers)).await;
        started.map_err(|_| StartError::Part(MailboxError::Timeout))
    }

    /// Says goodbye to every client, each with its own moment to come back; devices are answered first what is under way,
    /// until then at most.
    pub async fn say_goodbye(&self, config: &Config, answers_until: Instant) {
        let moments = Moments { spread: config.shutdown.spread, return_rate: config.socket.return_rate() };
        let people = self.sessions.send(Drain(moments)).timeout(LAST_WORDS);
        let devices = self.modules.send(module::DrainLinks { moments, answers_until }).timeout(LAST_WORDS);
        if let (Err(error), _) | (_, Err(error)) = tokio::join!(people, devices) {
            tracing::warn!(%error, "not everybody was told that the hub stops");
        }
        self.engines.shut();
    }

    /// Writes what still waits for the store.
    pub async fn flush(&self) {
        if let Err(error) = self.collector.send(Flush).timeout(LAST_WORDS).await {
            tracing::error!(%error, "the last readings may not be stored");
        }
        if let Err(error) = self.broker.send(CloseOrder).timeout(LAST_WORDS).await {
            tracing::warn!(%error, "the order of events was not closed; the next start goes on behind what was reserved");
            // A database that cannot be written would only be waited for once more.
            return;
        }
        if let Err(error) = self.collector.send(SaveStates).timeout(LAST_WORDS).await {
            tracing::info!(%error, "the next start finds out what modules said last");
        }
    }

    /// Ends the threads of the house.
    pub fn close(self) {
        for arbiter in self.arbiters {
            arbiter.stop();
            // A thread that panicked has said so in the log.
            let _ = arbiter.join();
        }
    }
}

/// Those who see to what admins and newcomers are told, and what is written down of it.
fn start_witnesses(core: &Core, devices: &Devices, room: &Addr<AdminRoom>) -> (Addr<Audit>, Addr<Snapshots>) {
    core.sessions.do_send(JoinAdminRoom(room.clone().recipient()));
    let store = core.store.clone();
    let audit = start_on(&core.house, move || Audit::new(store));
    let (modules, room, asked) = (devices.modules.clone(), room.clone(), audit.clone().recipient());
    let snapshots = start_on(&core.house, move || Snapshots::new(modules, room, asked));
    (audit, snapshots)
}

fn start_commander(core: &Core, devices: &Devices, audit: &Addr<Audit>, config: &Config) -> Addr<Commander> {
    let (modules, audit) = (devices.modules.clone(), audit.clone().recipient());
    let (limits, metrics) = (config.commands.clone(), core.metrics.clone());
    start_on(&core.house, move || Commander::new(modules, audit, limits, metrics))
}

/// Whoever calls the outside has a thread of its own.
fn start_webhooks(core: &Core, config: &Config) -> (Arbiter, Addr<Webhooks>, Addr<Courier>) {
    let (store, config, metrics) = (core.store.clone(), config.webhooks.clone(), core.metrics.clone());
    let outside = Arbiter::new();
    let courier = start_on(&outside, move || Courier::new(store, config, metrics));
    let store = core.store.clone();
    let webhooks = start_on(&outside, move || Webhooks::new(store));
    (outside, webhooks, courier)
}

fn start_monitor(core: &Core, relays: &RelayList, admitted: &Admission, config: &Config) -> Addr<Monitor> {
    let (relays, admitted) = (relays.clone(), admitted.clone());
    let sources = MonitorSources {
        relays: Box::new(move || relays.all()),
        sessions: core.sessions.clone().recipient(),
        waiting: Box::new(move || admitted.waiting()),
        accept_rate: config.socket.accept_rate,
        metrics: core.metrics.clone(),
    };
    start_on(&core.house, move || Monitor::new(sources))
}

fn door_options(config: &Config) -> DoorOptions {
    let socket = &config.socket;
    DoorOptions {
        outbox: OutboxOptions { high_water: socket.high_water, low_water: socket.low_water },
        max_message: socket.max_frame,
        deflate_from: socket.compression.then_some(socket.compression_threshold),
        max_sockets: config.http.max_connections,
        bounds: bounds(socket),
        allowed_origins: config.http.allowed_origins.clone(),
        trusted_proxies: TrustedProxies(config.http.trusted_proxies.clone()),
        engines: EngineOptions {
            ping_interval: socket.heartbeat,
            ping_timeout: socket.heartbeat_timeout,
            slow_timeout: socket.slow_timeout,
            max_payload: socket.max_frame,
            join_timeout: socket.handshake_timeout,
        },
        body_timeout: config.http.body_timeout,
    }
}

fn bounds(socket: &Socket) -> Bounds {
    // Later than the session, which ends a client with a reason.
    Bounds { user_timeout: socket.slow_timeout + socket.heartbeat * 2, send_buffer: socket.send_buffer }
}

fn session_options(config: &Config) -> SessionOptions {
    let socket = &config.socket;
    SessionOptions {
        heartbeat: socket.heartbeat,
        slow_timeout: socket.slow_timeout,
        max_topics: socket.max_topics,
        retry: config.reconnect.delay,
        reconnect: reconnect_advice(config),
    }
}

/// What clients are told of reconnecting: `{maxReconnectAttempts, reconnectDelay, maxReconnectDelay, enableStats}`.
fn reconnect_advice(config: &Config) -> Box<RawValue> {
    let reconnect = &config.reconnect;
    json(&serde_json::json!({
        "maxReconnectAttempts": reconnect.max_attempts,
        "reconnectDelay": reconnect.delay.as_millis() as u64,
        "maxReconnectDelay": reconnect.max_delay.as_millis() as u64,
        "enableStats": reconnect.enable_stats,
    }))
}
