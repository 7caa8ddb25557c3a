//! What a table's file works with: a connection to either database, and transactions on it.
//!
//! Plain queries are written once. What the two databases say differently (several rows at once, `ON CONFLICT`) stands
//! side by side in the table's file: `match conn { Connection::Sqlite(conn) => …, Connection::Postgres(conn) => … }`.

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};

use super::StoreError;
use super::either::EitherConnection;

/// What a table's file works with.
pub type Connection = EitherConnection;

/// What queries are built for when their type must be named.
pub type Backend = <Connection as diesel::Connection>::Backend;

/// Begins a transaction on PostgreSQL that no other one of the same database writes beside, as with SQLite: what is read
/// in it stays true until it ends. The sequence counts who has begun; [`super::Store::version_by_others`] reads it.
const BEGIN: &str =
    "BEGIN; SELECT pg_advisory_xact_lock(1, hashtext(current_schema())); SELECT nextval('store_writes')";

/// Runs work in one transaction that writes; its error takes everything back and is answered as it is, for after a full
/// disk SQLite has rolled back already and would tell of that.
pub fn in_transaction<T>(
    conn: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    begin(conn)?;
    match work(conn) {
        Ok(done) => {
            Connection::commit_transaction(conn)?;
            Ok(done)
        }
        Err(error) => {
            // A connection that cannot even do this is not used again.
            let _ = Connection::rollback_transaction(conn);
            Err(error)
        }
    }
}

fn begin(conn: &mut Connection) -> Result<(), StoreError> {
    match conn {
        Connection::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")?,
        Connection::Postgres(conn) => {
            if let Err(error) = AnsiTransactionManager::begin_transaction_sql(conn, BEGIN) {
                // It has begun, and waited for its turn in vain.
                let _ = conn.batch_execute("ROLLBACK");
                return Err(error.into());
            }
        }
    }
    Ok(())
}
