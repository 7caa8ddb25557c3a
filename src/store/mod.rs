//! The database: the only place that knows the pools, and where blocking work leaves the actors' threads.
//!
//! One connection writes, several read at the same time (SQLite in WAL mode, or PostgreSQL). A table's file takes a
//! connection and is the only one that knows the table.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::dsl::sql;
use diesel::sql_types::{BigInt, Integer};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::config::Database;
use crate::domain::time::Timestamp;

pub mod alarm_rules;
pub mod alarms;
pub mod announcements;
pub mod audit;
pub mod backup;
pub mod chunks;
pub mod claims;
pub mod commands;
mod connection;
pub mod deliveries;
mod either;
mod error;
pub mod events;
pub mod expiry;
pub mod growth;
mod heartbeat;
pub mod latest;
pub mod logins;
pub mod migrate;
pub mod modules;
pub mod offer;
mod open;
pub mod order;
mod pool;
pub mod presence;
pub mod readings;
pub mod retention;
pub mod rollups;
pub mod runs;
pub mod schema;
pub mod series;
mod settle;
pub mod states;
pub mod stops;
#[cfg(test)]
pub mod testing;
pub mod twins;
pub mod users;
pub mod webhooks;

pub use connection::{Backend, Connection};
use connection::{Done, in_snapshot, in_transaction};
pub use error::StoreError;
pub use open::Options;
use pool::Connections;

/// How long a call waits for its turn before it fails with [`StoreError::Busy`].
const TURN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the disk is believed to take what is written after it did.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// The database; clones share it.
#[derive(Clone)]
pub struct Store {
    writer: Lane,
    readers: Lane,
    counters: Arc<Counters>,
    deliveries_left: Arc<Notify>,
    watcher: Option<Watcher>,
}

type Watcher = Arc<dyn Fn(StoreRun) + Send + Sync>;

/// One call that the store has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreRun {
    /// From the call to the answer.
    pub took: Duration,
    /// The database was held by somebody else, or all connections were in use, for too long.
    pub is_busy: bool,
    /// The database failed, see [`StoreError::is_emergency`].
    pub has_failed: bool,
}

/// A pool with as many turns as connections: who waits for a turn holds no thread.
#[derive(Clone)]
struct Lane {
    pool: Connections,
    turns: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    failures: AtomicU64,
    /// Transactions that have begun to write.
    begun: AtomicU64,
    /// When something was last written to see whether the disk takes it.
    written: Mutex<Option<Instant>>,
}

/// What the store has done since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreCounts {
    /// Calls of [`Store::read`].
    pub reads: u64,
    /// Calls of [`Store::write`].
    pub writes: u64,
    /// Calls that failed for a reason of the database, see [`StoreError::is_emergency`].
    pub failures: u64,
}

impl Store {
    /// Opens a database, makes the file of SQLite when missing, and applies migrations; blocks.
    ///
    /// New files and folders can be read by their owner only.
    ///
    /// # Errors
    /// [`StoreError::Newer`] for a database of a newer version, [`StoreError::InUse`] for one that another hub works on;
    /// otherwise why it cannot be opened.
    pub fn open(database: impl Into<Database>, options: &Options) -> Result<Self, StoreError> {
        let database = database.into();
        open::prepare(&database, options)?;
        Ok(Self {
            writer: Lane::of(open::writer(&database, options)?),
            readers: Lane::of(open::readers(&database, options)?),
            counters: Arc::default(),
            deliveries_left: Arc::default(),
            watcher: None,
        })
    }

    /// The same store, telling of every call that it has answered.
    #[must_use]
    pub fn watched_by(self, watcher: impl Fn(StoreRun) + Send + Sync + 'static) -> Self {
        Self { watcher: Some(Arc::new(watcher)), ..self }
    }

    /// Runs a closure that only reads, on a blocking thread.
    ///
    /// # Errors
    /// What the closure answers; [`StoreError::Busy`] when no connection became free in time.
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.counters.reads.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let result = self.readers.run(work).await;
        self.counted(started, result)
    }

    /// Runs a closure that only reads and sees the database as it is at one moment, on a blocking thread.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn snapshot<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.read(|conn| in_snapshot(conn, work)).await
    }

    /// Runs a closure in one transaction that writes, on a blocking thread; an error takes everything back.
    ///
    /// # Errors
    /// What the closure answers; [`StoreError::Busy`] when the writer did not become free in time.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let started = Instant::now();
        let result = match self.in_transaction(|conn| webhooks::noticing(conn, work)).await {
            Ok(Done::Surely(done)) => Ok(done),
            Ok(Done::Perhaps(done, id, error)) => self.settled(id, error).await.map(|()| done),
            Err(error) => Err(error),
        };
        let result = result.map(|(done, has_deliveries)| {
            if has_deliveries {
                self.deliveries_left.notify_one();
            }
            done
        });
        self.counted(started, result)
    }

    /// Waits until a transaction has left something to do for whoever delivers to webhooks; one may wait at a time.
    pub async fn deliveries_left(&self) {
        self.deliveries_left.notified().await;
    }

    async fn in_transaction<T, F>(&self, work: F) -> Result<Done<T>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.counters.writes.fetch_add(1, Ordering::Relaxed);
        let begun = Arc::clone(&self.counters);
        let work = move |conn: &mut Connection| {
            begun.begun.fetch_add(1, Ordering::Relaxed);
            work(conn)
        };
        self.writer.run(|conn| in_transaction(conn, work)).await
    }

    /// A number that changes when another process has written to the database, and never by what this store writes.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the writer did not become free in time; why the database does not answer.
    pub async fn version_by_others(&self) -> Result<i64, StoreError> {
        let own = Arc::clone(&self.counters);
        // Asked of the writer: only its number leaves out the hub's own commits.
        let asking = move |conn: &mut Connection| match conn {
            Connection::Sqlite(conn) => Ok(sql::<Integer>("PRAGMA data_version").get_result::<i32>(conn)?.into()),
            // In a transaction that writes: when it has begun, all that others had begun is done.
            Connection::Postgres(_) => {
                let done = in_transaction(conn, |conn| {
                    let own = own.begun.fetch_add(1, Ordering::Relaxed) + 1;
                    let all: i64 = sql::<BigInt>("SELECT last_value FROM store_writes").get_result(conn)?;
                    Ok(all - i64::try_from(own).unwrap_or_default())
                });
                // It changed nothing, so that it makes no difference whether it ended well.
                let (Done::Surely(version) | Done::Perhaps(version, ..)) = done?;
                Ok(version)
            }
        };
        self.writer.run(asking).await
    }

    /// Makes sure that the database answers and that the disk takes what is written, which is tried at most once a second.
    ///
    /// # Errors
    /// Why not.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.read(|conn| users::count(conn).map(drop)).await?;
        let written = || self.counters.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written().is_some_and(|written| written.elapsed() < PROBE_INTERVAL) {
            return Ok(());
        }
        self.write(|conn| heartbeat::beat(conn, Timestamp::now())).await?;
        *written() = Some(Instant::now());
        Ok(())
    }

    /// How many connections read at the same time.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.readers.pool.max_size() as usize
    }

    /// What has been done since the start.
    #[must_use]
    pub fn counts(&self) -> StoreCounts {
        StoreCounts {
            reads: self.counters.reads.load(Ordering::Relaxed),
            writes: self.counters.writes.load(Ordering::Relaxed),
            failures: self.counters.failures.load(Ordering::Relaxed),
        }
    }

    fn counted<T>(&self, started: Instant, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let has_failed = result.as_ref().is_err_and(StoreError::is_emergency);
        if has_failed {
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(watcher) = &self.watcher {
            let is_busy = matches!(result, Err(StoreError::Busy));
            watcher(StoreRun { took: started.elapsed(), is_busy, has_failed });
        }
        result
    }
}

impl Lane {
    fn of(pool: Connections) -> Self {
        let turns = Arc::new(Semaphore::new(pool.max_size() as usize));
        Self { pool, turns }
    }

    async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = self.turn().await?;
        let pool = self.pool.clone();
        let job = tokio::task::spawn_blocking(move || {
            let result = pool.get().map_err(|error| StoreError::from_pool(&error)).and_then(|mut pooled| {
                let result = work(&mut pooled.conn);
                pooled.used(&result);
                result
            });
            // Held until here also when the caller has gone: the connection is busy as long as the work runs.
            drop(turn);
            result
        });
        job.await.unwrap_or_else(|error| Err(StoreError::BrokenOff(error.to_string())))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let turn = tokio::time::timeout(TURN_TIMEOUT, self.turns.clone().acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or(StoreError::Busy)
    }
}

#[cfg(test)]
mod lost_answer_tests;
#[cfg(test)]
mod tests;
