//! Configuration: one struct per section, defaults, a TOML file, the environment and the command line.
//!
//! A later layer wins over an earlier one: defaults, `config/carillon.toml` (or the file named by `--config`), the
//! well-known environment variables (`DATABASE_URL`, …), `CARILLON__SECTION__KEY`, the command line. All faults of
//! all layers are gathered and reported at once ([`ConfigError`]).

mod admin;
mod alarms;
mod auth;
mod broker;
mod commands;
mod data;
mod database;
mod environment;
mod fault;
mod history;
mod http;
mod journal;
mod keys;
mod log;
mod mqtt;
mod network;
mod pairing;
mod presence;
mod reconnect;
mod secret;
mod setting;
mod shutdown;
mod socket;
mod store;
mod telemetry;
mod webhooks;

use std::path::Path;

pub use admin::Admin;
pub use alarms::Alarms;
pub use auth::Auth;
pub use broker::Broker;
pub use commands::Commands;
pub use data::{Data, make_private_folder};
pub use database::Database;
pub use fault::{ConfigError, Fault};
pub use history::History;
pub use http::{Http, MetricsAccess};
pub use journal::Journal;
pub use log::{Log, LogFormat};
pub use mqtt::Mqtt;
pub use network::Network;
pub use pairing::Pairing;
pub use presence::Presence;
pub use reconnect::Reconnect;
pub use secret::Secret;
pub use shutdown::Shutdown;
pub use socket::Socket;
pub use store::{Store, Synchronous};
pub use telemetry::Telemetry;
pub use webhooks::Webhooks;

use keys::{Given, Layers, Section};

/// Every setting of the hub, checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// The HTTP door.
    pub http: Http,
    /// The MQTT door.
    pub mqtt: Mqtt,
    /// Where the hub keeps its files.
    pub data: Data,
    /// The database.
    pub store: Store,
    /// Logins and passwords.
    pub auth: Auth,
    /// The first admin.
    pub admin: Admin,
    /// Online and offline.
    pub presence: Presence,
    /// Readings on their way to the store.
    pub telemetry: Telemetry,
    /// What modules are told.
    pub commands: Commands,
    /// Rules, and the alarms they raise.
    pub alarms: Alarms,
    /// How modules find their owners.
    pub pairing: Pairing,
    /// How outside services are told of alarms.
    pub webhooks: Webhooks,
    /// How long the history is kept.
    pub history: History,
    /// The order of events.
    pub broker: Broker,
    /// How long events are kept.
    pub journal: Journal,
    /// Sockets and what waits for them.
    pub socket: Socket,
    /// What clients are told about reconnecting.
    pub reconnect: Reconnect,
    /// Logs.
    pub log: Log,
    /// How the hub stops.
    pub shutdown: Shutdown,
    /// Names of settings that were given and accepted but have no effect yet; worth one log line.
    pub unused: Vec<&'static str>,
}

impl Config {
    /// Reads all layers: `file` if given, `environment`, then `overrides` as (`section.key`, value).
    ///
    /// # Errors
    /// [`ConfigError`] with every fault found, also when `file` cannot be read.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut faults = Vec::new();
        let mut layers = Layers::default();
        if let Some(path) = file {
            layers.add_file(path, &mut faults);
        }
        let unused = environment::add(&mut layers, environment);
        for (key, value) in overrides {
            layers.set(key, Given::text(value, "the command line"));
        }
        let mut config = Self { unused, ..Self::default() };
        for (name, section) in config.sections() {
            layers.read(name, section, &mut faults);
        }
        faults.extend(layers.unknown());
        ConfigError::none_of(faults).map(|()| config)
    }

    /// The database: `store.url`, or `carillon.db` in the data folder.
    pub fn database(&self) -> Database {
        self.store.database().unwrap_or_else(|| Database::Sqlite(self.data.dir.join("carillon.db")))
    }

    fn sections(&mut self) -> [(&'static str, &mut dyn Section); 19] {
        [
            ("http", &mut self.http),
            ("mqtt", &mut self.mqtt),
            ("data", &mut self.data),
            ("store", &mut self.store),
            ("auth", &mut self.auth),
            ("admin", &mut self.admin),
            ("presence", &mut self.presence),
            ("telemetry", &mut self.telemetry),
            ("commands", &mut self.commands),
            ("alarms", &mut self.alarms),
            ("pairing", &mut self.pairing),
            ("webhooks", &mut self.webhooks),
            ("history", &mut self.history),
            ("broker", &mut self.broker),
            ("journal", &mut self.journal),
            ("socket", &mut self.socket),
            ("reconnect", &mut self.reconnect),
            ("log", &mut self.log),
            ("shutdown", &mut self.shutdown),
        ]
    }
}

#[cfg(test)]
mod tests;
