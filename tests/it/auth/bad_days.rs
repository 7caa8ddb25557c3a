//! Days on which the database does not do its part.

use serde_json::json;

use crate::support::database::Intruder;
use crate::support::{ADMIN, Answer, PASSWORD, TestHub};

#[actix::test]
async fn a_locked_database_is_told_as_a_pause_and_readers_go_on() {
    let hub = TestHub::with(&[("CARILLON__STORE__BUSY_TIMEOUT", "50ms")]).await;
    let admin = hub.admin().await;
    let mut intruder = Intruder::of(hub.data());
    intruder.lock();

    let body = json!({"email": ADMIN, "password": PASSWORD});
    let login = Answer::of(&hub.authority, "POST", "/api/v1/auth/login", &[], Some(body)).await;
    let rename = admin.patch("/api/v1/auth/me", json!({"name": "Renamed"})).await;
    for answer in [login, rename] {
        assert_eq!((answer.status, &answer.json()["type"]), (503, &json!("/problems/unavailable")));
        assert!(answer.header("retry-after").is_some());
        assert!(!answer.text.contains("database"), "{}", answer.text);
    }
    assert_eq!(admin.get("/api/v1/users").await.json()["total"], 1);

    intruder.give_back();
    assert_eq!(admin.patch("/api/v1/auth/me", json!({"name": "Renamed"})).await.json()["name"], "Renamed");
    hub.admin().await;
}
