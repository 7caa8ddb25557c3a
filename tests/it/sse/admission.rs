//! Who may open a stream.

use crate::support::{Answer, TestHub, TestStream};

#[actix::test]
async fn a_stream_needs_a_login_and_topics_that_one_may_have() {
    let hub = TestHub::start().await;
    let user = hub.user("ada@example.org").await;
    let bearer = format!("Bearer {}", user.access_token);
    let status = |query: &'static str, headers: Vec<(&'static str, String)>| {
        let authority = hub.authority.clone();
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            TestStream::open(&authority, query, &headers).await.err()
        }
    };
    let known = || vec![("authorization", bearer.clone())];
    assert_eq!(status("?topics=modules", vec![]).await, Some(401));
    assert_eq!(status("?ticket=wrong", vec![]).await, Some(401));
    assert_eq!(status("?topics=admin", known()).await, Some(403));
    assert_eq!(status("?topics=user:somebody", known()).await, Some(403));
    assert_eq!(status("?topics=mo%20dules", known()).await, Some(422));
    assert_eq!(status("?topic=modules", known()).await, Some(422));
    assert_eq!(status("?topics=modules&maxRate=0", known()).await, Some(422));
    assert_eq!(status("?topics=modules&maxRate=2", known()).await, None);
    for bad in ["?topics=modules;maxRate=0", "?topics=modules;maxRate=x", "?topics=modules;admin", "?topics=modules;"] {
        assert_eq!(status(bad, known()).await, Some(422), "{bad}");
    }
}

#[actix::test]
async fn a_ticket_opens_one_stream() {
    let hub = TestHub::start().await;
    let user = hub.user("ada@example.org").await;
    let ticket = user.post("/api/v1/auth/ticket", serde_json::json!({})).await.json();
    let query = format!("?topics=modules&ticket={}", ticket["ticket"].as_str().unwrap());
    assert!(TestStream::open(&hub.authority, &query, &[]).await.is_ok());
    assert_eq!(TestStream::open(&hub.authority, &query, &[]).await.err(), Some(401));
}

#[actix::test]
async fn a_head_request_leaves_the_ticket_to_the_stream() {
    let hub = TestHub::start().await;
    let user = hub.user("ada@example.org").await;
    let ticket = user.post("/api/v1/auth/ticket", serde_json::json!({})).await.json();
    let query = format!("?ticket={}", ticket["ticket"].as_str().unwrap());
    let head = Answer::of(&hub.authority, "HEAD", &format!("/api/v1/events{query}"), &[], None).await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    assert!(TestStream::open(&hub.authority, &query, &[]).await.is_ok());
}

#[actix::test]
async fn more_topics_than_a_connection_may_have_are_refused_before_the_stream_begins() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__MAX_TOPICS", "2")]).await;
    let admin = hub.admin().await;
    let refused = admin.get("/api/v1/events?topics=custom:a,custom:b,custom:c").await;
    assert_eq!((refused.status, &refused.json()["type"]), (422, &"/problems/too-many-topics".into()));
    assert_eq!(hub.metric("carillon_sockets_open{door=\"sse\"}").await, 0.0);
    let bearer = format!("Bearer {}", admin.access_token);
    let headers = [("authorization", bearer.as_str())];
    assert!(TestStream::open(&hub.authority, "?topics=custom:a,custom:b", &headers).await.is_ok());
}

#[actix::test]
async fn a_module_that_one_may_not_see_is_refused_in_the_stream() {
    let hub = TestHub::start().await;
    let _ = hub.owner_with_module("MC-1").await;
    let user = hub.user("ada@example.org").await;
    let bearer = format!("Bearer {}", user.access_token);
    let headers = [("authorization", bearer.as_str())];
    let mut stream = TestStream::open(&hub.authority, "?topics=module:MC-1", &headers).await.unwrap();
    assert_eq!(stream.next_of("problem").await["status"], 404);
}

#[actix::test]
async fn a_head_request_opens_no_session() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let answer = admin.send("HEAD", "/api/v1/events", None).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    let figures = Answer::of(&hub.authority, "GET", "/metrics", &[], None).await.text;
    assert!(!figures.contains("carillon_sockets_open{door=\"sse\"} 1"), "{figures}");
}

#[actix::test]
async fn pages_of_configured_origins_may_read_and_others_may_not() {
    let hub = TestHub::with(&[("CARILLON__HTTP__ALLOWED_ORIGINS", "https://panel.example")]).await;
    let asked = [("access-control-request-method", "GET"), ("access-control-request-headers", "authorization")];
    for (origin, allowed) in [("https://panel.example", Some("https://panel.example")), ("https://evil.example", None)]
    {
        let headers = [&[("origin", origin)], &asked[..]].concat();
        let answer = Answer::of(&hub.authority, "OPTIONS", "/api/v1/events", &headers, None).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        let answer = Answer::of(&hub.authority, "GET", "/health/live", &[("origin", origin)], None).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, allowed));
    }
}

#[actix::test]
async fn a_stream_among_too_many_is_told_when_to_open_again() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__ACCEPT_RATE", "2"), ("CARILLON__SOCKET__ACCEPT_BURST", "1")]).await;
    let bearer = format!("Bearer {}", hub.admin().await.access_token);
    let headers = [("authorization", bearer.as_str())];
    let mut first = TestStream::open(&hub.authority, "", &headers).await.unwrap();
    first.next_of("welcome").await;

    let turned_away = Answer::of(&hub.authority, "GET", "/api/v1/events", &headers, None).await;

    assert_eq!(turned_away.status, 200, "a browser gives up a stream that fails");
    assert!(turned_away.text.starts_with("retry: "), "{turned_away:?}");
    assert!(turned_away.text.contains("event: bye\ndata: {\"code\":4029,"), "{turned_away:?}");
    // Logins of their own, as one that asks too often gets no moment of the line.
    let mut told = Ok(());
    for _ in 0..100 {
        if told.is_err() {
            break;
        }
        let bearer = format!("Bearer {}", hub.admin().await.access_token);
        told = TestStream::open(&hub.authority, "", &[("authorization", &bearer)]).await.map(drop);
    }
    assert_eq!(told, Err(503), "there is no moment left in the line");
}

#[actix::test]
async fn a_head_request_is_judged_as_its_stream_would_be() {
    let hub = TestHub::start().await;
    let user = hub.user("ada@example.org").await;
    for (query, status) in [
        ("?topics=admin", 403),
        ("?topics=mo%20dules", 422),
        ("?topics=modules&maxRate=0", 422),
        ("?topics=modules", 200),
    ] {
        let answer = user.send("HEAD", &format!("/api/v1/events{query}"), None).await;
        assert_eq!(answer.status, status, "{query}");
    }
    let answer = Answer::of(&hub.authority, "HEAD", "/api/v1/events?ticket=wrong", &[], None).await;
    assert_eq!(answer.status, 401);
}

#[actix::test]
async fn a_ticket_is_not_spent_by_a_stream_that_is_refused() {
    let hub = TestHub::start().await;
    let user = hub.user("ada@example.org").await;
    let ticket = user.post("/api/v1/auth/ticket", serde_json::json!({})).await.json();
    let query = |topics: &str| format!("?topics={topics}&ticket={}", ticket["ticket"].as_str().unwrap());
    assert_eq!(TestStream::open(&hub.authority, &query("modules;nonsense"), &[]).await.err(), Some(422));
    assert_eq!(TestStream::open(&hub.authority, &query("mo%20dules"), &[]).await.err(), Some(422));
    assert_eq!(TestStream::open(&hub.authority, &query("admin"), &[]).await.err(), Some(403));
    assert!(TestStream::open(&hub.authority, &query("modules"), &[]).await.is_ok());
    assert_eq!(TestStream::open(&hub.authority, &query("modules"), &[]).await.err(), Some(401));
}
