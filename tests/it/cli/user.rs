use serde_json::json;

use crate::support::process::{Scratch, TestProcess, run, run_with};
use crate::support::{Account, TestTab};

const ADA: &str = "ada@example.org";

#[actix::test]
async fn a_user_added_beside_a_running_hub_logs_in() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;

    let added = run(data.path(), &["user", "add", "--email", ADA, "--name", "Ada", "--json"]).await.json();

    let login = hub.try_log_in(ADA, added["password"].as_str().expect("it was made at random")).await;
    assert_eq!(login.status, 200, "{}", login.text);
    assert_eq!(login.json()["user"]["isAdmin"], false);
    assert_eq!(login.json()["user"]["id"], added["id"]);
}

#[actix::test]
async fn a_changed_password_ends_the_logins_made_with_the_old_one() {
    let data = Scratch::new();
    let (hub, ada) = hub_with_ada(&data).await;

    let set = ["user", "password", ADA, "--password-stdin"];
    let changed = run_with(data.path(), &set, &[], "another long password\n").await;

    assert_eq!(changed.code, Some(0), "{changed:?}");
    assert!(!changed.stdout.contains("another"), "{}", changed.stdout);
    assert_eq!(ada.get("/api/v1/auth/me").await.status, 401);
    assert_eq!(hub.try_log_in(ADA, "the first password").await.status, 401);
    assert_eq!(hub.try_log_in(ADA, "another long password").await.status, 200);
}

#[actix::test]
async fn a_disabled_user_is_out_until_enabled() {
    let data = Scratch::new();
    let (hub, ada) = hub_with_ada(&data).await;

    assert_eq!(run(data.path(), &["user", "disable", ADA]).await.code, Some(0));

    assert_eq!(ada.get("/api/v1/auth/me").await.status, 401);
    assert_eq!(hub.try_log_in(ADA, "the first password").await.status, 401);
    assert_eq!(run(data.path(), &["user", "enable", ADA]).await.code, Some(0));
    assert_eq!(hub.try_log_in(ADA, "the first password").await.status, 200);
}

#[actix::test]
async fn new_roles_count_from_the_next_login() {
    let data = Scratch::new();
    let (hub, ada) = hub_with_ada(&data).await;

    assert_eq!(run(data.path(), &["user", "roles", ADA, "admin", "user"]).await.code, Some(0));

    assert_eq!(ada.get("/api/v1/users").await.status, 401);
    let login = hub.try_log_in(ADA, "the first password").await;
    assert_eq!(login.json()["user"]["isAdmin"], true, "{}", login.text);
}

#[actix::test]
async fn the_sockets_of_an_account_changed_beside_the_hub_end_and_others_stay() {
    for change in [&["user", "disable", ADA][..], &["user", "roles", ADA, "admin"], &["user", "remove", ADA]] {
        let data = Scratch::new();
        let (hub, ada) = hub_with_ada(&data).await;
        let admin = hub.admin().await;
        let mut staying = TestTab::connect(&hub.authority, &admin.access_token).await;
        staying.begin(&["admin"]).await;
        let mut going = TestTab::connect(&hub.authority, &ada.access_token).await;
        going.send(json!({"type": "hello", "topics": []})).await;

        assert_eq!(run(data.path(), change).await.code, Some(0));

        assert_eq!(going.end().await.code, 4001, "{change:?}");
        staying.settle().await;
    }
}

#[actix::test]
async fn users_are_listed_and_removed() {
    let data = Scratch::new();
    let (hub, _) = hub_with_ada(&data).await;

    let table = run(data.path(), &["user", "list"]).await;
    assert!(table.stdout.starts_with("EMAIL") && table.stdout.contains(ADA), "{table:?}");
    assert_eq!(run(data.path(), &["user", "remove", ADA]).await.code, Some(0));

    let left = run(data.path(), &["user", "list", "--json"]).await.json();
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
    assert!(!left.to_string().contains("$2b$"), "a hash is shown: {left}");
    assert_eq!(hub.try_log_in(ADA, "the first password").await.status, 401);
}

#[actix::test]
async fn what_cannot_be_done_is_told_with_what_to_do() {
    let data = Scratch::new();
    let admin = ["user", "add", "--email", "bea@example.org", "--name", "Bea", "--admin"];
    for (arguments, code, told) in [
        (&["user", "list"][..], 1, "there is no database"),
        (&["user", "add", "--email", ADA, "--name", "Ada"], 2, "--admin"),
        (&admin, 0, ""),
        (&admin, 1, "belongs to another account"),
        (&["user", "remove", "bea@example.org"], 1, "last admin"),
        (&["user", "disable", "bea@example.org"], 1, "last admin"),
        (&["user", "roles", "bea@example.org", "user"], 1, "last admin"),
        (&["user", "roles", "bea@example.org", "queen"], 2, "`queen` is not a role"),
        (&["user", "enable", "nobody@example.org"], 1, "carillon user list"),
        (&["user", "add", "--email", "nowhere", "--name", "Ada"], 2, "mail address"),
        (&["user", "password", "bea@example.org", "--password-stdin"], 2, "password must have"),
    ] {
        let ran = run(data.path(), arguments).await;

        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(told), "{arguments:?}: {ran:?}");
    }
}

async fn hub_with_ada(data: &Scratch) -> (TestProcess, Account) {
    let hub = TestProcess::start(data.path()).await;
    let add = ["user", "add", "--email", ADA, "--name", "Ada", "--password-stdin", "--json"];
    let added = run_with(data.path(), &add, &[], "the first password\n").await.json();
    assert_eq!(added["password"], json!(null));
    let login = hub.try_log_in(ADA, "the first password").await;
    assert_eq!(login.status, 200, "{}", login.text);
    let ada = Account::new(&hub.authority, login.json());
    (hub, ada)
}
