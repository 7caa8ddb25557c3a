//! Brings a database up to this version, and refuses one that is ahead of it.

use std::collections::BTreeSet;

use diesel::migration::{Migration, MigrationSource};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Connection, StoreError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

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
    let known: BTreeSet<String> = known()?;
    let applied = conn.applied_migrations().map_err(|error| failed(&*error))?;
    let unknown = applied.iter().map(ToString::to_string).filter(|version| !known.contains(version)).max();
    let Some(found) = unknown else { return Ok(()) };
    Err(StoreError::Newer { found, known: known.into_iter().next_back().unwrap_or_default() })
}

fn known() -> Result<BTreeSet<String>, StoreError> {
    let migrations: Vec<Box<dyn Migration<Sqlite>>> = MIGRATIONS.migrations().map_err(|error| failed(&*error))?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

fn failed(error: &(dyn std::error::Error + 'static)) -> StoreError {
    StoreError::from_message(&error.to_string())
}

#[cfg(test)]
mod tests {
    use diesel::{Connection as _, RunQueryDsl, SqliteConnection, sql_query};

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
}
