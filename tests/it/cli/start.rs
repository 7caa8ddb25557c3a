use std::fs::OpenOptions;
use std::net::TcpListener;
use std::os::unix::fs::{FileExt, PermissionsExt};

use crate::support::database::Intruder;
use crate::support::process::{Scratch, TestProcess, logs_of, run, run_with};
use crate::support::{ADMIN, Answer, PASSWORD};

#[actix::test]
async fn every_fault_of_the_configuration_is_told_at_once() {
    let data = Scratch::new();
    let faults = [
        ("CARILLON__HTTP__LISTEN", "nowhere"),
        ("CARILLON__STORE__READERS", "0"),
        ("CARILLON__AUTH__BCRYPT_COST", "many"),
        ("CARILLON__TELEMTRY__MAX_BATCH", "7"),
    ];

    let ran = run_with(data.path(), &["serve"], &faults, "").await;

    assert_eq!(ran.code, Some(2), "{ran:?}");
    for key in ["http.listen", "store.readers", "auth.bcrypt_cost", "telemtry.max_batch", "4 faults"] {
        assert!(ran.stderr.contains(key), "`{key}` is missing in {}", ran.stderr);
    }
    assert!(!data.path().exists());
}

#[actix::test]
async fn a_configuration_file_that_is_not_there_is_a_fault() {
    let data = Scratch::new();

    let ran = run(data.path(), &["--config", "/nowhere/carillon.toml"]).await;

    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("/nowhere/carillon.toml"), "{}", ran.stderr);
}

#[actix::test]
async fn a_setting_that_proves_wrong_in_use_is_told_by_its_key() {
    let wrong = [
        ("log.level", vec![("CARILLON__LOG__LEVEL", "a=b=c")]),
        (
            "http.tls_certificate",
            vec![("CARILLON__HTTP__TLS_CERTIFICATE", "/nowhere"), ("CARILLON__HTTP__TLS_KEY", "/nowhere")],
        ),
    ];
    for (key, settings) in wrong {
        let data = Scratch::new();

        let ran = run_with(data.path(), &["serve", "--listen", "127.0.0.1:0"], &settings, "").await;

        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(key), "{}", ran.stderr);
    }
}

#[actix::test]
async fn a_port_that_is_taken_is_told_with_what_to_do() {
    let data = Scratch::new();
    let neighbour = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = neighbour.local_addr().expect("it is bound").to_string();

    let ran = run(data.path(), &["serve", "--listen", &address]).await;

    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains(&format!("cannot listen on `{address}`")), "{}", ran.stderr);
    assert!(ran.stderr.contains("--listen"), "{}", ran.stderr);
}

#[actix::test]
async fn a_data_folder_has_one_hub() {
    let hub = crate::support::TestHub::start().await;
    let data = hub.data_folder().to_owned();

    let ran = run(&data, &["serve", "--listen", "127.0.0.1:0"]).await;

    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("another hub runs on the data folder"), "{}", ran.stderr);
    assert_eq!(hub.stop().await, data);
    let again = crate::support::TestHub::on(&data, &[]).await;
    again.stop().await;
}

#[actix::test]
async fn a_demo_that_cannot_start_leaves_the_accounts_as_they_are() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;
    let neighbour = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = neighbour.local_addr().expect("it is bound").to_string();
    let folder = data.path().display().to_string();

    let beside = run(data.path(), &["demo", "--data", &folder, "--listen", "127.0.0.1:0"]).await;
    assert!(beside.stderr.contains("another hub runs on the data folder"), "{beside:?}");
    drop(hub);
    let unheard = run(data.path(), &["demo", "--data", &folder, "--listen", &taken]).await;
    assert!(unheard.stderr.contains("cannot listen on"), "{unheard:?}");

    assert_eq!((beside.code, unheard.code), (Some(1), Some(1)));
    let accounts = run(data.path(), &["user", "list"]).await.stdout;
    assert!(accounts.contains("admin@example.org") && !accounts.contains("demo.carillon"), "{accounts}");
}

#[actix::test]
async fn a_database_of_a_newer_version_is_refused_by_every_command() {
    let data = Scratch::new();
    assert_eq!(run(data.path(), &["migrate"]).await.code, Some(0));
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')";
    Intruder::of(data.path()).say(newer);

    for arguments in [&["serve"][..], &["migrate"], &["migrate", "--status"], &["user", "list"]] {
        let ran = run(data.path(), arguments).await;

        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains("29991231000000"), "{}", ran.stderr);
    }
}

#[actix::test]
async fn migrations_are_listed_and_applied_once() {
    let data = Scratch::new();
    let before = run(data.path(), &["migrate", "--status"]).await;
    assert!(before.stdout.lines().all(|line| line.starts_with("pending")), "{before:?}");
    assert!(!data.path().exists());

    let first = run(data.path(), &["migrate"]).await;
    let second = run(data.path(), &["migrate"]).await;

    assert!(first.stdout.contains("applied") && first.stdout.contains("is up to date"), "{first:?}");
    assert!(!second.stdout.contains("applied"), "{second:?}");
    let after = run(data.path(), &["migrate", "--status"]).await;
    assert!(after.stdout.lines().all(|line| line.starts_with("applied")), "{after:?}");
}

#[actix::test]
async fn without_an_account_the_setup_address_is_printed_and_not_logged() {
    let data = Scratch::new();
    let mut hub = TestProcess::start_unowned(data.path()).await;

    let address = hub.printed("/setup#").await;
    hub.terminate();
    hub.exit().await;

    let secret = address.split_once('#').expect("it holds a token").1.trim().to_owned();
    assert!(secret.len() >= 32, "{secret}");
    assert!(!logs_of(&data).contains(&secret));
}

#[actix::test]
async fn a_setting_that_has_no_effect_yet_is_told() {
    let data = Scratch::new();
    let mut hub = TestProcess::start_with(data.path(), &[("REDIS_URL", "redis://127.0.0.1")]).await;
    hub.terminate();
    hub.exit().await;

    assert!(logs_of(&data).contains(r#""setting":"REDIS_URL""#));
}

#[actix::test]
async fn only_its_owner_reads_the_data_folder() {
    let data = Scratch::of_sqlite();
    let _hub = TestProcess::start(data.path()).await;

    let mode = |name: &str| data.path().join(name).metadata().expect("it is there").permissions().mode() & 0o777;

    assert_eq!([mode(""), mode("logs"), mode("carillon.db"), mode("jwt.key")], [0o700, 0o700, 0o600, 0o600]);
}

#[actix::test]
async fn a_read_only_database_is_told_and_loses_nothing() {
    let data = Scratch::of_sqlite();
    let mut hub = TestProcess::start(data.path()).await;
    hub.terminate();
    hub.exit().await;
    set_read_only(&data, true);

    let hub = TestProcess::start(data.path()).await;
    let login = hub.try_log_in(ADMIN, PASSWORD).await;
    let ready = Answer::of(&hub.authority, "GET", "/health/ready", &[], None).await;
    let page = Answer::of(&hub.authority, "GET", "/health/live", &[], None).await;
    let added = run(data.path(), &["user", "add", "--email", "ada@example.org", "--name", "Ada"]).await;

    assert_eq!((login.status, ready.status, page.status), (503, 503, 200), "{login:?} {ready:?}");
    assert!(login.header("retry-after").is_some(), "{login:?}");
    assert!(!login.text.contains("read"), "the cause is told: {}", login.text);
    assert!(added.code == Some(1) && added.stderr.contains("make its file and folder writable"), "{added:?}");
    drop(hub);
    set_read_only(&data, false);
    TestProcess::start(data.path()).await.admin().await;
}

/// Makes SQLite open the file for reading only, whoever runs the test: a format that may be read and not be written
/// has a write version above 2 (SQLite's file format, 1.3.2).
fn set_read_only(data: &Scratch, read_only: bool) {
    let file = OpenOptions::new().write(true).open(data.file()).expect("it is there");
    file.write_all_at(&[if read_only { 3 } else { 2 }], 18).expect("it can be written");
}
