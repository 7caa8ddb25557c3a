//! Who may open a socket, and when it ends.

use serde_json::json;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::raw::RawSocket;
use crate::support::{Answer, Ended, PASSWORD, TestHub, TestTab, open};

#[actix::test]
async fn a_socket_needs_a_credential() {
    let hub = TestHub::start().await;

    assert_eq!(open(&hub.authority, "/ws", &[]).await.err(), Some(401));
    assert_eq!(open(&hub.authority, "/ws", &[("authorization", "Bearer nonsense")]).await.err(), Some(401));
    assert_eq!(open(&hub.authority, "/ws", &[("cookie", "carillon_session=x")]).await.err(), Some(403));
    assert_eq!(open(&hub.authority, "/elsewhere", &[]).await.err(), Some(404));
}

#[actix::test]
async fn a_cookie_opens_a_socket_only_from_a_page_of_this_hub() {
    let hub = TestHub::start().await;
    let body = json!({"email": crate::support::ADMIN, "password": PASSWORD});
    let login = Answer::of(&hub.authority, "POST", "/api/v1/auth/login", &[], Some(body)).await;
    let cookie = login.header("set-cookie").expect("a login sets a cookie").split(';').next().unwrap().to_owned();
    let own = format!("http://{}", hub.authority);

    let with = |origin: String| {
        let (authority, cookie) = (hub.authority.clone(), cookie.clone());
        async move { open(&authority, "/ws", &[("cookie", &cookie), ("origin", &origin)]).await.err() }
    };
    assert_eq!(with(own).await, None);
    assert_eq!(with("http://evil.example".into()).await, Some(403));
    assert_eq!(with("null".into()).await, Some(403));
    assert_eq!(open(&hub.authority, "/ws", &[("cookie", &cookie)]).await.err(), Some(403));
}

#[actix::test]
async fn a_ticket_opens_one_socket() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let ticket = admin.post("/api/v1/auth/ticket", json!({})).await.json()["ticket"].as_str().unwrap().to_owned();
    let path = format!("/ws?ticket={ticket}");

    assert!(open(&hub.authority, &path, &[("origin", "https://elsewhere.example")]).await.is_ok());
    assert_eq!(open(&hub.authority, &path, &[]).await.err(), Some(401));
}

#[actix::test]
async fn a_logout_ends_the_sockets_of_its_login_only() {
    let hub = TestHub::start().await;
    let (first, second) = (hub.admin().await, hub.admin().await);
    let mut ending = hub.tab(&first, &["modules"]).await;
    let mut staying = hub.tab(&second, &["modules"]).await;

    assert_eq!(first.post("/api/v1/auth/logout", json!({})).await.status, 204);

    assert_eq!(ending.next_of("bye").await["code"], 4001);
    assert_eq!(ending.end().await, Ended { code: 4001 });
    assert_eq!(staying.ask(json!({"type": "ping"})).await["type"], "pong");
    let bearer = format!("Bearer {}", first.access_token);
    assert_eq!(open(&hub.authority, "/ws", &[("authorization", &bearer)]).await.err(), Some(401));
}

#[actix::test]
async fn a_change_of_roles_makes_open_sockets_come_back() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let user = hub.user("ann@example.org").await;
    let mut tab = hub.tab(&user, &["modules"]).await;

    let path = format!("/api/v1/users/{}", user.id);
    assert_eq!(admin.patch(&path, json!({"roles": ["admin", "user"]})).await.status, 200);

    assert_eq!(tab.next_of("bye").await["code"], 1012);
    let mut again = TestTab::connect(&hub.authority, &user.access_token).await;
    again.begin(&["admin"]).await;
}

#[actix::test]
async fn an_account_has_a_bounded_number_of_sockets() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__MAX_PER_USER", "2")]).await;
    let admin = hub.admin().await;
    let _first = hub.tab(&admin, &[]).await;
    let _second = hub.tab(&admin, &[]).await;

    let mut third = TestTab::connect(&hub.authority, &admin.access_token).await;

    let bye = third.next_of("bye").await;
    assert_eq!(bye["code"], 4029);
    assert!(bye["retryAfterMs"].as_u64().is_some());
}

#[actix::test]
async fn a_token_extends_a_socket_only_of_the_same_login() {
    let hub = TestHub::start().await;
    let (admin, user) = (hub.admin().await, hub.user("ann@example.org").await);
    let mut tab = hub.tab(&admin, &[]).await;

    let mine = tab.ask(json!({"type": "token", "id": 1, "accessToken": admin.access_token})).await;
    assert_eq!((&mine["id"], &mine["ok"]), (&json!(1), &json!(true)), "{mine}");
    for foreign in [user.access_token, hub.admin().await.access_token] {
        let refused = tab.ask(json!({"type": "token", "id": 2, "accessToken": foreign})).await;
        assert_eq!((&refused["id"], &refused["ok"]), (&json!(2), &json!(false)), "{refused}");
    }
}

#[actix::test]
async fn a_stopping_hub_says_when_to_come_back() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut tab = hub.tab(&admin, &["modules"]).await;

    let stopped = actix::spawn(hub.stop());

    let bye = tab.next_of("bye").await;
    assert_eq!(bye["code"], 1012);
    assert!(bye["retryAfterMs"].as_u64().is_some());
    assert_eq!(tab.end().await, Ended { code: 1012 });
    drop(tab);
    stopped.await.expect("the hub stops");
}

#[actix::test]
async fn who_comes_while_the_hub_stops_is_sent_away_too() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let module = admin.create_module("MC-1").await;
    let authority = hub.authority.clone();
    let (person, device) = (kept(&authority).await, kept(&authority).await);
    // It hears the goodbye and does not hang up, which the hub gives it a moment for.
    let mut lingering = RawSocket::open(&authority, &admin.access_token, "").await;

    let stopped = actix::spawn(hub.stop());
    lingering.next_of("bye").await;
    let mut person = RawSocket::over(person, "/ws", &authority, &admin.access_token, "").await;
    let mut device = RawSocket::over(device, "/ws/module", &authority, &module, "").await;

    for late in [&mut person, &mut device] {
        let bye = late.next_of("bye").await.json();
        assert_eq!(bye["code"], 1012, "{bye}");
        assert!(bye["retryAfterMs"].as_u64().is_some_and(|after| after <= 5000), "{bye}");
        assert_eq!(late.end().await, 1012);
    }
    drop((lingering, person, device));
    stopped.await.expect("the hub stops");
}

/// A connection over which a request has been answered, so that the hub has taken it.
async fn kept(authority: &str) -> TcpStream {
    let mut stream = TcpStream::connect(authority).await.expect("the hub listens");
    let request = format!("HEAD /health/live HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the hub listens");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the hub answers"));
    }
    stream
}
