//! Headers that every answer carries.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::process::{Scratch, TestProcess, logs_of};
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

#[actix::test]
async fn a_request_that_cannot_be_read_is_refused_and_no_error_of_the_hub() {
    let data = Scratch::new();
    let mut hub = TestProcess::start_with(data.path(), &[]).await;
    for request in
        ["GET / HTTP/1.1\r\nno header\r\n\r\n", "\u{1}\r\n\r\n", "POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n"]
    {
        let mut stream = TcpStream::connect(&hub.authority).expect("the hub listens");
        stream.write_all(request.as_bytes()).expect("the hub reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the hub answers and closes");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
    }
    hub.terminate();
    hub.exit().await;

    let logged = hub.rest_of_log().await + &logs_of(&data);
    assert!(logged.contains("stopping") && !logged.contains("ERROR"), "{logged}");
}
