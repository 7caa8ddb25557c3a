//! A private database for each test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use super::{Options, Store};

/// A folder that goes away with the value.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one.
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("carillon-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Opens (again) the database of this folder.
    pub fn store(&self) -> Store {
        self.store_that_waits(Options::default().busy_timeout)
    }

    /// Opens the database of this folder; its writes fail that find it locked for so long.
    pub fn store_that_waits(&self, busy_timeout: Duration) -> Store {
        Store::open(&self.file(), &Options { readers: 2, busy_timeout, ..Options::default() }).unwrap()
    }

    /// Keeps all others from writing as long as the value lives.
    pub fn lock(&self) -> Lock {
        let mut conn = SqliteConnection::establish(self.file().to_str().unwrap()).unwrap();
        conn.batch_execute("BEGIN IMMEDIATE").unwrap();
        Lock(conn)
    }

    fn file(&self) -> PathBuf {
        self.0.join("data/carillon.db")
    }
}

/// A database locked by somebody else.
pub struct Lock(#[expect(dead_code, reason = "held for what its drop does")] SqliteConnection);

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
