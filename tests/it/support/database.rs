//! The database of a hub under test: a file of SQLite in its data folder, or a schema of the PostgreSQL that
//! `CARILLON_TEST_DATABASE` names.

use std::path::Path;

use carillon::config::{Database, Secret};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};

/// What the names of folders begin with whose database is SQLite's whatever else is tested.
pub const SQLITE: &str = "sqlite-";

/// The database of a data folder, which has one of its own.
pub fn database_of(data: &Path) -> Database {
    url_of(data).map_or_else(|| Database::Sqlite(data.join("carillon.db")), |url| Database::Postgres(Secret::new(url)))
}

/// The address of the database of a data folder; none for SQLite.
pub fn url_of(data: &Path) -> Option<String> {
    let server = std::env::var("CARILLON_TEST_DATABASE").ok().filter(|server| !server.is_empty())?;
    let schema = data.file_name().and_then(|name| name.to_str()).expect("a folder has a name");
    if schema.starts_with(SQLITE) {
        return None;
    }
    let schema = schema.replace('-', "_");
    let mut conn = PgConnection::establish(&server).expect("the server of CARILLON_TEST_DATABASE answers");
    let made = format!("SET client_min_messages = warning; CREATE SCHEMA IF NOT EXISTS {schema}");
    conn.batch_execute(&made).expect("a schema can be made");
    let mark = if server.contains('?') { '&' } else { '?' };
    Some(format!("{server}{mark}options=-csearch_path%3D{schema}"))
}

/// A connection of somebody else to the database of a hub.
pub enum Intruder {
    /// To its file.
    Sqlite(SqliteConnection),
    /// To its server.
    Postgres(PgConnection),
}

impl Intruder {
    /// Opens one; the database must be there.
    pub fn of(data: &Path) -> Self {
        match database_of(data) {
            Database::Sqlite(file) => {
                let conn = SqliteConnection::establish(&file.display().to_string());
                Self::Sqlite(conn.expect("the file is there"))
            }
            Database::Postgres(url) => {
                Self::Postgres(PgConnection::establish(url.expose()).expect("the server is there"))
            }
        }
    }

    /// Says something that both databases understand.
    pub fn say(&mut self, statements: &str) {
        match self {
            Self::Sqlite(conn) => conn.batch_execute(statements),
            Self::Postgres(conn) => conn.batch_execute(statements),
        }
        .expect("the database does as told");
    }

    /// Keeps the hub from writing until [`Intruder::give_back`].
    pub fn lock(&mut self) {
        match self {
            Self::Sqlite(_) => self.say("PRAGMA busy_timeout = 30000; BEGIN EXCLUSIVE"),
            Self::Postgres(_) => self.say("BEGIN; SELECT pg_advisory_xact_lock(1, hashtext(current_schema()))"),
        }
    }

    /// Lets the hub write again.
    pub fn give_back(&mut self) {
        self.say("ROLLBACK");
    }
}
