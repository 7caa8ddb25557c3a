//! The hub behind a certificate of its own.

use std::io::{Read, Write};

use carillon::config::Config;
use serde_json::{Value, json};

use crate::support::tls::{Certificate, connect};
use crate::support::{ADMIN, PASSWORD, TestHub};

/// Sends one request over TLS and answers what comes back until `enough` or the end.
async fn ask(authority: &str, certificate: &str, request: String, enough: &'static str) -> String {
    let (authority, certificate) = (authority.to_owned(), certificate.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = connect(&authority, &certificate);
        stream.write_all(request.as_bytes()).expect("TLS can be tried");
        let (mut text, mut buffer) = (String::new(), [0; 4096]);
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            text.push_str(&String::from_utf8_lossy(&buffer[..length]));
            if text.contains(enough) {
                break;
            }
        }
        text
    });
    asked.await.expect("TLS can be tried")
}

fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

#[actix::test]
async fn requests_and_sockets_are_served_over_tls() {
    let certificate = Certificate::new();
    let hub = TestHub::with(&[
        ("CARILLON__HTTP__TLS_CERTIFICATE", &certificate.certificate()),
        ("CARILLON__HTTP__TLS_KEY", &certificate.key()),
    ])
    .await;
    let path = certificate.certificate();

    let body = json!({"email": ADMIN, "password": PASSWORD}).to_string();
    let headers = "content-type: application/json\r\nconnection: close\r\n";
    let login = ask(&hub.authority, &path, request("POST", "/api/v1/auth/login", headers, &body), "}}").await;
    assert!(login.starts_with("HTTP/1.1 200"), "{login}");
    assert!(login.contains("strict-transport-security: max-age="), "{login}");
    let cookie = login.lines().find(|line| line.starts_with("set-cookie: carillon_session=")).unwrap();
    assert!(cookie.contains("Secure") && cookie.contains("HttpOnly"), "{cookie}");

    let login: Value = serde_json::from_str(&login[login.find('{').unwrap()..=login.rfind('}').unwrap()]).unwrap();
    let upgrade = format!(
        "authorization: Bearer {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        login["accessToken"].as_str().unwrap()
    );
    let socket =
        ask(&hub.authority, &path, format!("GET /ws HTTP/1.1\r\nhost: localhost\r\n{upgrade}\r\n"), "welcome").await;
    assert!(socket.starts_with("HTTP/1.1 101"), "{socket}");
    assert!(socket.contains("\"type\":\"welcome\""), "{socket}");
}

#[actix::test]
async fn a_key_of_another_certificate_is_refused_at_the_start() {
    let (one, other) = (Certificate::new(), Certificate::new());
    let pairs = [
        ("CARILLON__HTTP__LISTEN", "127.0.0.1:0".to_owned()),
        ("CARILLON__HTTP__TLS_CERTIFICATE", one.certificate()),
        ("CARILLON__HTTP__TLS_KEY", other.key()),
    ];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value));
    let config = Config::load(None, pairs, Vec::new()).unwrap();

    let error = carillon::http::tls(&config.http).unwrap_err().to_string();

    assert!(error.contains("`http.tls_certificate` cannot be used with the key of `http.tls_key`"), "{error}");
}
