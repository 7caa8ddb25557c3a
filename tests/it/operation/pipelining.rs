//! Clients that send requests without waiting for the answers to earlier ones.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::process::{Scratch, TestProcess};
use crate::support::tls::{Certificate, connect};

/// With their fillers more than the hub reads ahead.
const REQUESTS: usize = 60;

/// Reads until the text is there.
fn read_until(stream: &mut impl Read, wanted: &str) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.contains(wanted) {
        let length = stream.read(&mut buffer).expect("the hub answers");
        assert!(length > 0, "the hub closed after {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    text
}

/// Polls for an event that does not come.
fn poll(stream: &mut (impl Read + Write)) {
    let path = "/socket.io/?EIO=4&transport=polling";
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("the hub listens");
    let opened = read_until(stream, "maxPayload");
    let sid = opened.split("\"sid\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a session");
    write!(stream, "GET {path}&sid={sid} HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("the hub listens");
}

/// Polls for an event that does not come, with a flood behind it; answers how long the poll took, how much of that the hub
/// was on a processor, and all answers.
fn flood(stream: &mut (impl Read + Write), hub: &TestProcess) -> (Duration, Duration, String) {
    let (began, used) = (Instant::now(), hub.processor_time());
    poll(stream);
    let filler = "x".repeat(9000);
    for n in 0..REQUESTS {
        let headers = format!("host: localhost\r\nx-request-id: number-{n}.\r\nx-filler: {filler}\r\n");
        write!(stream, "GET /health/live HTTP/1.1\r\n{headers}\r\n").expect("the hub reads on");
    }
    stream.flush().expect("the hub reads on");
    let first = read_until(stream, "HTTP/1.1 200 OK");
    let (took, used) = (began.elapsed(), hub.processor_time() - used);
    let last = format!("x-request-id: number-{}.", REQUESTS - 1);
    (took, used, first + &read_until(stream, &last))
}

fn check((took, used, answers): (Duration, Duration, String)) {
    let places: Vec<_> = (0..REQUESTS).map(|n| answers.find(&format!("x-request-id: number-{n}."))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "answered as they were sent: {places:?}");
    assert!(took > Duration::from_secs(1), "the flood waited for {took:?} only");
    assert!(used < took / 5, "the hub was on a processor for {used:?} of {took:?}");
}

#[actix::test]
async fn a_flood_behind_a_request_that_waits_costs_nothing_until_its_turn() {
    let data = Scratch::new();
    let hub = TestProcess::start_with(data.path(), &[("CARILLON__SOCKET__HEARTBEAT", "3s")]).await;

    let flooded = tokio::task::spawn_blocking(move || {
        flood(&mut TcpStream::connect(&hub.authority).expect("the hub listens"), &hub)
    });

    check(flooded.await.expect("the hub answers"));
}

#[actix::test]
async fn a_flood_under_tls_costs_nothing_until_its_turn() {
    let (data, certificate) = (Scratch::new(), Certificate::new());
    let (file, key) = (certificate.certificate(), certificate.key());
    let keys = [
        ("CARILLON__SOCKET__HEARTBEAT", "3s"),
        ("CARILLON__HTTP__TLS_CERTIFICATE", file.as_str()),
        ("CARILLON__HTTP__TLS_KEY", key.as_str()),
    ];
    let hub = TestProcess::start_with(data.path(), &keys).await;

    let trusted = file.clone();
    let flooded = tokio::task::spawn_blocking(move || flood(&mut connect(&hub.authority, &trusted), &hub));

    check(flooded.await.expect("the hub answers"));
}

#[actix::test]
async fn requests_behind_one_that_waits_cost_next_to_no_memory() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;

    let (before, after) = tokio::task::spawn_blocking(move || {
        let before = hub.memory();
        let connections: Vec<_> = (0..20)
            .map(|_| {
                let mut stream = TcpStream::connect(&hub.authority).expect("the hub listens");
                poll(&mut stream);
                stream.write_all(&b"GET / HTTP/1.1\r\nhost: h\r\n\r\n".repeat(5000)).expect("there is room");
                stream
            })
            .collect();
        // It has looked at all of them once another one is answered, on every thread.
        for _ in 0..20 {
            let mut stream = TcpStream::connect(&hub.authority).expect("the hub listens");
            write!(stream, "GET /health/live HTTP/1.1\r\nhost: h\r\n\r\n").expect("the hub listens");
            read_until(&mut stream, "200 OK");
        }
        let after = hub.memory();
        drop(connections);
        (before, after)
    })
    .await
    .expect("the hub answers");

    // Taken apart, the requests would be half a gigabyte.
    assert!(after < before + 60_000, "{before} KiB before, {after} with them");
}

#[actix::test]
async fn what_comes_before_an_upgrade_is_answered_before_it() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;
    let admin = hub.admin().await;
    let token = admin.create_module("station-1").await;

    let answers = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(&hub.authority).expect("the hub listens");
        let live = "GET /health/live HTTP/1.1\r\nhost: h\r\n\r\n".repeat(20);
        let body = r#"{"telemetry":{"a":1}}"#;
        let report = format!(
            "POST /api/v1/modules/station-1/telemetry HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let upgrade = format!(
            "GET /ws HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n",
            admin.access_token
        );
        stream.write_all((live + &report + &upgrade).as_bytes()).expect("the hub listens");
        read_until(&mut stream, "HTTP/1.1 101")
    })
    .await
    .expect("the hub answers");

    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 21, "{answers}");
}

#[actix::test]
async fn events_that_are_published_ahead_of_their_answers_are_all_taken() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;
    let admin = hub.admin().await;

    let answers = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(&hub.authority).expect("the hub listens");
        let body = r#"{"event":"rt_test","topic":"custom:test","data":{"a":1}}"#;
        let event = format!(
            "POST /api/v1/events HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            admin.access_token,
            body.len()
        );
        let (mut answers, events) = (String::new(), event.repeat(50));
        let (begin, rest) = events.split_at(event.len() * 3 - 5);
        stream.write_all(begin.as_bytes()).expect("the hub listens");
        answers += &read_until(&mut stream, "HTTP/1.1 202");
        stream.write_all(rest.as_bytes()).expect("the hub listens");
        stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: h\r\n\r\n").expect("the hub listens");
        answers + &read_until(&mut stream, "200 OK")
    })
    .await
    .expect("the hub answers");

    assert_eq!(answers.matches("HTTP/1.1 202").count(), 50, "{answers}");
    assert!(!answers.contains("connection: close"), "{answers}");
}

#[actix::test]
async fn the_last_answer_is_whole_though_more_requests_were_sent_behind_it() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;

    let answers = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(&hub.authority).expect("the hub listens");
        let last = "GET /openapi.json HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        let behind = "GET /health/live HTTP/1.1\r\nhost: h\r\n\r\n".repeat(5000);
        stream.write_all((last.to_owned() + &behind).as_bytes()).expect("there is room");
        // The hub has ended it when this is answered.
        let mut other = TcpStream::connect(&hub.authority).expect("the hub listens");
        for _ in 0..100 {
            write!(other, "GET /health/live HTTP/1.1\r\nhost: h\r\n\r\n").expect("the hub listens");
            read_until(&mut other, "200 OK");
        }
        let mut answers = Vec::new();
        stream.read_to_end(&mut answers).expect("nothing is cut off");
        String::from_utf8_lossy(&answers).into_owned()
    })
    .await
    .expect("the hub answers");

    let (head, body) = answers.split_once("\r\n\r\n").expect("an answer");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    assert_eq!(length.map(str::to_owned), Some(body.len().to_string()), "{head}");
    assert!(head.contains("connection: close") && body.ends_with('}'), "{head}");
}
