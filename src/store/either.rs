//! A connection to one of two databases; alone in its file, for what its derive writes is at odds with other names.

use diesel::{MultiConnection, PgConnection, SqliteConnection};

/// A connection to one of the databases.
#[derive(MultiConnection)]
pub enum EitherConnection {
    /// To the file of the built-in one.
    Sqlite(SqliteConnection),
    /// To a server.
    Postgres(PgConnection),
}
