//! The section `store`: the database.

use std::time::Duration;

use toml::Value;

use super::{
    database::Database,
    keys::{Checks, Keys, Section},
    secret::Secret,
    setting::Setting,
};

/// The database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The database, as `sqlite:PATH` or `postgres://…`; without one `carillon.db` in the data folder.
    pub url: Option<Secret>,
    /// Connections that read at the same time, at least two; one more writes.
    pub readers: u32,
    /// How long a statement waits for a locked database before it fails.
    pub busy_timeout: Duration,
    /// What a commit survives.
    pub synchronous: Synchronous,
}

impl Default for Store {
    fn default() -> Self {
        Self { url: None, readers: 4, busy_timeout: Duration::from_secs(5), synchronous: Synchronous::Full }
    }
}

impl Section for Store {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("url", &mut self.url);
        keys.key("readers", &mut self.readers);
        keys.key("busy_timeout", &mut self.busy_timeout);
        keys.key("synchronous", &mut self.synchronous);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        let is_known = self.url.is_none() || self.database().is_some();
        checks.require(
            is_known,
            "url",
            "must be `sqlite:data/carillon.db` or `postgres://user:password@host/name`; no other kind is supported",
        );
        checks.require((1..=64).contains(&self.readers), "readers", "must be from 1 to 64");
    }
}

impl Store {
    /// The database that `url` names; none if it names none.
    pub(super) fn database(&self) -> Option<Database> {
        Database::parse(self.url.as_ref()?.expose())
    }
}

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// A power failure: each commit waits for the disk.
    Full,
    /// A crash of the hub; a power failure may take the last commits.
    Normal,
}

impl Setting for Synchronous {
    const EXPECTED: &'static str = "`full` or `normal`";

    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "full" => Some(Self::Full),
            "normal" => Some(Self::Normal),
            _ => None,
        }
    }
}
