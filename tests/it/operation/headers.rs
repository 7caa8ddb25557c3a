//! Headers that every answer carries.

use crate::support::{Answer, TestHub};

#[actix::test]
async fn every_answer_carries_a_request_id_and_what_keeps_browsers_safe() {
    let hub = TestHub::start().await;

    for path in ["/", "/static/app.js", "/static/nothing.js", "/nowhere", "/api/v1/modules", "/health/live"] {
        let answer = Answer::of(&hub.authority, "GET", path, &[], None).await;

        assert_eq!(answer.header("x-request-id").map(str::len), Some(32), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("strict-transport-security"), None, "{path}");
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
    }
}

#[actix::test]
async fn a_sane_request_id_is_kept_and_another_replaced() {
    let hub = TestHub::start().await;
    let id_for = async |given: &str| {
        let answer = Answer::of(&hub.authority, "GET", "/health/live", &[("x-request-id", given)], None).await;
        answer.header("x-request-id").unwrap().to_owned()
    };

    assert_eq!(id_for("trace-42").await, "trace-42");
    assert_ne!(id_for("a b\"c").await, "a b\"c");
    assert_ne!(id_for(&"x".repeat(500)).await.len(), 500);
}
