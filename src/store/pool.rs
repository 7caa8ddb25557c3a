//! How connections are made and kept.

use std::fmt;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::r2d2::{ManageConnection, Pool, R2D2Connection};
use diesel::{Connection as _, PgConnection, SqliteConnection};

use super::{Connection, StoreError, open};
use crate::config::Database;

/// The connections of one kind.
pub type Connections = Pool<Manager>;

/// For how long after its use a connection is believed to live; asking each time would double the work.
const FRESH: Duration = Duration::from_millis(500);

/// Makes connections to a database and sets each up.
pub struct Manager {
    database: Database,
    /// What every new connection is told first.
    setup: String,
}

/// A connection of a pool.
pub struct Pooled {
    /// The connection.
    pub conn: Connection,
    used_at: Instant,
    is_lost: bool,
}

impl Manager {
    /// A manager whose connections begin with these statements.
    pub const fn new(database: Database, setup: String) -> Self {
        Self { database, setup }
    }
}

impl Pooled {
    /// Notes how work with it ended: one that was lost is not used again.
    pub fn used<T>(&mut self, result: &Result<T, StoreError>) {
        self.used_at = Instant::now();
        self.is_lost = matches!(result, Err(StoreError::Lost(_)));
    }
}

impl ManageConnection for Manager {
    type Connection = Pooled;
    type Error = StoreError;

    fn connect(&self) -> Result<Pooled, StoreError> {
        let mut conn = establish(&self.database)?;
        conn.batch_execute(&self.setup)?;
        Ok(Pooled { conn, used_at: Instant::now(), is_lost: false })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), StoreError> {
        match &mut pooled.conn {
            // A file does not go away between two calls.
            Connection::Sqlite(_) => Ok(()),
            Connection::Postgres(_) if pooled.used_at.elapsed() < FRESH => Ok(()),
            Connection::Postgres(conn) => Ok(conn.ping()?),
        }
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        std::thread::panicking() || pooled.is_lost || pooled.conn.is_broken()
    }
}

/// Opens one connection.
pub fn establish(database: &Database) -> Result<Connection, StoreError> {
    match database {
        Database::Sqlite(file) => Ok(Connection::Sqlite(SqliteConnection::establish(&open::address(file))?)),
        Database::Postgres(url) => {
            let made = PgConnection::establish(&open::with_time_limits(url.expose()));
            let made = made.map_err(|error| open::without_secrets(&error.to_string(), url.expose()));
            Ok(Connection::Postgres(made.map_err(StoreError::Unavailable)?))
        }
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager").field("database", &self.database).finish_non_exhaustive()
    }
}
