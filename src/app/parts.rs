//! The parts of the house, each started with what it needs of the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use arc_swap::ArcSwap;

use super::error::StartError;
use crate::admin::{AdminRoom, RoomSources};
use crate::auth::{
    AccessTokens, Accounts, AccountsOptions, Authenticator, FirstAdmin, Hasher, Known, SigningKey, first_admin,
};
use crate::broker::{Broker, BrokerOptions, Forwarder, OpenOrder, Retention, Sweeper};
use crate::config::Config;
use crate::domain::alarm::AlarmRule;
use crate::domain::retention::{Policy, Spans};
use crate::domain::stop::EmergencyStop;
use crate::observe::Metrics;
use crate::store::alarms::Standings;
use crate::store::modules::StoredModule;
use crate::store::{Options, Store};
use crate::telemetry::{
    Archivist, Collector, History, Keeper, KeeperOptions, QuietHours, Recovered, SharedPolicy, Turns, recover,
};
use crate::{module, session, store};

/// What everybody else builds on: the store, the order of events, the sessions.
pub struct Core {
    pub store: Store,
    pub metrics: Metrics,
    pub broker: Addr<Broker>,
    pub sessions: Addr<session::Registry>,
    /// The modules as the database held them when the order went on.
    pub stored: Vec<StoredModule>,
    /// The emergency stops in force at the start.
    pub stops: Vec<EmergencyStop>,
    /// The rules for alarms, and what is known of their alarms at the start.
    pub alarms: (Vec<AlarmRule>, Standings),
    /// The readings that were not sealed yet, and states that were not saved.
    pub found: Recovered,
    /// How long the history is kept.
    pub policy: SharedPolicy,
    /// The broker's own thread.
    pub orders: Arbiter,
    /// The thread of all that is asked rarely.
    pub house: Arbiter,
    /// The warden's own thread.
    pub watch: Arbiter,
}

impl Core {
    pub async fn open(config: &Config) -> Result<Self, StartError> {
        let metrics = Metrics::default();
        let store = open_store(config, &metrics).await?;
        let (orders, house, watch) = (Arbiter::new(), Arbiter::new(), Arbiter::new());
        let (found, stored) = open_modules(&store).await?;
        let twins = store.read(store::twins::load_all).await?;
        let stops = store.read(store::stops::active).await?;
        let alarms =
            store.read(|conn| Ok((store::alarm_rules::load_all(conn)?, store::alarms::standings(conn)?))).await?;
        let newest = [module::newest_twins(&twins, &stored), module::newest_states(&stored)].concat();
        let order = OpenOrder::load(&store, newest, config.broker.ring).await?;
        let policy = open_policy(config, &store).await?;
        let limits = config.journal.clone();
        house.spawn(Retention::new(store.clone(), order.archive().clone(), limits, metrics.clone()).run());
        let broker = start_on(&orders, {
            let (options, metrics) = (broker_options(config), metrics.clone());
            move || Broker::new(order, options, metrics)
        });
        start_on(&house, {
            let (store, announce) = (store.clone(), broker.clone().recipient());
            move || Sweeper::new(store, announce)
        });
        let sessions = start_on(&house, {
            let (most, announce, metrics) = (config.socket.max_per_user, broker.clone().recipient(), metrics.clone());
            move || session::Registry::new(most, announce, metrics)
        });
        Ok(Self { store, metrics, broker, sessions, stored, stops, alarms, found, policy, orders, house, watch })
    }

    pub fn start_room(&self, modules: &Addr<module::Registry>, accounts: &Addr<Accounts>) -> Addr<AdminRoom> {
        let sources = RoomSources {
            sessions: self.sessions.clone().recipient(),
            modules: modules.clone().recipient(),
            users: accounts.clone().recipient(),
            publish: self.broker.clone().recipient(),
            metrics: self.metrics.clone(),
        };
        start_on(&self.house, move || AdminRoom::new(sources))
    }
}

/// Those who know the modules and keep what they say.
pub struct Devices {
    pub modules: Addr<module::Registry>,
    pub collector: Addr<Collector>,
    pub history: History,
    pub archivist: Addr<Archivist>,
    pub warden: Addr<module::Warden>,
    /// The threads of the module actors.
    pub arbiters: Vec<Arbiter>,
}

impl Devices {
    pub fn open(config: &Config, core: &mut Core) -> Self {
        let arbiters: Vec<_> = (0..module_threads()).map(|_| Arbiter::new()).collect();
        // Beside the modules: what they say to one another wakes no other thread.
        let beside = &arbiters[0];
        let publish = start_on(beside, {
            let broker = core.broker.clone();
            move || Forwarder::new(broker)
        });
        let collector = start_on(beside, {
            let (store, found) = (core.store.clone(), std::mem::take(&mut core.found));
            let (options, metrics) = (config.telemetry.clone(), core.metrics.clone());
            move || Collector::new(store, options, metrics, found)
        });
        core.house.spawn(keeper(config, core, &collector).run());
        let turns = Turns::of(&core.store);
        let archivist = start_on(&core.house, {
            let (store, policy, max_bytes) = (core.store.clone(), Arc::clone(&core.policy), max_bytes(config));
            let turns = turns.clone();
            move || Archivist::new(store, policy, max_bytes, turns)
        });
        let history = History::new(core.store.clone(), collector.clone().recipient(), turns);
        let stored = std::mem::take(&mut core.stored);
        let stops = std::mem::take(&mut core.stops);
        let warden = start_warden(config, core);
        let parts = module::Parts {
            options: module::ModuleOptions::of(config),
            store: core.store.clone(),
            publish: publish.recipient(),
            announce: core.broker.clone().recipient(),
            commit: collector.clone().recipient(),
            policy: Arc::clone(&core.policy),
            withdrawn: Some(core.sessions.clone().recipient()),
            stops: module::ActiveStops::new(stops),
            warden: warden.clone(),
            pairing: config.pairing.clone(),
            arbiters: arbiters.iter().map(Arbiter::handle).collect(),
            metrics: core.metrics.clone(),
        };
        let modules = start_on(&core.house, move || module::Registry::new(parts, stored));
        Self { modules, collector, history, archivist, warden, arbiters }
    }
}

/// Those who keep accounts.
pub struct People {
    pub accounts: Addr<Accounts>,
    pub authenticator: Authenticator,
    pub setup_token: Option<String>,
}

impl People {
    pub async fn open(config: &Config, core: &Core, modules: &Addr<module::Registry>) -> Result<Self, StartError> {
        let store = &core.store;
        let key = SigningKey::load(config.auth.jwt_secret_key.as_ref(), &config.data.dir)?;
        let tokens = Arc::new(AccessTokens::new(&key, &config.auth));
        let hasher = Hasher::new(&config.auth);
        let setup_token = match first_admin(store, &hasher, &config.admin).await? {
            FirstAdmin::Token(token) => Some(token),
            FirstAdmin::Made(_) => {
                tracing::info!("the first admin was made from the configuration");
                None
            }
            FirstAdmin::Exists => None,
        };
        let known = Known::default();
        let options = AccountsOptions {
            store: store.clone(),
            hasher,
            tokens: Arc::clone(&tokens),
            known: known.clone(),
            config: config.auth.clone(),
            setup_token: setup_token.clone(),
            listeners: vec![modules.clone().recipient(), core.sessions.clone().recipient()],
        };
        let accounts = start_on(&core.house, move || Accounts::new(options));
        let authenticator = Authenticator::new(store.clone(), tokens, known, accounts.clone().recipient());
        Ok(Self { accounts, authenticator, setup_token })
    }
}

/// What is known of readings and modules. Nobody reads what modules said last before the readings of the tail have told it.
async fn open_modules(store: &Store) -> Result<(Recovered, Vec<StoredModule>), StartError> {
    let found = recover(store).await?;
    let mut stored = store.read(store::modules::load_all).await?;
    let states: HashMap<_, _> = found.unsaved.iter().map(|(state, _)| (state.module, state)).collect();
    for module in &mut stored {
        if let Some(state) = states.get(&module.number) {
            module.follow(state);
        }
    }
    Ok((found, stored))
}

fn start_warden(config: &Config, core: &mut Core) -> Addr<module::Warden> {
    let (rules, standings) = std::mem::take(&mut core.alarms);
    let parts = module::WardenParts {
        options: config.alarms.clone(),
        store: core.store.clone(),
        announce: core.broker.clone().recipient(),
        metrics: core.metrics.clone(),
        rules,
        standings,
    };
    start_on(&core.watch, move || module::Warden::new(parts))
}

/// The lengths of the configuration with the rules that are stored; rules that no longer fit them do not count.
async fn open_policy(config: &Config, store: &Store) -> Result<SharedPolicy, StartError> {
    let defaults = Spans::new(config.history.spans());
    let rules = store.read(store::retention::rules).await?;
    let policy = Policy::new(defaults, rules).unwrap_or_else(|(_, fault)| {
        tracing::error!(%fault, "the rules of the retention do not fit `history` of the configuration; set them anew");
        // Nothing goes that one of the rules would have kept.
        Policy::of_defaults(Spans::new([Duration::ZERO; 5]))
    });
    Ok(Arc::new(ArcSwap::from_pointee(policy)))
}

/// How much the whole history may take; none for no bound.
fn max_bytes(config: &Config) -> Option<i64> {
    i64::try_from(config.history.max_bytes).ok().filter(|bytes| *bytes > 0)
}

fn keeper(config: &Config, core: &Core, collector: &Addr<Collector>) -> Keeper {
    let options = KeeperOptions {
        max_bytes: max_bytes(config),
        seal_after: config.telemetry.seal_after,
        tidy_interval: config.history.tidy_interval,
        quiet: QuietHours::new(config.history.tidy_from, config.history.tidy_until),
    };
    Keeper::new(core.store.clone(), collector.clone(), Arc::clone(&core.policy), options, core.metrics.clone())
}

async fn open_store(config: &Config, metrics: &Metrics) -> Result<Store, StartError> {
    let (database, options) = (config.database(), Options { is_hub: true, ..Options::from(&config.store) });
    let shown = database.to_string();
    let opened = tokio::task::spawn_blocking(move || Store::open(database, &options)).await;
    let store = opened.map_err(|_| StartError::Part(MailboxError::Closed))??;
    tracing::info!(store.database = %shown, "the database is open");
    let metrics = metrics.clone();
    Ok(store.watched_by(move |run| {
        metrics.store_ran(run.took);
        if run.is_busy {
            metrics.store_busy();
        }
        if run.has_failed {
            metrics.store_failed();
        }
    }))
}

pub fn broker_options(config: &Config) -> BrokerOptions {
    BrokerOptions { ring: config.broker.ring, mailbox: config.broker.mailbox }
}

/// How many threads carry the module actors: one takes more readings than the writer of the database stores.
fn module_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).div_ceil(4)
}

/// Starts an actor on a thread of the house.
pub fn start_on<A>(arbiter: &Arbiter, make: impl FnOnce() -> A + Send + 'static) -> Addr<A>
where
    A: Actor<Context = Context<A>>,
{
    A::start_in_arbiter(&arbiter.handle(), |_| make())
}
