//! permessage-deflate and the assembling of frames, through the door.

use serde_json::{Value, json};

use crate::support::raw::{RawSocket, compressed};
use crate::support::{Account, TestHub};

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";
const FORGETFUL: &str = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover";
const SMALL_WINDOW: &str = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9";
const HELLO: &[u8] = br#"{"type":"hello","topics":["custom:a"]}"#;

async fn listener(hub: &TestHub, account: &Account, extensions: &str) -> RawSocket {
    let mut socket = RawSocket::open(&hub.authority, &account.access_token, extensions).await;
    socket.send(0x81, HELLO).await;
    socket.next_of("snapshot").await;
    socket
}

async fn publish(admin: &Account, text: &str) -> Value {
    let event = json!({"event": "rt_hello", "topic": "custom:a", "data": {"text": text}});
    assert_eq!(admin.post("/api/v1/events", event.clone()).await.status, 202);
    event["data"].clone()
}

#[actix::test]
async fn one_compressed_frame_goes_to_all_who_can_read_it() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let plain = listener(&hub, &admin, "").await;
    let mut first = listener(&hub, &admin, OFFER).await;
    let mut second = listener(&hub, &admin, OFFER).await;
    let narrow = listener(&hub, &admin, SMALL_WINDOW).await;
    assert_eq!(plain.extensions, None);
    assert_eq!(first.extensions.as_deref(), Some("permessage-deflate; client_no_context_takeover"));
    let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(narrow.extensions, Some(format!("{agreed}; server_max_window_bits=9")));

    let data = publish(&admin, &"now and then ".repeat(100)).await;

    let frame = first.next_of("event").await;
    assert!(frame.is_compressed() && frame.payload.len() < 300, "{} bytes", frame.payload.len());
    assert_eq!(frame.json()["data"], data);
    assert_eq!(second.next_of("event").await, frame);
    for mut other in [plain, narrow] {
        let frame = other.next_of("event").await;
        assert_eq!((frame.first, &frame.json()["data"]), (0x81, &data));
    }
}

#[actix::test]
async fn an_event_leans_on_the_one_before_in_one_frame_for_all_who_remember_that() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut first = listener(&hub, &admin, OFFER).await;
    let mut second = listener(&hub, &admin, OFFER).await;
    let mut forgetful = listener(&hub, &admin, FORGETFUL).await;
    publish(&admin, "the door is open, the light is on").await;
    assert_eq!(first.next_of("event").await, second.next_of("event").await);
    assert!(!forgetful.next_of("event").await.is_compressed());
    let mut late = listener(&hub, &admin, OFFER).await;

    for text in ["the door is shut, the light is on", "the door is shut, the light is off"] {
        let data = publish(&admin, text).await;

        let frame = first.next_of("event").await;
        assert!(frame.is_compressed() && frame.payload.len() < 60, "{} bytes", frame.payload.len());
        assert_eq!(frame.json()["data"], data);
        assert_eq!(second.next_of("event").await, frame);
        for other in [&mut forgetful, &mut late] {
            assert_eq!(other.next_of("event").await.json()["data"], data);
        }
    }
    // What is told to one alone comes between.
    first.send(0x81, br#"{"type":"subscribe","id":1,"topics":["modules"]}"#).await;
    first.next_of("snapshot").await;
    let data = publish(&admin, "the door is open, the light is on").await;
    let heard = [first.next_of("event").await, second.next_of("event").await, late.next_of("event").await];
    assert!(heard.iter().all(|frame| frame.json()["data"] == data));
    assert_eq!(heard[1], heard[2], "who came late is like the others after one event");
}

#[actix::test]
async fn short_frames_stay_plain_and_snapshots_are_compressed() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for number in 0..5 {
        admin.create_module(&format!("MC-{number}")).await;
    }
    let mut socket = listener(&hub, &admin, FORGETFUL).await;

    publish(&admin, "short").await;
    assert!(!socket.next_of("event").await.is_compressed());
    socket.send(0x81, br#"{"type":"subscribe","id":1,"topics":["modules"]}"#).await;
    assert!(!socket.next_of("reply").await.is_compressed());
    let snapshot = socket.next_of("snapshot").await;
    assert!(snapshot.is_compressed());
    assert_eq!(snapshot.json()["data"]["modules"].as_array().map(Vec::len), Some(5));
}

#[actix::test]
async fn compression_can_be_turned_off() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__COMPRESSION", "false")]).await;
    let admin = hub.admin().await;

    let socket = listener(&hub, &admin, OFFER).await;

    assert_eq!(socket.extensions, None);
}

#[actix::test]
async fn a_compressed_message_in_fragments_is_read_and_pings_come_between() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut socket = RawSocket::open(&hub.authority, &admin.access_token, OFFER).await;
    let bytes = compressed(HELLO);

    socket.send(0x41, &bytes[..5]).await;
    socket.send(0x89, b"between").await;
    socket.send(0x00, &[]).await;
    socket.send(0x80, &bytes[5..]).await;

    let pong = socket.next().await;
    assert_eq!((pong.first, &pong.payload[..]), (0x8a, &b"between"[..]));
    socket.next_of("welcome").await;
    assert_eq!(socket.next_of("snapshot").await.json()["topic"], "custom:a");
}

#[actix::test]
async fn a_compression_bomb_ends_its_own_socket_only() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut other = listener(&hub, &admin, OFFER).await;
    let mut socket = RawSocket::open(&hub.authority, &admin.access_token, OFFER).await;
    let bomb = compressed(&vec![b' '; 60 << 20]);
    assert!(bomb.len() < 65_536, "{} bytes", bomb.len());

    socket.send(0xc1, &bomb).await;

    assert_eq!(socket.end().await, 1009);
    publish(&admin, "still here").await;
    other.next_of("event").await;
}

#[actix::test]
async fn frames_that_break_the_rules_of_compression_end_the_socket() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let hello = compressed(HELLO);
    for (what, extensions, frames, code) in [
        ("damaged", OFFER, vec![(0xc1, &[0xff; 10][..])], 1007),
        ("compressed, but not UTF-8", OFFER, vec![(0xc1, &compressed(&[0xff; 300])[..])], 1007),
        ("a compressed ping", OFFER, vec![(0xc9, &b""[..])], 1002),
        ("a mark in the middle", OFFER, vec![(0x41, &hello[..5]), (0xc0, &hello[5..])], 1002),
        ("not agreed on", "", vec![(0xc1, &hello[..])], 1002),
        ("another reserved bit", OFFER, vec![(0xa1, HELLO)], 1002),
    ] {
        let mut socket = RawSocket::open(&hub.authority, &admin.access_token, extensions).await;
        for (first, payload) in frames {
            socket.send(first, payload).await;
        }
        assert_eq!(socket.end().await, code, "{what}");
    }
}

#[actix::test]
async fn what_is_wrong_is_refused_before_the_rest_of_it_comes() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for (what, length, beginning, code) in
        [("a terabyte", 1 << 40, &b"{"[..], 1009), ("no text", 1000, &b"{\"type\":\"\xff"[..], 1007)]
    {
        let mut socket = RawSocket::open(&hub.authority, &admin.access_token, "").await;
        socket.send_part(0x81, length, beginning).await;
        assert_eq!(socket.end().await, code, "{what}");
    }
}

#[actix::test]
async fn a_message_in_single_bytes_ends_at_the_limit() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut socket = RawSocket::open(&hub.authority, &admin.access_token, "").await;
    socket.send(0x01, b"{").await;
    let fragment = [0x00, 0x81, 0, 0, 0, 0, b' '];

    socket.send_bytes(&fragment.repeat(70_000)).await;

    assert_eq!(socket.end().await, 1009);
}
