//! Bodies that are not what they must be, on every route that takes one.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Account, Answer, TestHub};

const ROUTES: [(&str, &str); 7] = [
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/setup"),
    ("POST", "/api/v1/auth/password"),
    ("PATCH", "/api/v1/auth/me"),
    ("POST", "/api/v1/users"),
    ("PATCH", "/api/v1/users/x"),
];

async fn send(hub: &TestHub, who: &Account, route: (&str, &str), content_type: &str, body: &[u8]) -> Answer {
    let bearer = format!("Bearer {}", who.access_token);
    let headers = [("authorization", bearer.as_str()), ("content-type", content_type)];
    Answer::raw(&hub.authority, route.0, route.1, &headers, Some(body)).await
}

#[actix::test]
async fn every_route_refuses_what_it_cannot_read() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(1024 * 1024));
    for route in ROUTES {
        for (status, content_type, body) in [
            (415, "text/plain", "{}"),
            (415, "application/x-www-form-urlencoded", "email=a"),
            (413, "application/json", &*large),
            (400, "application/json", ""),
            (400, "application/json", "{"),
            (400, "application/json", "{} {}"),
            (400, "application/json", "{\"email\":NaN}"),
            (422, "application/json", "[]"),
            (422, "application/json", "null"),
            (422, "application/json; charset=utf-8", "{\"unknown\":1}"),
        ] {
            let answer = send(&hub, &admin, route, content_type, body.as_bytes()).await;
            let told = &answer.text;
            assert_eq!(answer.status, status, "{route:?} {content_type} {}: {told}", &body[..body.len().min(30)]);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert_eq!(answer.json()["status"], status);
        }
        let answer = send(&hub, &admin, route, "application/json", b"{\"email\":\"\xff\"}").await;
        assert_eq!(answer.status, 400, "{route:?} {}", answer.text);
    }
}

#[actix::test]
async fn the_configured_limit_of_bodies_counts() {
    let hub = TestHub::with(&[("CARILLON__HTTP__BODY_LIMIT", "2048")]).await;
    let admin = hub.admin().await;
    for (length, status) in [(1500, 422), (2500, 413)] {
        let body = format!("{{\"email\":\"{}\"}}", "x".repeat(length));
        let answer = send(&hub, &admin, ("POST", "/api/v1/users"), "application/json", body.as_bytes()).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

#[actix::test]
async fn every_field_is_judged_and_named() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let good = json!({"email": "ada@example.org", "name": "Ada", "password": "ten chars!", "roles": ["user"]});
    let bad: [(&str, Value); 17] = [
        ("/email", json!("ada")),
        ("/email", json!(7)),
        ("/email", json!(null)),
        ("/email", json!("a\u{0}@example.org")),
        ("/email", json!(format!("{}@example.org", "x".repeat(250)))),
        ("/name", json!("")),
        ("/name", json!("  ")),
        ("/name", json!("x".repeat(101))),
        ("/name", json!("a\nb")),
        ("/name", json!({"first": "Ada"})),
        ("/password", json!("nine char")),
        ("/password", json!("é".repeat(37))),
        ("/password", json!(1e300)),
        ("/roles", json!("admin")),
        ("/roles", json!([])),
        ("/roles/0", json!(["root"])),
        ("/roles/1", json!(["user", 1])),
    ];
    for (pointer, value) in bad {
        let mut body = good.clone();
        body[pointer.split('/').nth(1).unwrap()] = value;
        let answer = admin.post("/api/v1/users", body.clone()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}: {}", answer.text);
    }
    let half = br#"{"email":"ada@example.org","name":"\ud800","password":"ten chars!"}"#;
    let answer = send(&hub, &admin, ("POST", "/api/v1/users"), "application/json", half).await;
    assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!("/name")));
    assert_eq!(admin.get("/api/v1/users").await.json()["total"], 1);
    assert_eq!(admin.post("/api/v1/users", good).await.status, 201);
}

#[actix::test]
async fn ids_that_nobody_has_are_not_there() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for id in ["x", "%00", "a%2Fb", "%F0%9F%94%94", "'%20OR%201=1", &"x".repeat(500)] {
        assert_eq!(admin.get(&format!("/api/v1/users/{id}")).await.status, 404, "{id}");
    }
}

#[actix::test]
async fn the_configured_bounds_of_bodies_hold() {
    let hub = TestHub::with(&[("CARILLON__HTTP__BODY_LIMIT", "2048"), ("CARILLON__HTTP__BODY_TIMEOUT", "200ms")]).await;
    let admin = hub.admin().await;
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(2048));
    let answer = send(&hub, &admin, ("PATCH", "/api/v1/auth/me"), "application/json", large.as_bytes()).await;
    assert_eq!(answer.status, 413, "{}", answer.text);

    let mut stream = TcpStream::connect(&hub.authority).await.unwrap();
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\n";
    stream.write_all(format!("{head}content-length: 100\r\n\r\n{{").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The hub closes: what else would come on this connection is the rest of the body.
    stream.read_to_end(&mut answer).await.unwrap();

    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
}
