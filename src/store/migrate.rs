//! Brings a database up to this version, and refuses one that is ahead of it.

use std::collections::BTreeSet;

use diesel::migration::{Migration, MigrationSource};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Connection, Options, StoreError, open};
use crate::config::Database;

/// The same names for both databases, and the same tables from them.
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRESQL: EmbeddedMigrations = embed_migrations!("migrations/postgresql");

/// A migration this version knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Its time and what it does.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// Makes the file of SQLite when missing and applies what the database lacks; answers the versions applied now. Blocks.
///
/// # Errors
/// [`StoreError::Newer`] for a database of a newer version; otherwise why it cannot be opened.
pub fn bring_up(database: &Database, options: &Options) -> Result<Vec<String>, StoreError> {
    open::prepare(database, options)
}

/// The migrations this version knows, oldest first, and which of them a database has. Changes nothing; blocks.
///
/// # Errors
/// [`StoreError::Newer`] for a database of a newer version; otherwise why it cannot be read.
pub fn status(database: &Database, options: &Options) -> Result<Vec<MigrationState>, StoreError> {
    let pending = match open::to_look(database, options)? {
        Some(mut conn) => pending(&mut conn)?,
        None => known()?.into_iter().map(|(version, _)| version).collect(),
    };
    let state = |(version, name)| MigrationState { name, applied: !pending.contains(&version) };
    Ok(known()?.into_iter().map(state).collect())
}

/// Whether a database has ever been brought up; changes nothing, blocks.
///
/// # Errors
/// Why it cannot be read.
pub fn is_there(database: &Database, options: &Options) -> Result<bool, StoreError> {
    Ok(open::to_look(database, options)?.is_some())
}

/// Applies what is missing; answers the versions applied now.
///
/// # Errors
/// [`StoreError::Newer`] when the database has a migration this version does not know.
pub fn apply(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    refuse_newer(conn)?;
    let applied = match conn {
        Connection::Sqlite(conn) => conn.run_pending_migrations(SQLITE),
        Connection::Postgres(conn) => conn.run_pending_migrations(POSTGRESQL),
    };
    let applied = applied.map_err(|error| failed(&*error))?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// The versions this hub knows and the database does not have yet.
///
/// # Errors
/// [`StoreError::Newer`] when the database has a migration this version does not know.
pub fn pending(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    refuse_newer(conn)?;
    let applied = applied(conn)?;
    let known = known()?.into_iter().map(|(version, _)| version);
    Ok(known.filter(|version| !applied.contains(version)).collect())
}

fn refuse_newer(conn: &mut Connection) -> Result<(), StoreError> {
    let known: BTreeSet<String> = known()?.into_iter().map(|(version, _)| version).collect();
    let unknown = applied(conn)?.into_iter().filter(|version| !known.contains(version)).max();
    let Some(found) = unknown else { return Ok(()) };
    Err(StoreError::Newer { found, known: known.into_iter().next_back().unwrap_or_default() })
}

fn applied(conn: &mut Connection) -> Result<BTreeSet<String>, StoreError> {
    let applied = match conn {
        Connection::Sqlite(conn) => conn.applied_migrations(),
        Connection::Postgres(conn) => conn.applied_migrations(),
    };
    Ok(applied.map_err(|error| failed(&*error))?.iter().map(ToString::to_string).collect())
}

/// Versions and names, oldest first.
fn known() -> Result<Vec<(String, String)>, StoreError> {
    let migrations: Vec<Box<dyn Migration<Sqlite>>> = SQLITE.migrations().map_err(|error| failed(&*error))?;
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
    use diesel::{QueryDsl, RunQueryDsl, sql_query};

    use super::super::readings;
    use super::super::schema::readings as stored;
    use super::super::testing::Scratch;
    use super::*;

    fn empty(scratch: &Scratch) -> Connection {
        std::fs::create_dir_all(scratch.path().join("data")).unwrap();
        scratch.connection()
    }

    #[test]
    fn a_database_is_brought_up_to_date_once() {
        let scratch = Scratch::new();
        let mut conn = empty(&scratch);
        let missing = pending(&mut conn).unwrap();
        assert_eq!(apply(&mut conn).unwrap(), missing);
        assert!(apply(&mut conn).unwrap().is_empty());
    }

    #[test]
    fn a_newer_database_is_refused_with_both_versions() {
        let scratch = Scratch::new();
        let mut conn = empty(&scratch);
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
        let scratch = Scratch::new();
        let mut conn = empty(&scratch);
        apply(&mut conn).unwrap();
        match &mut conn {
            Connection::Sqlite(conn) => conn.revert_all_migrations(SQLITE).map(drop),
            Connection::Postgres(conn) => conn.revert_all_migrations(POSTGRESQL).map(drop),
        }
        .unwrap();
        apply(&mut conn).unwrap();
    }

    #[test]
    fn readings_of_one_row_have_rows_of_their_own_before_there_were_runs() {
        let scratch = Scratch::new();
        let mut conn = empty(&scratch);
        apply(&mut conn).unwrap();
        let several = r#"[[5,{"a":1.5}],[4,{"b":"x"}]]"#;
        let rows = format!(
            "INSERT INTO readings (id, module, ts, received_at, body, last_ts, count) \
             VALUES (1, 1, 3, 7, '{{\"a\":1}}', 3, 1), (2, 1, 4, 8, '{several}', 5, 2)"
        );
        sql_query(rows).execute(&mut conn).unwrap();
        while applied(&mut conn).unwrap().contains("20261122000000") {
            match &mut conn {
                Connection::Sqlite(conn) => conn.revert_last_migration(SQLITE).map(drop),
                Connection::Postgres(conn) => conn.revert_last_migration(POSTGRESQL).map(drop),
            }
            .unwrap();
        }

        let columns = (stored::id, stored::ts, stored::received_at, stored::body);
        let single = stored::table.select(columns).order(stored::id).load(&mut conn).unwrap();
        let found: Vec<(i64, i64, i64, String)> = single;
        let found: Vec<_> = found.iter().map(|(id, ts, at, body)| (*id, *ts, *at, &**body)).collect();
        assert_eq!(found, [(1, 3, 7, r#"{"a":1}"#), (2, 5, 8, r#"{"a":1.5}"#), (3, 4, 8, r#"{"b":"x"}"#)]);
        apply(&mut conn).unwrap();
        let left = readings::load(&mut conn, std::slice::from_ref(&(1..4))).unwrap();
        let left: Vec<_> = left.iter().map(|row| (row.rows.clone(), row.readings[0].ts)).collect();
        assert_eq!(left, [(1..2, 3), (2..3, 5), (3..4, 4)]);
    }

    #[test]
    fn both_databases_have_the_same_migrations() {
        let names = |folder: &str| {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
            entries.collect::<BTreeSet<_>>()
        };
        assert_eq!(names("sqlite"), names("postgresql"));
    }

    /// Of every table its columns: name, kind and whether it may be empty.
    fn columns(conn: &mut Connection) -> BTreeSet<String> {
        let columns = match conn {
            Connection::Sqlite(_) => {
                "SELECT t.name || '.' || c.name || CASE c.type WHEN 'TEXT' THEN ' text' WHEN 'BLOB' THEN ' bytes'
                     WHEN 'DOUBLE' THEN ' number' WHEN 'REAL' THEN ' number' WHEN 'DOUBLE PRECISION' THEN ' number'
                     ELSE ' whole' END || CASE WHEN c.\"notnull\" OR c.pk THEN '' ELSE ' or none' END
                 FROM sqlite_master t JOIN pragma_table_info(t.name) c
                 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '%diesel%'"
            }
            Connection::Postgres(_) => {
                "SELECT table_name || '.' || column_name || CASE data_type WHEN 'text' THEN
                     CASE collation_name WHEN 'C' THEN ' text' ELSE ' text without COLLATE \"C\"' END
                     WHEN 'bytea' THEN ' bytes' WHEN 'double precision' THEN ' number'
                     WHEN 'bigint' THEN ' whole' ELSE ' ' || data_type END
                     || CASE is_nullable WHEN 'YES' THEN ' or none' ELSE '' END
                 FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name NOT LIKE '%diesel%'"
            }
        };
        let columns = diesel::dsl::sql::<diesel::sql_types::Text>(columns).load::<String>(conn);
        columns.unwrap().into_iter().collect()
    }

    #[test]
    fn both_databases_have_the_same_tables() {
        let (one, other) = (Scratch::of_sqlite(), Scratch::new());
        let mut conns = [empty(&one), empty(&other)];
        conns.iter_mut().for_each(|conn| drop(apply(conn).unwrap()));
        let [one, other] = conns.each_mut().map(columns);
        let differences: Vec<_> = one.symmetric_difference(&other).collect();
        assert!(!one.is_empty() && differences.is_empty(), "{differences:#?}");
    }

    #[test]
    fn the_status_is_told_without_touching_anything() {
        let scratch = Scratch::new();
        let (database, options) = (scratch.database(), Options::default());
        assert!(status(&database, &options).unwrap().iter().all(|migration| !migration.applied));
        assert!(!scratch.path().join("data").exists());

        let applied = bring_up(&database, &options).unwrap();

        let after = status(&database, &options).unwrap();
        assert_eq!((after.len(), after.iter().all(|migration| migration.applied)), (applied.len(), true));
        assert_eq!(after[0].name, "2026-11-01-000000_accounts_and_modules");
    }
}
