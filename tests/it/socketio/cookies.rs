//! Who may log in by the session cookie.

use serde_json::json;

use crate::support::{ADMIN, Answer, PASSWORD, TestHub};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// Opens a session and connects to the main namespace with these headers; answers what the hub says.
async fn connect(hub: &TestHub, headers: &[(&str, &str)]) -> String {
    let opened = Answer::of(&hub.authority, "GET", POLLING, &[], None).await;
    let sid = opened.text.split("\"sid\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a session");
    let path = format!("{POLLING}&sid={sid}");
    let posted = Answer::raw(&hub.authority, "POST", &path, headers, Some(b"40")).await;
    assert_eq!((posted.status, posted.text.as_str()), (200, "ok"));
    Answer::of(&hub.authority, "GET", &path, &[], None).await.text
}

async fn log_in(hub: &TestHub) -> String {
    let body = json!({ "email": ADMIN, "password": PASSWORD });
    let answer = Answer::of(&hub.authority, "POST", "/api/v1/auth/login", &[], Some(body)).await;
    let cookie = answer.headers.iter().find(|(name, _)| name == "set-cookie").expect("a cookie");
    cookie.1.split(';').next().expect("a cookie").to_owned()
}

#[actix::test]
async fn only_pages_of_the_hub_come_in_by_the_cookie() {
    let hub = TestHub::start().await;
    let cookie = log_in(&hub).await;
    let own = format!("http://{}", hub.authority);

    let welcome = connect(&hub, &[("cookie", &cookie), ("origin", &own)]).await;
    assert!(welcome.starts_with("40{"), "{welcome}");
    for headers in [&[("cookie", cookie.as_str())][..], &[("cookie", &cookie), ("origin", "http://evil.example")]] {
        let refused = connect(&hub, headers).await;
        assert!(refused.starts_with("44{"), "{refused}");
        assert!(refused.contains("foreign-origin"), "{refused}");
    }
    let nobody = connect(&hub, &[("origin", &own)]).await;
    assert!(nobody.contains("not-authenticated"), "{nobody}");
}
