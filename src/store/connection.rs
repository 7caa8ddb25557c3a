//! What a table's file works with: a connection to either database, and transactions on it.
//!
//! Plain queries are written once. What the two databases say differently (several rows at once, `ON CONFLICT`) stands
//! side by side in the table's file: `match conn { Connection::Sqlite(conn) => …, Connection::Postgres(conn) => … }`.

use diesel::connection::{
    AnsiTransactionManager, TransactionDepthChange, TransactionManager, TransactionManagerStatus,
    ValidTransactionManagerStatus,
};
use diesel::dsl::sql;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};

use super::StoreError;
use super::either::EitherConnection;

/// What a table's file works with.
pub type Connection = EitherConnection;

/// What queries are built for when their type must be named.
pub type Backend = <Connection as diesel::Connection>::Backend;

/// Waits on PostgreSQL until no other transaction writes to the same database, as it is with SQLite: what is read from now
/// on stays true until this one ends. The sequence counts who has begun; [`super::Store::version_by_others`] reads it.
const TURN: &str =
    "SELECT pg_advisory_xact_lock(1, hashtext(current_schema()))::text, nextval('store_writes'), txid_current()";

/// What became of work in a transaction.
pub enum Done<T> {
    /// It is in the database.
    Surely(T),
    /// The connection was lost before the database said so; [`is_committed`] tells.
    Perhaps(T, TransactionId, StoreError),
}

/// The number of a transaction of PostgreSQL.
pub type TransactionId = i64;

/// Begins a transaction on PostgreSQL that sees nothing of what others do meanwhile, as with SQLite.
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Runs work in one transaction that writes; its error takes everything back and is answered as it is, for after a full
/// disk SQLite has rolled back already and would tell of that.
pub fn in_transaction<T>(
    conn: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<Done<T>, StoreError> {
    let id = begin(conn)?;
    match work(conn) {
        Ok(done) => match (commit(conn).map_err(StoreError::from), id) {
            (Ok(()), _) => Ok(Done::Surely(done)),
            (Err(error @ StoreError::Lost(_)), Some(id)) => Ok(Done::Perhaps(done, id, error)),
            (Err(error), _) => Err(error),
        },
        Err(error) => {
            // A connection that cannot even do this is not used again.
            let _ = Connection::rollback_transaction(conn);
            Err(error)
        }
    }
}

/// Runs work that only reads and sees the database as it is at one moment.
pub fn in_snapshot<T>(
    conn: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    match conn {
        Connection::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN")?,
        Connection::Postgres(conn) => AnsiTransactionManager::begin_transaction_sql(conn, BEGIN_SNAPSHOT)?,
    }
    let result = work(conn);
    // There is nothing to keep; a connection that cannot even do this is not used again.
    let _ = Connection::rollback_transaction(conn);
    result
}

fn begin(conn: &mut Connection) -> Result<Option<TransactionId>, StoreError> {
    match conn {
        Connection::Sqlite(conn) => {
            Begin.execute(conn)?;
            status_of(conn)?.change_transaction_depth(TransactionDepthChange::IncreaseDepth)?;
            Ok(None)
        }
        Connection::Postgres(conn) => {
            AnsiTransactionManager::begin_transaction(conn)?;
            let turn = sql::<(Text, BigInt, BigInt)>(TURN).get_result::<(String, i64, i64)>(conn);
            if turn.is_err() {
                // It has begun, and waited for its turn in vain.
                let _ = AnsiTransactionManager::rollback_transaction(conn);
            }
            Ok(Some(turn?.2))
        }
    }
}

fn commit(conn: &mut Connection) -> QueryResult<()> {
    match conn {
        Connection::Sqlite(conn) => {
            if let Err(error) = Commit.execute(conn) {
                // It may have rolled back by itself; a connection that cannot even do this is not used again.
                let _ = AnsiTransactionManager::rollback_transaction(conn);
                return Err(error);
            }
            status_of(conn)?.change_transaction_depth(TransactionDepthChange::DecreaseDepth)
        }
        Connection::Postgres(conn) => AnsiTransactionManager::commit_transaction(conn),
    }
}

/// What diesel believes of the transactions of a connection, which must hear of those that it has not begun or ended itself.
fn status_of(conn: &mut SqliteConnection) -> QueryResult<&mut ValidTransactionManagerStatus> {
    match AnsiTransactionManager::transaction_manager_status_mut(conn) {
        TransactionManagerStatus::Valid(status) => Ok(status),
        TransactionManagerStatus::InError => Err(diesel::result::Error::BrokenTransactionManager),
    }
}

/// Begins a transaction that writes: parsed once in a connection, where diesel's own words are parsed each time.
#[derive(QueryId)]
struct Begin;

impl QueryFragment<Sqlite> for Begin {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("BEGIN IMMEDIATE");
        Ok(())
    }
}

impl RunQueryDsl<SqliteConnection> for Begin {}

/// Ends it, parsed once too.
#[derive(QueryId)]
struct Commit;

impl QueryFragment<Sqlite> for Commit {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("COMMIT");
        Ok(())
    }
}

impl RunQueryDsl<SqliteConnection> for Commit {}

/// Whether a transaction of PostgreSQL was committed; none while it still runs.
pub fn is_committed(conn: &mut Connection, id: TransactionId) -> Result<Option<bool>, StoreError> {
    let status = sql::<Nullable<Text>>("SELECT txid_status(").bind::<BigInt, _>(id).sql(")");
    let status: Option<String> = status.get_result(conn)?;
    match status.as_deref() {
        Some("committed") => Ok(Some(true)),
        Some("aborted") => Ok(Some(false)),
        Some(_) => Ok(None),
        None => Err(StoreError::Unavailable(format!("it has forgotten the transaction `{id}`"))),
    }
}
