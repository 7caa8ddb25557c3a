use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, RunQueryDsl, sql_query};

use super::testing::Scratch;
use super::users::{User, UserFilter, UserSort, UserSortKey};
use super::*;
use crate::domain::grant::Role;
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;

fn user(name: &str, roles: &[Role]) -> User {
    User {
        id: UserId::generate(),
        email: format!("{}@example.org", name.to_lowercase()).parse().unwrap(),
        name: name.parse().unwrap(),
        password_hash: "x".to_owned(),
        roles: roles.to_vec(),
        disabled: false,
        created_at: Timestamp::from_millis(1),
        updated_at: Timestamp::from_millis(1),
        last_login_at: None,
    }
}

#[actix::test]
async fn what_was_written_is_read_after_opening_again() {
    let scratch = Scratch::new();
    let ada = user("Ada", &[Role::Admin, Role::User]);
    let (id, stored) = (ada.id.clone(), ada.clone());
    scratch.store().write(move |conn| users::insert(conn, &ada)).await.unwrap();

    assert_eq!(scratch.store().read(move |conn| users::find(conn, &id)).await.unwrap(), stored);
}

#[derive(diesel::QueryableByName)]
struct BuiltWith {
    #[diesel(sql_type = diesel::sql_types::Text)]
    compile_options: String,
}

#[actix::test]
async fn the_database_in_the_binary_is_built_as_the_project_says() {
    let scratch = Scratch::of_sqlite();
    let asking = |conn: &mut Connection| Ok(sql_query("PRAGMA compile_options").load::<BuiltWith>(conn)?);
    let built: Vec<_> =
        scratch.store().read(asking).await.unwrap().into_iter().map(|row| row.compile_options).collect();
    for option in ["ENABLE_QPSG", "THREADSAFE=2", "DEFAULT_MEMSTATUS=0"] {
        assert!(built.iter().any(|had| had == option), "{option} of `.cargo/config.toml` is not among {built:?}");
    }
}

#[actix::test]
async fn a_failed_write_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let failed = store
        .write(|conn| {
            users::insert(conn, &user("Ada", &[]))?;
            users::insert(conn, &user("ADA", &[]))
        })
        .await;
    assert!(matches!(failed, Err(StoreError::Conflict(_))));
    assert_eq!(store.read(users::count).await.unwrap(), 0);
    assert_eq!(store.counts(), StoreCounts { reads: 1, writes: 1, failures: 0 });
}

#[actix::test]
async fn what_cannot_be_committed_is_taken_back_and_the_next_transaction_begins_anew() {
    let scratch = Scratch::of_sqlite();
    let store = scratch.store();
    // A row whose owner is missing is found out at the end only.
    let orphan = "PRAGMA defer_foreign_keys = ON; INSERT INTO login_of_nobody VALUES (1, 'nobody');";
    let table = "CREATE TABLE login_of_nobody (id INTEGER, user_id TEXT REFERENCES users (id));";
    store.write(move |conn| Ok(conn.batch_execute(table)?)).await.unwrap();

    for _ in 0..2 {
        let refused = store.write(move |conn| Ok(conn.batch_execute(orphan)?)).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    }

    let rows = |conn: &mut Connection| Ok(sql_query("DELETE FROM login_of_nobody").execute(conn)?);
    assert_eq!(store.write(rows).await.unwrap(), 0);
    let nested = store.write(|conn| Ok(conn.transaction(|conn| sql_query("SELECT 1").execute(conn).map(drop))?)).await;
    assert!(nested.is_ok(), "{nested:?}");
}

#[actix::test]
async fn lists_are_searched_sorted_and_cut() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let people = [user("bea", &[Role::User]), user("Ada", &[Role::Admin]), user("a_a", &[Role::User])];
    store.write(move |conn| people.iter().try_for_each(|person| users::insert(conn, person))).await.unwrap();
    let names = async |filter: UserFilter| {
        let (page, total) = store.read(move |conn| users::list(conn, &filter)).await.unwrap();
        (page.iter().map(|person| person.name.to_string()).collect::<Vec<_>>().join(" "), total)
    };

    let all = UserFilter { limit: 10, ..UserFilter::default() };
    assert_eq!(names(all.clone()).await, ("a_a Ada bea".to_owned(), 3));
    let sort = UserSort { key: UserSortKey::Email, descending: true };
    assert_eq!(names(UserFilter { sort, limit: 1, skip: 1, ..all.clone() }).await, ("Ada".to_owned(), 3));
    assert_eq!(names(UserFilter { search: Some("AD".into()), ..all.clone() }).await, ("Ada".to_owned(), 1));
    assert_eq!(names(UserFilter { search: Some("a\0".into()), ..all.clone() }).await, (String::new(), 0));
    assert_eq!(names(UserFilter { search: Some("_".into()), ..all.clone() }).await, ("a_a".to_owned(), 1));
    assert_eq!(names(UserFilter { role: Some(Role::Admin), ..all }).await, ("Ada".to_owned(), 1));
    assert_eq!(store.read(users::count_active_admins).await.unwrap(), 1);
}

#[actix::test]
async fn only_the_owner_reads_the_files() {
    let scratch = Scratch::of_sqlite();
    let _store = scratch.store();
    let mode = |path: &str| scratch.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("data"), mode("data/carillon.db"), mode("data/carillon.db-wal")), (0o700, 0o600, 0o600));
}

#[actix::test]
async fn a_reader_cannot_write() {
    let scratch = Scratch::new();
    let result = scratch.store().read(|conn| users::insert(conn, &user("Ada", &[]))).await;
    assert!(matches!(result, Err(StoreError::ReadOnly)), "{result:?}");
}

#[actix::test]
async fn a_full_disk_is_told_and_forgiven() {
    let scratch = Scratch::of_sqlite();
    let store = scratch.store();
    store.write(|conn| Ok(conn.batch_execute("PRAGMA max_page_count = 1")?)).await.unwrap();
    let fill = |conn: &mut Connection| -> Result<(), StoreError> {
        for number in 0..1000 {
            users::insert(conn, &user(&format!("{number}{}", "x".repeat(90)), &[]))?;
        }
        Ok(())
    };
    let full = store.write(fill).await;
    assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
    assert_eq!(store.counts().failures, 1);

    store.write(|conn| Ok(conn.batch_execute("PRAGMA max_page_count = 100000")?)).await.unwrap();
    store.write(fill).await.unwrap();
}

#[actix::test]
async fn only_what_others_write_is_noticed() {
    let scratch = Scratch::new();
    let (store, other) = (scratch.store(), scratch.store());
    let before = store.version_by_others().await.unwrap();

    store.write(|conn| users::insert(conn, &user("Ada", &[]))).await.unwrap();
    assert_eq!(store.version_by_others().await.unwrap(), before);

    other.write(|conn| users::insert(conn, &user("Bea", &[]))).await.unwrap();
    assert_ne!(store.version_by_others().await.unwrap(), before);
}

#[actix::test]
async fn a_locked_database_is_busy_and_readers_go_on() {
    let scratch = Scratch::new();
    let store = scratch.store_that_waits(Duration::from_millis(20));
    let other = scratch.lock();

    assert!(matches!(store.write(|_| Ok(())).await, Err(StoreError::Busy)));
    assert_eq!(store.read(users::count).await.unwrap(), 0);

    drop(other);
    store.probe().await.unwrap();
}

#[actix::test]
async fn a_database_of_a_newer_version_is_refused() {
    let scratch = Scratch::new();
    let add = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')";
    scratch.store().write(move |conn| Ok(sql_query(add).execute(conn)?)).await.unwrap();

    let refused = Store::open(scratch.database(), &Options::default());
    assert!(matches!(refused.err(), Some(StoreError::Newer { found, .. }) if found == "29991231000000"));
}

#[actix::test]
async fn work_that_panics_spoils_nothing() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let broken: Result<(), _> = store.write(|_| panic!("as asked")).await;
    assert!(matches!(broken, Err(StoreError::BrokenOff(_))));
    store.probe().await.unwrap();
}
