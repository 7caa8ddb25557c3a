//! A private database for each test: a file of SQLite, or a schema of the PostgreSQL that `CARILLON_TEST_DATABASE` names.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::Connection as _;
use diesel::connection::{InstrumentationEvent, SimpleConnection};

use super::modules::{self, ModuleRecord};
use super::webhooks::Webhook;
use super::{Connection, Options, Store, pool};
use crate::config::{Database, Secret};
use crate::domain::ids::{UserId, WebhookId};
use crate::domain::module::TokenHash;
use crate::domain::time::Timestamp;
use crate::domain::webhook::WebhookEvent;

/// A module that belongs to nobody, with its id for a token.
pub fn module(id: &str) -> ModuleRecord {
    let made = Timestamp::from_millis(1);
    ModuleRecord {
        id: id.parse().unwrap(),
        name: "North gate".parse().unwrap(),
        kind: "Station".parse().unwrap(),
        owner: None,
        token_hash: TokenHash::of(id),
        created_at: made,
        updated_at: made,
    }
}

/// What is saved of the states of all modules, by id.
pub async fn saved_states(store: &Store) -> Vec<String> {
    let stored = store.read(modules::load_all).await.unwrap();
    stored.iter().map(|one| serde_json::to_string(one.telemetry.values()).unwrap()).collect()
}

/// A webhook that is told of everything.
pub fn webhook(name: &str) -> Webhook {
    let made = Timestamp::from_millis(1);
    Webhook {
        id: WebhookId::generate(),
        name: name.parse().unwrap(),
        url: "http://192.0.2.1/".to_owned(),
        events: WebhookEvent::ALL.to_vec(),
        enabled: true,
        secret: Secret::new("whsec_test"),
        by: UserId::generate(),
        created_at: made,
        updated_at: made,
    }
}

/// A folder that goes away with the value, and with it the file of its database; a schema stays as long as its server.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    /// Where the schemas of all tests are.
    server: Option<String>,
}

impl Scratch {
    /// Makes one.
    pub fn new() -> Self {
        let server = std::env::var("CARILLON_TEST_DATABASE").ok().filter(|server| !server.is_empty());
        let scratch = Self::of(server);
        scratch.tell_server("CREATE SCHEMA");
        scratch
    }

    /// One for what only SQLite knows, such as files.
    pub fn of_sqlite() -> Self {
        Self::of(None)
    }

    fn of(server: Option<String>) -> Self {
        let folder = std::env::temp_dir().join(format!("carillon-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder, server }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The database of this folder.
    pub fn database(&self) -> Database {
        let Some(server) = &self.server else { return Database::Sqlite(self.folder.join("data/carillon.db")) };
        let mark = if server.contains('?') { '&' } else { '?' };
        Database::Postgres(Secret::new(format!("{server}{mark}options=-csearch_path%3D{}", self.schema())))
    }

    /// A connection to it; the file of SQLite must be there.
    pub fn connection(&self) -> Connection {
        pool::establish(&self.database()).unwrap()
    }

    /// Says something to the database beside all stores.
    pub fn say(&self, statement: &str) {
        self.connection().batch_execute(statement).unwrap();
    }

    /// Opens (again) the database of this folder.
    pub fn store(&self) -> Store {
        self.store_that_waits(Options::default().busy_timeout)
    }

    /// Opens the database of this folder; its writes fail that find it locked for so long.
    pub fn store_that_waits(&self, busy_timeout: Duration) -> Store {
        Store::open(self.database(), &Options { readers: 2, busy_timeout, ..Options::default() }).unwrap()
    }

    /// Keeps all others from writing as long as the value lives.
    pub fn lock(&self) -> Lock {
        let mut conn = self.connection();
        let lock = match conn {
            Connection::Sqlite(_) => "BEGIN IMMEDIATE",
            Connection::Postgres(_) => "BEGIN; SELECT pg_advisory_xact_lock(1, hashtext(current_schema()))",
        };
        conn.batch_execute(lock).unwrap();
        Lock(conn)
    }

    fn schema(&self) -> String {
        self.folder.file_name().unwrap().to_str().unwrap().replace('-', "_")
    }

    fn tell_server(&self, what: &str) {
        let Some(server) = &self.server else { return };
        let mut conn = pool::establish(&Database::Postgres(Secret::new(server))).unwrap();
        conn.batch_execute(&format!("{what} {}", self.schema())).unwrap();
    }
}

/// Does some work and counts the statements of it.
pub fn counting<T>(conn: &mut Connection, work: impl FnOnce(&mut Connection) -> T) -> (T, usize) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    let done = work(conn);
    conn.set_instrumentation(|_: InstrumentationEvent<'_>| {});
    (done, count.load(Ordering::Relaxed))
}

/// A database locked by somebody else.
pub struct Lock(#[expect(dead_code, reason = "held for what its drop does")] Connection);

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
