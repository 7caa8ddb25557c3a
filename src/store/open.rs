//! How the database's file and connections are made, and what each connection is told first.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::r2d2::Pool;

use super::pool::{self, Connections, Manager};
use super::{Connection, StoreError, migrate};
use crate::config::{Database, Store as StoreConfig, Synchronous, make_private_folder};

/// So many connections read at least: one is free for others while the history is read.
const READERS_MIN: u32 = 2;

/// How long a call waits for a new connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long one statement may take on a server.
const LONGEST_STATEMENT: Duration = Duration::from_secs(60);

/// Of libpq: seconds for a connection, seconds and milliseconds after which silence means that the server has gone.
const POSTGRES_LIMITS: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("tcp_user_timeout", "10000"),
    ("application_name", "carillon"),
];

/// How the database is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Connections that read at the same time; at least two are made.
    pub readers: u32,
    /// How long a statement waits for a lock of another process.
    pub busy_timeout: Duration,
    /// Whether each commit waits for the disk.
    pub synchronous: Synchronous,
    /// Whether a hub is to work on it: no two hubs can on PostgreSQL; of a folder with SQLite that is the hub's own care.
    pub is_hub: bool,
}

impl From<&StoreConfig> for Options {
    fn from(config: &StoreConfig) -> Self {
        Self {
            readers: config.readers,
            busy_timeout: config.busy_timeout,
            synchronous: config.synchronous,
            is_hub: false,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::from(&StoreConfig::default())
    }
}

/// Makes an SQLite file when missing and brings the database up to date; answers the migrations applied now.
pub fn prepare(database: &Database, options: &Options) -> Result<Vec<String>, StoreError> {
    if let Database::Sqlite(file) = database {
        make_file(file).map_err(|error| {
            let path = file.display();
            if error.kind() == ErrorKind::PermissionDenied {
                return StoreError::Unavailable(format!("`{path}` cannot be made or opened: permission denied"));
            }
            StoreError::Unavailable(format!("`{path}` cannot be made or opened: {error}"))
        })?;
    }
    let mut conn = pool::establish(database)?;
    match &mut conn {
        Connection::Sqlite(conn) => {
            conn.batch_execute(&sqlite_setup(options))?;
            conn.batch_execute("PRAGMA journal_mode = WAL;")?;
        }
        // Somebody else may be at it; the lock ends with the connection.
        Connection::Postgres(conn) => {
            conn.batch_execute("SELECT pg_advisory_lock(3, hashtext(current_schema()))")?;
        }
    }
    migrate::apply(&mut conn)
}

/// A connection that only looks, unless there is nothing to look at: no file, or no migration ever applied to it.
pub fn to_look(database: &Database, options: &Options) -> Result<Option<Connection>, StoreError> {
    if matches!(database, Database::Sqlite(file) if !file.exists()) {
        return Ok(None);
    }
    let mut conn = pool::establish(database)?;
    let counting = match &mut conn {
        Connection::Sqlite(conn) => {
            conn.batch_execute(&(sqlite_setup(options) + SQLITE_READER))?;
            "SELECT count(*) FROM sqlite_master WHERE name = '__diesel_schema_migrations'"
        }
        Connection::Postgres(_) => "SELECT count(to_regclass('__diesel_schema_migrations'))",
    };
    let tables: i64 = diesel::dsl::sql::<diesel::sql_types::BigInt>(counting).get_result(&mut conn)?;
    Ok((tables > 0).then_some(conn))
}

/// The pool of the one connection that writes.
pub fn writer(database: &Database, options: &Options) -> Result<Connections, StoreError> {
    let setup = match database {
        Database::Sqlite(_) => sqlite_setup(options),
        Database::Postgres(_) if options.is_hub => postgres_setup(options) + POSTGRES_HUB,
        Database::Postgres(_) => postgres_setup(options),
    };
    pool(database, 1, setup)
}

/// The pool of the connections that read.
pub fn readers(database: &Database, options: &Options) -> Result<Connections, StoreError> {
    let setup = match database {
        Database::Sqlite(_) => sqlite_setup(options) + SQLITE_READER,
        Database::Postgres(_) => postgres_setup(options) + POSTGRES_READER,
    };
    pool(database, options.readers.max(READERS_MIN), setup)
}

fn pool(database: &Database, size: u32, setup: String) -> Result<Connections, StoreError> {
    Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        .max_lifetime(None)
        .connection_timeout(CONNECT_TIMEOUT)
        .build(Manager::new(database.clone(), setup))
        .map_err(|error| StoreError::from_pool(&error))
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
pub fn address(file: &Path) -> String {
    let path = file.display().to_string();
    if path.starts_with("file:") || path.starts_with(':') { format!("./{path}") } else { path }
}

const SQLITE_READER: &str = " PRAGMA query_only = ON;";

fn sqlite_setup(options: &Options) -> String {
    let synchronous = match options.synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
    };
    let busy_timeout = options.busy_timeout.as_millis();
    format!(
        "PRAGMA busy_timeout = {busy_timeout}; PRAGMA foreign_keys = ON; PRAGMA synchronous = {synchronous};
         PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;"
    )
}

const POSTGRES_READER: &str = " SET default_transaction_read_only = on;";

/// Says that a hub is at work on the database for as long as the connection lasts, or fails because another one is.
const POSTGRES_HUB: &str = " DO $$ BEGIN
    IF NOT pg_try_advisory_lock(2, hashtext(current_schema())) THEN
        RAISE EXCEPTION 'another hub uses this database' USING ERRCODE = 'lock_not_available';
    END IF;
END $$;";

fn postgres_setup(options: &Options) -> String {
    let synchronous = match options.synchronous {
        Synchronous::Full => "on",
        Synchronous::Normal => "off",
    };
    let busy_timeout = options.busy_timeout.as_millis();
    let longest = LONGEST_STATEMENT.as_millis();
    format!(
        "SET lock_timeout = {busy_timeout}; SET statement_timeout = {longest}; SET synchronous_commit = {synchronous};
         SET idle_in_transaction_session_timeout = {longest};"
    )
}

/// An address with what notices a server that has gone without a word, unless the address itself says otherwise.
pub fn with_time_limits(url: &str) -> String {
    let mut limited = url.to_owned();
    for (key, value) in POSTGRES_LIMITS {
        if !url.contains(&format!("{key}=")) {
            limited += if limited.contains('?') { "&" } else { "?" };
            limited += &format!("{key}={value}");
        }
    }
    limited
}

/// What libpq says of an address, without the address and its password, some of which it quotes where it does not
/// understand it.
pub fn without_secrets(message: &str, url: &str) -> String {
    if is_understood(message, url) {
        return message.trim_end().to_owned();
    }
    let user = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(user, _)| user);
    let password = user.and_then(|user| user.split_once(':')).map(|(_, password)| password);
    let parameter = url.split_once("password=").and_then(|(_, rest)| rest.split('&').next());
    let secrets = [Some(url), user, password, parameter].into_iter().flatten().filter(|secret| !secret.is_empty());
    if secrets.into_iter().any(|secret| message.contains(secret)) {
        return "the address in `store.url` cannot be understood; escape what is special in user and password"
            .to_owned();
    }
    message.trim_end().to_owned()
}

/// Whether libpq got as far as the host that is meant: it quotes nothing secret then, though a password may be a word of what
/// it says.
fn is_understood(message: &str, url: &str) -> bool {
    let host = url.rsplit_once('@').and_then(|(_, rest)| rest.split([':', '/', '?']).next());
    host.is_some_and(|host| !host.is_empty() && message.starts_with(&format!("connection to server at \"{host}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hinders_a_connection_is_told_though_the_password_is_a_word_of_it() {
        let refused = "connection to server at \"db.example.org\" (10.0.0.1), port 5432 failed: Connection refused\n";
        let url = "postgres://server:server@db.example.org:5432/carillon";
        assert_eq!(without_secrets(refused, url), refused.trim_end());
        for (message, url) in [
            ("invalid percent-encoded token: \"pa%ss\"", "postgres://me:pa%ss@db.example.org/carillon"),
            ("connection to server at \"pa\" failed", "postgres://me:pa@db.example.org/carillon"),
        ] {
            let told = without_secrets(message, url);
            assert!(told.contains("cannot be understood") && !told.contains("pa%ss"), "{told}");
        }
    }
}
