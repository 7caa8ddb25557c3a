//! Brings a database up to this version, and refuses one that is ahead of it.

use std::collections::BTreeSet;
use std::path::Path;

use diesel::migration::{Migration, MigrationSource};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Connection, Options, StoreError, open};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// A migration this version knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Its time and what it does.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// Makes the database of a file when missing and applies what it lacks; answers the versions applied now. Blocks.
///
/// # Errors
/// [`StoreError::Newer`] for a database of a newer version; otherwise why it cannot be opened.
pub fn bring_up(file: &Path, options: &Options) -> Result<Vec<String>, StoreError> {
    open::prepare(file, options)
}

/// The migrations this version knows, oldest first, and which of them the database of a file has. Changes nothing; blocks.
///
/// # Errors
/// [`StoreError::Newer`] for a database of a newer version; otherwise why it cannot be read.
pub fn status(file: &Path, options: &Options) -> Result<Vec<MigrationState>, StoreError> {
    let pending = match open::to_look(file, options)? {
        Some(mut conn) => pending(&mut conn)?,
        None => known()?.into_iter().map(|(version, _)| version).collect(),
    };
    let state = |(version, name)| MigrationState { name, applied: !pending.contains(&version) };
    Ok(known()?.into_iter().map(state).collect())
}

/// Applies what is missing; answers the versions applied now.
///
/// # Errors
/// [`StoreError::Newer`] when the database has a migration this version does not know.
pub fn apply(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    refuse_newer(conn)?;
    let applied = conn.run_pending_migrations(MIGRATIONS).map_err(|error| failed(&*error))?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// The versions this hub knows and the database does not have yet.
///
/// # Errors
/// [`StoreError::Newer`] when the database has a migration this version does not know.
pub fn pending(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    refuse_newer(conn)?;
    let pending = conn.pending_migrations(MIGRATIONS).map_err(|error| failed(&*error))?;
    Ok(pending.iter().map(|migration| migration.name().version().to_string()).collect())
}

fn refuse_newer(conn: &mut Connection) -> Result<(), StoreError> {
    let known: BTreeSet<String> = known()?.into_iter().map(|(version, _)| version).collect();
    let applied = conn.applied_migrations().map_err(|error| failed(&*error))?;
    let unknown = applied.iter().map(ToString::to_string).filter(|version| !known.contains(version)).max();
    let Some(found) = unknown else { return Ok(()) };
    Err(StoreError::Newer { found, known: known.into_iter().next_back().unwrap_or_default() })
}

/// Versions and names, oldest first.
fn known() -> Result<Vec<(String, String)>, StoreError> {
    let migrations: Vec<Box<dyn Migration<Sqlite>>> = MIGRATIONS.migrations().map_err(|error| failed(&*error))?;
    let mut known: Vec<_> = migrations
        .iter()
        .map(|migration| (migration.name().version().to_string(), migration.name().to_string()))
        .collect();
    known.sort();
    Ok(known)
}

fn failed(error: &(dyn std::error::Error + 'static)) -> StoreError {
    StoreError::from_message(&error.to_string())
}

#[cfg(test)]
mod tests {
    use diesel::{Connection as _, RunQueryDsl, SqliteConnection, sql_query};

    use super::super::testing::Scratch;
    use super::*;

    #[test]
    fn a_database_is_brought_up_to_date_once() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        let missing = pending(&mut conn).unwrap();
        assert_eq!(apply(&mut conn).unwrap(), missing);
        assert!(apply(&mut conn).unwrap().is_empty());
    }

    #[test]
    fn a_newer_database_is_refused_with_both_versions() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        apply(&mut conn).unwrap();
        sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')")
            .execute(&mut conn)
            .unwrap();

        let Err(StoreError::Newer { found, known }) = apply(&mut conn) else { panic!("it must be refused") };

        assert_eq!(found, "29991231000000");
        assert!(known < found);
    }

    #[test]
    fn every_migration_can_be_taken_back() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        apply(&mut conn).unwrap();
        conn.revert_all_migrations(MIGRATIONS).unwrap();
        apply(&mut conn).unwrap();
    }

    #[test]
    fn the_status_is_told_without_touching_anything() {
        let scratch = Scratch::new();
        let file = scratch.path().join("carillon.db");
        let options = Options::default();
        assert!(status(&file, &options).unwrap().iter().all(|migration| !migration.applied));
        assert!(!file.exists());

        let applied = bring_up(&file, &options).unwrap();

        let after = status(&file, &options).unwrap();
        assert_eq!((after.len(), after.iter().all(|migration| migration.applied)), (applied.len(), true));
        assert_eq!(after[0].name, "2026-11-01-000000_accounts_and_modules");
    }
}
