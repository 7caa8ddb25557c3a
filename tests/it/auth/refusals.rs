//! Too often, too many, the wrong way.

use serde_json::json;

use crate::support::{ADMIN, Answer, PASSWORD, TestHub};

async fn log_in(hub: &TestHub, email: &str, headers: &[(&str, &str)]) -> Answer {
    let body = json!({"email": email, "password": PASSWORD});
    Answer::of(&hub.authority, "POST", "/api/v1/auth/login", headers, Some(body)).await
}

#[actix::test]
async fn one_account_is_not_tried_too_often() {
    let hub = TestHub::with(&[("CARILLON__AUTH__ACCOUNT_ATTEMPTS", "2")]).await;
    for _ in 0..2 {
        assert_eq!(log_in(&hub, "nobody@example.org", &[]).await.status, 401);
    }
    let refused = log_in(&hub, "Nobody@example.org", &[]).await;
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=31).contains(&wait), "{wait}");
    assert_eq!(log_in(&hub, ADMIN, &[]).await.status, 200);
}

#[actix::test]
async fn one_address_does_not_try_too_often() {
    let hub = TestHub::with(&[("CARILLON__AUTH__ADDRESS_ATTEMPTS", "2")]).await;
    for number in 0..2 {
        assert_eq!(log_in(&hub, &format!("nobody{number}@example.org"), &[]).await.status, 401);
    }
    assert_eq!(log_in(&hub, ADMIN, &[]).await.status, 429);
    // Nobody becomes somebody else by saying so.
    assert_eq!(log_in(&hub, ADMIN, &[("x-forwarded-for", "192.0.2.1")]).await.status, 429);
}

#[actix::test]
async fn behind_a_trusted_proxy_callers_are_told_apart() {
    let keys = [("CARILLON__AUTH__ADDRESS_ATTEMPTS", "1"), ("CARILLON__HTTP__TRUSTED_PROXIES", "127.0.0.0/8")];
    let hub = TestHub::with(&keys).await;
    assert_eq!(log_in(&hub, ADMIN, &[("x-forwarded-for", "192.0.2.1")]).await.status, 200);
    assert_eq!(log_in(&hub, ADMIN, &[("x-forwarded-for", "192.0.2.1")]).await.status, 429);
    assert_eq!(log_in(&hub, ADMIN, &[("x-forwarded-for", "192.0.2.2")]).await.status, 200);
}

#[actix::test]
async fn a_burst_of_logins_is_partly_refused_and_the_hub_stays_awake() {
    let keys = [("CARILLON__AUTH__BCRYPT_COST", "9"), ("CARILLON__AUTH__MAX_WAITING_LOGINS", "4")];
    let hub = TestHub::with(&keys).await;
    let admin = hub.admin().await;
    let hub = &hub;
    let burst = (0..60).map(|number| async move { log_in(hub, &format!("n{number}@example.org"), &[]).await });
    let burst = futures_util::future::join_all(burst);

    let (answers, awake) = tokio::join!(burst, admin.get("/api/v1/auth/me"));

    assert_eq!(awake.status, 200);
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!busy.is_empty());
    assert!(busy.iter().all(|answer| answer.header("retry-after").is_some()));
    assert!(answers.iter().all(|answer| matches!(answer.status, 401 | 503)), "{answers:?}");
    assert_eq!(log_in(hub, ADMIN, &[]).await.status, 200);
}

#[actix::test]
async fn other_methods_and_paths_are_told_apart() {
    let hub = TestHub::start().await;
    for (method, path, allow) in [
        ("GET", "/api/v1/auth/login", "POST"),
        ("DELETE", "/api/v1/auth/me", "GET, HEAD, PATCH"),
        ("PUT", "/api/v1/users", "GET, HEAD, POST"),
        ("POST", "/api/v1/users/x", "GET, HEAD, PATCH, DELETE"),
        ("POST", "/api/v1/stats", "GET, HEAD"),
        ("POST", "/health/live", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
    ] {
        let answer = Answer::of(&hub.authority, method, path, &[], None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
        assert_eq!(answer.json()["type"], "/problems/method-not-allowed");
    }
    let head = Answer::of(&hub.authority, "HEAD", "/health/live", &[], None).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    for path in ["/api/v1/nothing", "/api/v1", "/api/v1/auth", "/api/v2/users"] {
        let answer = Answer::of(&hub.authority, "GET", path, &[], None).await;
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")), "{path}");
    }
}
