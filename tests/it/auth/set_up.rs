//! The first admin by the one-time address.

use serde_json::json;

use crate::support::{ADMIN, Answer, PASSWORD, TestHub};

const NOBODY: [(&str, &str); 2] = [("CARILLON_ADMIN_EMAIL", ""), ("CARILLON_ADMIN_PASSWORD", "")];

async fn set_up(hub: &TestHub, token: &str) -> Answer {
    let body = json!({"token": token, "email": ADMIN, "name": "First", "password": PASSWORD});
    Answer::of(&hub.authority, "POST", "/api/v1/auth/setup", &[], Some(body)).await
}

#[actix::test]
async fn the_printed_token_makes_one_admin() {
    let hub = TestHub::with(&NOBODY).await;
    let token = hub.setup_token().expect("a hub without accounts prints its setup address");

    assert_eq!(set_up(&hub, "guessed").await.status, 403);
    let made = set_up(&hub, &token).await;
    assert_eq!((made.status, &made.json()["user"]["isAdmin"]), (201, &json!(true)));
    assert!(made.header("set-cookie").is_some());
    hub.admin().await;

    let again = set_up(&hub, &token).await;
    assert_eq!((again.status, &again.json()["type"]), (403, &json!("/problems/setup-refused")));
}

#[actix::test]
async fn a_restart_without_accounts_makes_a_new_token() {
    let hub = TestHub::with(&NOBODY).await;
    let old = hub.setup_token().unwrap();
    let data = hub.stop().await;

    let hub = TestHub::on(&data, &NOBODY).await;
    assert_eq!(set_up(&hub, &old).await.status, 403);
    assert_eq!(set_up(&hub, &hub.setup_token().unwrap()).await.status, 201);
}

#[actix::test]
async fn there_is_no_setup_where_there_is_an_admin() {
    let hub = TestHub::start().await;
    assert_eq!(hub.setup_token(), None);
    assert_eq!(set_up(&hub, "guessed").await.status, 403);
}
