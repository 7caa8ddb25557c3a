//! Copies of a database of SQLite: made beside a running hub, checked, and made ready to go on from.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel::{RunQueryDsl, sql_query};

use super::schema::{event_order, logins};
use super::{Connection, Options, StoreError, migrate, open, pool};
use crate::config::Database;

/// Writes a copy of a database as it is at one moment into an empty file; who works on the database goes on meanwhile.
/// Blocks.
///
/// The copy is packed, in one file, and may not be on the disk yet when this answers.
///
/// # Errors
/// Why the database cannot be read or the copy not be written.
pub fn copy(database: &Path, to: &Path) -> Result<(), StoreError> {
    let mut conn = pool::establish(&database.into())?;
    conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY;")?;
    sql_query("VACUUM INTO ?").bind::<Text, _>(open::address(to)).execute(&mut conn)?;
    Ok(())
}

/// Reads a whole copy and tells what is wrong with it; none if nothing is. Blocks.
///
/// # Errors
/// Why it cannot be read at all.
pub fn fault(file: &Path) -> Result<Option<String>, StoreError> {
    let mut conn = pool::establish(&file.into())?;
    conn.batch_execute("PRAGMA query_only = ON;")?;
    let asking = sql::<Text>("SELECT integrity_check FROM pragma_integrity_check LIMIT 3");
    let found: Vec<String> = asking.load(&mut conn)?;
    Ok((found != ["ok"]).then(|| found.join("; ")))
}

/// Makes a copy ready to take the place of a database: applies the migrations that it lacks, ends every login, and
/// begins a new order of events. Answers the migrations; blocks.
///
/// Cursors and logins of the time after the copy was made would be taken for what they are not: the first would skip
/// events, and of the second some may have been ended since.
///
/// # Errors
/// [`StoreError::Newer`] for a copy of a newer version; otherwise why it cannot be written.
pub fn make_ready(file: &Path, options: &Options) -> Result<Vec<String>, StoreError> {
    let database = Database::from(file);
    let applied = migrate::bring_up(&database, options)?;
    let mut conn = pool::establish(&database)?;
    conn.batch_execute("PRAGMA foreign_keys = ON;")?;
    diesel::delete(logins::table).execute(&mut conn)?;
    diesel::delete(event_order::table).execute(&mut conn)?;
    drop(conn);
    into_one_file(file)?;
    Ok(applied)
}

/// Takes all that a database has beside its file into it; only while nobody else works on it. Blocks.
///
/// # Errors
/// [`StoreError::Busy`] when somebody does; otherwise why not.
pub fn into_one_file(file: &Path) -> Result<(), StoreError> {
    let mut conn: Connection = pool::establish(&file.into())?;
    // Nothing is waited for long: whoever works on a database has it open all the time.
    conn.batch_execute("PRAGMA busy_timeout = 500; PRAGMA journal_mode = DELETE;")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Scratch, module};
    use super::super::{Store, modules, order, users};
    use super::*;

    #[actix::test]
    async fn a_copy_holds_what_was_committed_and_begins_an_order_of_its_own() {
        let scratch = Scratch::of_sqlite();
        let store = scratch.store();
        store.write(|conn| modules::insert(conn, &module("MC-1"))).await.unwrap();
        let before = store.write(order::open).await.unwrap();
        let (file, to) = (scratch.path().join("data/carillon.db"), scratch.path().join("copy.db"));

        copy(&file, &to).unwrap();

        assert_eq!(fault(&to).unwrap(), None);
        assert!(make_ready(&to, &Options::default()).unwrap().is_empty());
        assert!(!scratch.path().join("copy.db-wal").exists());
        let copied = Store::open(&to, &Options::default()).unwrap();
        assert_eq!(copied.read(modules::load_all).await.unwrap().len(), 1);
        assert_ne!(copied.write(order::open).await.unwrap().epoch, before.epoch);
    }

    #[actix::test]
    async fn a_damaged_copy_is_told() {
        let scratch = Scratch::of_sqlite();
        let store = scratch.store();
        store.read(users::count).await.unwrap();
        let (file, to) = (scratch.path().join("data/carillon.db"), scratch.path().join("copy.db"));
        copy(&file, &to).unwrap();
        let mut bytes = std::fs::read(&to).unwrap();
        let half = bytes.len() / 2;
        bytes[half..].fill(0x5a);
        std::fs::write(&to, bytes).unwrap();

        assert!(fault(&to).is_err() || fault(&to).is_ok_and(|fault| fault.is_some()));
        std::fs::write(&to, "no database").unwrap();
        assert!(fault(&to).is_err());
    }

    #[test]
    fn a_database_that_somebody_works_on_is_left_alone() {
        let scratch = Scratch::of_sqlite();
        let _store = scratch.store();
        let file = scratch.path().join("data/carillon.db");
        assert!(matches!(into_one_file(&file), Err(StoreError::Busy)));
    }
}
