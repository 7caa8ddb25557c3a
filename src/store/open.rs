//! How the database's file and connections are made.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Error as PoolError, Pool};
use diesel::{Connection as _, RunQueryDsl, SqliteConnection};

use super::{Connection, Connections, StoreError, migrate};
use crate::config::{Store as StoreConfig, Synchronous, make_private_folder};

/// How long a new connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How the database is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Connections that read at the same time.
    pub readers: u32,
    /// How long a statement waits for a lock of another process.
    pub busy_timeout: Duration,
    /// Whether each commit waits for the disk.
    pub synchronous: Synchronous,
}

impl From<&StoreConfig> for Options {
    fn from(config: &StoreConfig) -> Self {
        Self { readers: config.readers, busy_timeout: config.busy_timeout, synchronous: config.synchronous }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::from(&StoreConfig::default())
    }
}

/// Makes the file when missing and brings it up to date; answers the migrations applied now.
pub fn prepare(file: &Path, options: &Options) -> Result<Vec<String>, StoreError> {
    make_file(file).map_err(|error| {
        let path = file.display();
        if error.kind() == ErrorKind::PermissionDenied {
            return StoreError::Unavailable(format!("`{path}` cannot be made or opened: permission denied"));
        }
        StoreError::Unavailable(format!("`{path}` cannot be made or opened: {error}"))
    })?;
    let mut conn = SqliteConnection::establish(&address(file))?;
    conn.batch_execute(&Setup::writer(options).pragmas)?;
    conn.batch_execute("PRAGMA journal_mode = WAL;")?;
    migrate::apply(&mut conn)
}

/// A connection that only looks, unless there is nothing to look at: no file, or no migration ever applied to it.
pub fn to_look(file: &Path, options: &Options) -> Result<Option<Connection>, StoreError> {
    if !file.exists() {
        return Ok(None);
    }
    let mut conn = SqliteConnection::establish(&address(file))?;
    conn.batch_execute(&Setup::reader(options).pragmas)?;
    let counting = "SELECT count(*) FROM sqlite_master WHERE name = '__diesel_schema_migrations'";
    let tables: i64 = diesel::dsl::sql::<diesel::sql_types::BigInt>(counting).get_result(&mut conn)?;
    Ok((tables > 0).then_some(conn))
}

/// The pool of the one connection that writes.
pub fn writer(file: &Path, options: &Options) -> Result<Connections, StoreError> {
    pool(file, 1, Setup::writer(options))
}

/// The pool of the connections that read.
pub fn readers(file: &Path, options: &Options) -> Result<Connections, StoreError> {
    pool(file, options.readers, Setup::reader(options))
}

fn pool(file: &Path, size: u32, setup: Setup) -> Result<Connections, StoreError> {
    Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        // A local file does not go away between two calls; asking each time would double the work.
        .test_on_check_out(false)
        .connection_timeout(CONNECT_TIMEOUT)
        .connection_customizer(Box::new(setup))
        .build(ConnectionManager::new(address(file)))
        .map_err(|error| StoreError::from_message(&error.to_string()))
}

fn make_file(file: &Path) -> std::io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_private_folder(folder)?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// A path that starts with `file:` would be read as an URI; `./` keeps it a path.
fn address(file: &Path) -> String {
    let path = file.display().to_string();
    if path.starts_with("file:") || path.starts_with(':') { format!("./{path}") } else { path }
}

/// What every new connection is told first.
#[derive(Debug)]
struct Setup {
    pragmas: String,
}

impl Setup {
    fn writer(options: &Options) -> Self {
        let synchronous = match options.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        let busy_timeout = options.busy_timeout.as_millis();
        Self {
            pragmas: format!(
                "PRAGMA busy_timeout = {busy_timeout}; PRAGMA foreign_keys = ON; PRAGMA synchronous = {synchronous};
                 PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;"
            ),
        }
    }

    fn reader(options: &Options) -> Self {
        let pragmas = Self::writer(options).pragmas + " PRAGMA query_only = ON;";
        Self { pragmas }
    }
}

impl CustomizeConnection<SqliteConnection, PoolError> for Setup {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), PoolError> {
        conn.batch_execute(&self.pragmas).map_err(PoolError::QueryError)
    }
}
