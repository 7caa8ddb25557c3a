//! What actors of modules share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::{Addr, ArbiterHandle, Recipient};
use arc_swap::ArcSwap;

use super::alarm::{Observed, Warden};
use super::announce::announce;
use super::command::ActiveStops;
use super::messages::DrainLinks;
use super::registry::Registry;
use crate::auth::ModuleWithdrawn;
use crate::broker::{Announce, Publish};
use crate::config::{Config, Pairing};
use crate::domain::retention::Policy;
use crate::observe::Metrics;
use crate::store::Store;
use crate::store::announcements::Announced;
use crate::store::latest::Commit;

/// The bounds of links.
#[derive(Debug, Clone)]
pub struct LinkOptions {
    /// Readings of one connection that may wait for their acknowledgement.
    pub in_flight: usize,
    /// How long a device may take to say who it is.
    pub identify_timeout: Duration,
    /// How often a silent device is asked for a sign of life; one silent for two of these is gone.
    pub heartbeat: Duration,
    /// How long a device may read nothing while something waits.
    pub slow_timeout: Duration,
}

impl LinkOptions {
    /// The bounds that the configuration sets.
    #[must_use]
    pub const fn of(config: &Config) -> Self {
        Self {
            in_flight: config.telemetry.in_flight,
            identify_timeout: config.socket.handshake_timeout,
            heartbeat: config.socket.heartbeat,
            slow_timeout: config.socket.slow_timeout,
        }
    }
}

/// What links of a worker thread share.
pub struct House {
    /// The bounds.
    pub options: LinkOptions,
    /// Who knows the modules.
    pub registry: Addr<Registry>,
}

/// The bounds of module actors.
#[derive(Debug, Clone)]
pub struct ModuleOptions {
    /// How long a module without a connection stays online after its last reading.
    pub presence_timeout: Duration,
    /// How long an actor lives without work.
    pub passivate_after: Duration,
    /// Readings that may wait for a commit, of all modules together.
    pub max_waiting: usize,
    /// Those of one module; one request alone may bring more, and counts as so many among those of all.
    pub max_waiting_each: usize,
    /// Commands of one module that may wait for an answer.
    pub max_commands: usize,
    /// Commands of one module that are kept.
    pub commands_kept: usize,
    /// How long commands are kept.
    pub commands_max_age: Duration,
    /// How often a module is told again to stop until it acknowledges.
    pub stop_retry: Duration,
    /// How far in the future a device may say that something was measured.
    pub max_ahead: Duration,
}

impl ModuleOptions {
    /// The bounds that the configuration sets.
    #[must_use]
    pub const fn of(config: &Config) -> Self {
        Self {
            presence_timeout: config.presence.timeout,
            passivate_after: config.presence.passivate_after,
            max_waiting: config.telemetry.max_waiting,
            max_waiting_each: config.telemetry.max_waiting_each(),
            max_commands: config.commands.max_under_way,
            commands_kept: config.commands.keep,
            commands_max_age: config.commands.max_age,
            stop_retry: config.commands.stop_retry,
            max_ahead: config.telemetry.max_ahead,
        }
    }
}

/// What the registry needs of the house.
pub struct Parts {
    /// The bounds of module actors.
    pub options: ModuleOptions,
    /// The database.
    pub store: Store,
    /// Who orders events.
    pub publish: Recipient<Publish>,
    /// The same, for changes that are in the database.
    pub announce: Recipient<Announce>,
    /// Who stores readings and latest states.
    pub commit: Recipient<Commit>,
    /// How long the history is kept: older readings are refused.
    pub policy: Arc<ArcSwap<Policy>>,
    /// Who is told that people may no longer see a module; none if nobody needs to know.
    pub withdrawn: Option<Recipient<ModuleWithdrawn>>,
    /// The emergency stops in force.
    pub stops: ActiveStops,
    /// Who judges what modules tell by the rules for alarms.
    pub warden: Addr<Warden>,
    /// How modules find their owners.
    pub pairing: Pairing,
    /// The threads on which module actors live; at least one.
    pub arbiters: Vec<ArbiterHandle>,
    /// The counters.
    pub metrics: Metrics,
}

/// What the registry and all module actors share.
pub struct Shared {
    /// The bounds.
    pub options: ModuleOptions,
    /// Who orders events.
    pub publish: Recipient<Publish>,
    /// The same, for changes that are in the database.
    pub announce: Recipient<Announce>,
    /// Who stores latest states.
    pub commit: Recipient<Commit>,
    /// How long the history is kept: older readings are refused.
    pub policy: Arc<ArcSwap<Policy>>,
    /// The database.
    pub store: Store,
    /// The emergency stops in force; replaced by the registry alone, before anybody is told.
    pub stops: ArcSwap<ActiveStops>,
    /// Who judges what modules tell by the rules for alarms.
    pub warden: Recipient<Observed>,
    /// The counters.
    pub metrics: Metrics,
    /// How many modules are online.
    pub online: AtomicUsize,
    /// How many readings wait for a commit, of each module as many as its share at most.
    pub waiting: AtomicUsize,
    /// Grows with every change that a snapshot shows, after the change and before its event.
    pub version: AtomicU64,
    /// How links end, once the hub stops; no device is let in any more then.
    pub stopping: OnceLock<DrainLinks>,
}

impl Shared {
    /// Shared by nobody yet.
    pub fn new(parts: &Parts) -> Arc<Self> {
        Arc::new(Self {
            options: parts.options.clone(),
            publish: parts.publish.clone(),
            announce: parts.announce.clone(),
            commit: parts.commit.clone(),
            policy: Arc::clone(&parts.policy),
            store: parts.store.clone(),
            stops: ArcSwap::from_pointee(parts.stops.clone()),
            warden: parts.warden.clone().recipient(),
            metrics: parts.metrics.clone(),
            online: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            version: AtomicU64::new(0),
            stopping: OnceLock::new(),
        })
    }

    /// Counts commands that were taken back in the database, and has it told.
    pub async fn tell_taken_back(&self, announced: Vec<Announced>) {
        if announced.is_empty() {
            return;
        }
        announced.iter().for_each(|_| self.metrics.command("cancelled"));
        announce(&self.announce, announced).await;
    }

    /// Makes snapshots taken before this moment old.
    pub fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }
}
