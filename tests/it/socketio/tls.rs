//! WebSockets under TLS that take over sessions of other threads.

use std::io::{Read, Write};

use crate::support::TestHub;
use crate::support::tls::{Certificate, connect};

/// Enough that connections land on both threads of the hub.
const ROUNDS: usize = 8;

/// A client's frame; the mask is all zeros, which is a mask too.
fn frame(text: &str) -> Vec<u8> {
    let length = text.len();
    let mut frame = vec![0x81];
    match u8::try_from(length) {
        Ok(length @ ..126) => frame.push(0x80 | length),
        _ => frame.extend([0x80 | 126, (length >> 8) as u8, length as u8]),
    }
    frame.extend([0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

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

fn go_over(authority: &str, certificate: &str, token: &str) {
    let mut polling = connect(authority, certificate);
    let path = "/socket.io/?EIO=4&transport=polling";
    write!(polling, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("the hub listens");
    let opened = read_until(&mut polling, "maxPayload");
    let sid = opened.split("\"sid\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a session");

    let mut socket = connect(authority, certificate);
    let path = format!("/socket.io/?EIO=4&transport=websocket&sid={sid}");
    let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    write!(socket, "GET {path} HTTP/1.1\r\nhost: localhost\r\n{upgrade}\r\n").expect("the hub listens");
    read_until(&mut socket, "\r\n\r\n");
    socket.write_all(&frame("2probe")).expect("the hub listens");
    read_until(&mut socket, "3probe");
    // What follows the upgrade at once may be read by the old thread and belongs to the new one.
    let mut rest = frame("5");
    rest.extend(frame(&format!(r#"40{{"token":"{token}"}}"#)));
    rest.extend(frame(r#"427["dance",{}]"#));
    socket.write_all(&rest).expect("the hub listens");
    let told = read_until(&mut socket, "unknown-event");
    assert!(told.contains("40{\"pid\"") || told.contains("40{\"sid\""), "{told}");
}

#[actix::test]
async fn a_socket_under_tls_takes_over_a_session_of_any_thread() {
    let certificate = Certificate::new();
    let hub = TestHub::with(&[
        ("CARILLON__HTTP__TLS_CERTIFICATE", &certificate.certificate()),
        ("CARILLON__HTTP__TLS_KEY", &certificate.key()),
    ])
    .await;
    let (authority, file) = (hub.authority.clone(), certificate.certificate());
    let tried = tokio::task::spawn_blocking(move || {
        let token = crate::support::tls::log_in(&authority, &file);
        for _ in 0..ROUNDS {
            go_over(&authority, &file, &token);
        }
    });
    tried.await.expect("every session goes over");
}
