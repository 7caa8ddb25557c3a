use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use carillon::domain::time::Timestamp;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::json;

use crate::support::process::{Ran, Scratch, TestProcess, run, run_with};
use crate::support::{Account, Answer, TestDevice, TestTab};

const ID: &str = "MC-1001-STN";

/// The values that were acknowledged, by their time.
type Acknowledged = Rc<RefCell<BTreeMap<i64, i64>>>;

async fn back_up(data: &Scratch, to: &Path) -> Ran {
    run(data.path(), &["backup", "--to", &to.display().to_string()]).await
}

async fn restore(data: &Scratch, from: &Path) -> Ran {
    run(data.path(), &["restore", &from.display().to_string()]).await
}

/// A statement for a file of SQLite that no hub works on.
fn say(file: &Path, statement: &str) {
    let mut conn = SqliteConnection::establish(&file.display().to_string()).expect("the file is there");
    conn.batch_execute(statement).expect("the database does as told");
}

/// Posts batches of readings until the hub is gone.
async fn post(authority: String, token: String, from: i64, acknowledged: Acknowledged) {
    for batch in 0.. {
        let times: Vec<i64> = (0..50).map(|at| from + batch * 50 + at).collect();
        let readings: Vec<_> = times
            .iter()
            .map(|ts| json!({"ts": Timestamp::from_millis(*ts).to_string(), "telemetry": {"n": ts % 1000}}))
            .collect();
        let path = format!("/api/v1/modules/{ID}/telemetry");
        let answer = Answer::attempt(&authority, "POST", &path, &token, Some(&json!(readings))).await;
        if answer.is_none_or(|answer| answer.status != 200) {
            return;
        }
        acknowledged.borrow_mut().extend(times.into_iter().map(|ts| (ts, ts % 1000)));
    }
}

/// All that is found from a moment on.
async fn stored(admin: &Account, from: i64) -> BTreeMap<i64, i64> {
    let (mut all, mut cursor) = (BTreeMap::new(), String::new());
    let from = Timestamp::from_millis(from - 1).to_string();
    loop {
        let path = format!("/api/v1/modules/{ID}/telemetry?key=n&limit=10000&from={from}{cursor}");
        let page = admin.get(&path).await.json();
        for item in page["items"].as_array().expect("a list") {
            let ts: Timestamp = item["ts"].as_str().expect("a time").parse().expect("a time");
            assert_eq!(all.insert(ts.as_millis(), item["value"].as_i64().expect("a number")), None, "twice");
        }
        let Some(next) = page["next"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

#[actix::test]
async fn a_backup_under_load_holds_all_that_was_acknowledged_before_it_and_begins_a_new_order() {
    let (data, elsewhere) = (Scratch::of_sqlite(), Scratch::of_sqlite());
    let copy = data.path().join("copy.db");
    let mut hub = TestProcess::start(data.path()).await;
    let admin = hub.admin().await;
    let token = admin.create_module(ID).await;
    let from = Timestamp::now().as_millis() - 3_600_000;
    let acknowledged = Acknowledged::default();
    let posting = actix::spawn(post(hub.authority.clone(), token.clone(), from, Rc::clone(&acknowledged)));
    while acknowledged.borrow().len() < 500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let before = acknowledged.borrow().clone();
    let ran = back_up(&data, &copy).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("not in it"), "{ran:?}");
    assert!(acknowledged.borrow().len() > before.len(), "it did not stand in the way");
    assert_eq!(fs::metadata(&copy).expect("it is there").permissions().mode() & 0o777, 0o600);

    // A cursor of after the backup, of the order that the copy holds too.
    admin.count(0..5).await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    tab.begin(&["custom:a"]).await;
    hub.kill().await;
    posting.await.expect("an attempt does not fail");

    let ran = restore(&elsewhere, &copy).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let hub = TestProcess::start(elsewhere.path()).await;
    let admin = hub.admin().await;
    let found = stored(&admin, from).await;
    let acknowledged = acknowledged.take();
    for (ts, value) in &before {
        assert_eq!(found.get(ts), Some(value), "{}", Timestamp::from_millis(*ts));
    }
    // One batch may have been committed whose answer the hub did not live to give.
    let later = found.keys().filter(|ts| !acknowledged.contains_key(ts)).count();
    assert!(later <= 50, "{later} readings were never told");

    admin.count(5..10).await;
    let mut again = TestTab::connect(&hub.authority, &admin.access_token).await;
    again.send(json!({"type": "hello", "cursor": tab.cursor, "topics": ["custom:a"]})).await;
    assert_eq!(again.next_of("welcome").await["recovered"], false);
    again.next_of("gap").await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    device.report(1, json!({"n": 1})).await;
}

#[actix::test]
async fn a_restore_keeps_what_was_there_and_is_refused_while_a_hub_runs() {
    let data = Scratch::of_sqlite();
    let copy = data.path().join("copy.db");
    let mut hub = TestProcess::start(data.path()).await;
    let admin = hub.admin().await;
    assert_eq!(back_up(&data, &copy).await.code, Some(0));
    admin.create_module("LATER").await;

    let refused = restore(&data, &copy).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("another hub runs"), "{refused:?}");
    // Also where only the database is shared.
    let url = format!("sqlite:{}", data.file().display());
    let other = Scratch::of_sqlite();
    let line = ["restore", &copy.display().to_string()];
    let shared = run_with(other.path(), &line, &[("CARILLON__STORE__URL", &url)], "").await;
    assert!(shared.code == Some(2) && shared.stderr.contains("stop the hub"), "{shared:?}");
    hub.kill().await;
    let restored = restore(&data, &copy).await;

    assert_eq!(restored.code, Some(0), "{restored:?}");
    let mut hub = TestProcess::start(data.path()).await;
    assert_eq!(hub.admin().await.get("/api/v1/modules/LATER").await.status, 404);
    let bearer = format!("Bearer {}", admin.access_token);
    let old = Answer::of(&hub.authority, "GET", "/api/v1/auth/me", &[("authorization", &bearer)], None).await;
    assert_eq!(old.status, 401, "logins of before may have been ended since");
    hub.kill().await;
    let names = || fs::read_dir(data.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let kept: Vec<_> = names().filter(|path| path.display().to_string().contains(".before-")).collect();
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    // What was kept is a copy like any other.
    let back = run(data.path(), &["restore", &kept.display().to_string(), "--discard-old"]).await;
    assert_eq!(back.code, Some(0), "{back:?}");
    let hub = TestProcess::start(data.path()).await;
    assert_eq!(hub.admin().await.get("/api/v1/modules/LATER").await.status, 200);
    assert_eq!(names().filter(|path| path.display().to_string().contains("restoring")).count(), 0);
}

#[actix::test]
async fn older_copies_are_brought_up_to_date_and_newer_and_damaged_ones_refused() {
    let data = Scratch::of_sqlite();
    let copy = data.path().join("copy.db");
    let mut hub = TestProcess::start(data.path()).await;
    hub.terminate();
    hub.exit().await;
    assert_eq!(back_up(&data, &copy).await.code, Some(0), "a hub need not run");

    let [older, newer, damaged] = ["older", "newer", "damaged"].map(|name| data.path().join(name));
    for file in [&older, &newer, &damaged] {
        fs::copy(&copy, file).expect("it can be copied");
    }
    say(&older, "DROP TABLE audit; DELETE FROM __diesel_schema_migrations WHERE version = '20261121000001'");
    say(&newer, "INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')");
    let mut bytes = fs::read(&damaged).expect("it can be read");
    let half = bytes.len() / 2;
    bytes[half..].fill(0x5a);
    fs::write(&damaged, bytes).expect("it can be written");
    fs::write(data.path().join("other"), "no database").expect("it can be written");

    let refused = [
        ("newer", "newer version"),
        // In whichever of several ways: all name the file.
        ("damaged", "damaged`"),
        ("other", "is not what"),
        ("missing", "no file"),
        ("carillon.db", "is the database itself"),
    ];
    for (name, says) in refused {
        let ran = restore(&data, &data.path().join(name)).await;
        assert!(ran.code != Some(0) && ran.stderr.contains(says), "{name}: {ran:?}");
        assert!(!data.path().join("carillon.db.restoring").exists(), "{name}");
    }
    let ran = restore(&data, &older).await;
    assert!(ran.code == Some(0) && ran.stdout.contains("1 migration"), "{ran:?}");
    let hub = TestProcess::start(data.path()).await;
    hub.admin().await;
}

#[actix::test]
async fn a_backup_overwrites_nothing_unless_told_and_names_itself_by_the_time() {
    let data = Scratch::of_sqlite();
    let copy = data.path().join("copy.db");
    let empty = back_up(&data, &copy).await;
    assert!(empty.code == Some(2) && empty.stderr.contains("no hub's data"), "{empty:?}");
    assert_eq!(run(data.path(), &["migrate"]).await.code, Some(0));
    fs::write(&copy, "dear").expect("it can be written");

    let refused = back_up(&data, &copy).await;
    let named = run(data.path(), &["backup"]).await;

    assert!(refused.code == Some(2) && refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(fs::read(&copy).expect("it is there"), b"dear");
    assert_eq!(named.code, Some(0), "{named:?}");
    assert_eq!(fs::read_dir(data.path().join("backups")).expect("a folder").count(), 1);
    let link = data.path().join("link.db");
    std::os::unix::fs::symlink(data.file(), &link).expect("a link can be made");
    for own in [data.file(), link] {
        let refused = run(data.path(), &["backup", "--force", "--to", &own.display().to_string()]).await;
        assert!(refused.code == Some(2) && refused.stderr.contains("hub's own"), "{refused:?}");
    }
    let forced = run(data.path(), &["backup", "--force", "--to", &copy.display().to_string()]).await;
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert!(fs::read(&copy).expect("it is there").starts_with(b"SQLite format 3"));
}

#[actix::test]
async fn of_a_database_on_a_server_the_tools_are_named_without_the_password() {
    let data = Scratch::of_sqlite();
    let url = [("CARILLON__STORE__URL", "postgres://ada:s3cret@127.0.0.1:1/house")];
    for (line, says) in [(["backup", "--force"], "pg_dump"), (["restore", "copy.db"], "pg_restore")] {
        let ran = run_with(data.path(), &line, &url, "").await;
        assert!(ran.code == Some(2) && ran.stderr.contains(says), "{ran:?}");
        assert!(ran.stderr.contains("'postgres://ada@127.0.0.1:1/house'") && !ran.stderr.contains("s3cret"), "{ran:?}");
    }
}
