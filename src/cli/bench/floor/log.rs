//! What the bare server does with what it has read, where it stores it.

use std::{
    iter,
    path::Path,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use actix_web::web::Bytes;
use diesel::{
    Connection, QueryResult, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query, sql_types::Text,
};
use tokio::sync::oneshot;

use crate::cli::CliError;

/// As durable as the hub's own database is unless told otherwise.
const SETUP: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE readings (id INTEGER PRIMARY KEY, module TEXT NOT NULL, body TEXT NOT NULL) STRICT;";
const INSERT: &str = "INSERT INTO readings (module, body) VALUES (?, ?)";
/// Requests that share a commit at most.
const TOGETHER: usize = 1000;

/// A table that requests are written to as they came, by a thread that commits all that waits at once.
#[derive(Debug, Clone)]
pub struct Log(Sender<Entry>);

/// A request, and who waits for its commit.
#[derive(Debug)]
struct Entry {
    module: String,
    body: Bytes,
    committed: oneshot::Sender<()>,
}

impl Log {
    /// Makes the table in a folder.
    ///
    /// # Errors
    /// [`CliError`] when there can be none.
    pub fn open(folder: &Path) -> Result<Self, CliError> {
        let file = folder.join("floor.db");
        let cannot = |error: String| CliError::Failed(format!("cannot store in `{}`: {error}", file.display()));
        let mut conn =
            SqliteConnection::establish(&file.display().to_string()).map_err(|error| cannot(error.to_string()))?;
        conn.batch_execute(SETUP).map_err(|error| cannot(error.to_string()))?;
        let (log, entries) = channel();
        let writing = thread::Builder::new().name("log".to_owned()).spawn(move || write(&mut conn, &entries));
        writing.map_err(CliError::io("cannot start the thread that writes"))?;

        Ok(Self(log))
    }

    /// Whether a request has been committed.
    pub async fn store(&self, module: String, body: Bytes) -> bool {
        let (committed, commit) = oneshot::channel();
        // A thread that has ended commits nothing.
        let _ = self.0.send(Entry { module, body, committed });

        commit.await.is_ok()
    }
}

fn write(conn: &mut SqliteConnection, entries: &Receiver<Entry>) {
    while let Ok(first) = entries.recv() {
        let batch: Vec<_> = iter::once(first).chain(entries.try_iter().take(TOGETHER - 1)).collect();
        if let Err(error) = conn.transaction(|conn| batch.iter().try_for_each(|entry| insert(conn, entry))) {
            return tracing::error!(%error, "the floor cannot store any more");
        }
        for entry in batch {
            // Who asked may be gone.
            let _ = entry.committed.send(());
        }
    }
}

fn insert(conn: &mut SqliteConnection, entry: &Entry) -> QueryResult<()> {
    let body = str::from_utf8(&entry.body).unwrap_or_default();
    sql_query(INSERT).bind::<Text, _>(&entry.module).bind::<Text, _>(body).execute(conn).map(drop)
}
