//! A client that reads nothing harms nobody.

use serde_json::json;

use crate::support::raw::RawSocket;
use crate::support::{FLOOD, TestHub, within};

#[actix::test]
async fn a_stalled_client_falls_behind_alone_and_catches_up_with_every_event() {
    let keys = [("CARILLON__SOCKET__HIGH_WATER", "16384"), ("CARILLON__SOCKET__LOW_WATER", "4096")];
    let hub = TestHub::with(&keys).await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut stalled = hub.tab(&admin, &["custom:a", "modules"]).await;
    let mut healthy = hub.tab(&admin, &["custom:a"]).await;

    for n in 0..FLOOD {
        admin.say_at_length("custom:a", n).await;
        assert_eq!(healthy.event("rt_count").await["n"], n);
    }
    for speed in 0..50 {
        device.report(speed, json!({"speed": speed})).await;
    }
    let behind = hub.metric("carillon_clients_behind_total").await;
    assert!(behind >= 1.0, "the stalled client was never behind");

    for n in 0..FLOOD {
        assert_eq!(stalled.event("rt_count").await["n"], n);
    }
    let mut last = stalled.event("rt_telemetry_updated").await;
    for frame in stalled.settle().await {
        assert_eq!(frame["event"], "rt_telemetry_updated", "{frame}");
        last = frame["data"].clone();
    }
    assert_eq!(last["telemetry"]["speed"], 49);
}

#[actix::test]
async fn a_client_that_reads_nothing_is_ended_by_its_timer() {
    ends_who_reads_nothing(&TestHub::impatient().await).await;
}

#[actix::test]
async fn who_begins_to_read_nothing_long_before_the_next_heartbeat_is_ended_in_time() {
    let keys = [
        ("CARILLON__SOCKET__SLOW_TIMEOUT", "1s"),
        ("CARILLON__SOCKET__HEARTBEAT", "10m"),
        ("CARILLON__SOCKET__HIGH_WATER", "16384"),
        ("CARILLON__SOCKET__LOW_WATER", "4096"),
    ];
    ends_who_reads_nothing(&TestHub::with(&keys).await).await;
}

async fn ends_who_reads_nothing(hub: &TestHub) {
    let admin = hub.admin().await;
    let stalled = hub.tab(&admin, &["custom:a"]).await;

    admin.flood("custom:a").await;

    hub.until_metric("carillon_sessions_ended_total{code=\"4008\"}", |ended| ended == 1.0).await;
    hub.until_metric("carillon_sockets_open{door=\"websocket\"}", |open| open == 0.0).await;
    drop(stalled);
}

#[actix::test]
async fn the_system_holds_little_for_a_client_that_reads_nothing() {
    let keys = [
        ("CARILLON__SOCKET__SLOW_TIMEOUT", "1s"),
        ("CARILLON__SOCKET__HEARTBEAT", "1s"),
        ("CARILLON__SOCKET__HIGH_WATER", "16384"),
        ("CARILLON__SOCKET__LOW_WATER", "4096"),
        ("CARILLON__SOCKET__SEND_BUFFER", "65536"),
    ];
    let hub = TestHub::with(&keys).await;
    let admin = hub.admin().await;
    let stalled = hub.tab(&admin, &["custom:a"]).await;

    // Left to itself it would hold all of this, and nobody would see that the client is slow.
    for n in 0..30 {
        admin.say_at_length("custom:a", n).await;
    }

    hub.until_metric("carillon_sessions_ended_total{code=\"4008\"}", |ended| ended == 1.0).await;
    drop(stalled);
}

#[actix::test]
async fn who_stays_behind_for_longer_than_events_are_kept_is_told_of_a_gap_and_goes_on() {
    let hub = TestHub::with(&[("CARILLON__BROKER__RING", "16"), ("CARILLON__JOURNAL__MAX_EVENTS", "16")]).await;
    let admin = hub.admin().await;
    let mut stalled = hub.tab(&admin, &["custom:a"]).await;
    let mut healthy = hub.tab(&admin, &["custom:a"]).await;
    // Until the buffers of the machine are full, and then more than is kept.
    let (mut said, mut more) = (0, 40);
    while more > 0 {
        admin.say_at_length("custom:a", said).await;
        assert_eq!(healthy.event("rt_count").await["n"], said);
        said += 1;
        more -= u32::from(hub.metric("carillon_clients_behind_total").await > 0.0);
        assert!(said < 2000, "the stalled client never falls behind");
    }
    hub.until_metric("carillon_journal_events", |kept| kept == 16.0).await;

    let mut told = 0;
    loop {
        let frame = stalled.next().await.expect("the socket stays open");
        if frame["type"] == "gap" {
            break;
        }
        assert_eq!(frame["data"]["n"], told, "in order up to the gap");
        told += 1;
    }
    assert!(told < said - 16, "{told} of {said}");
    stalled.next_of("snapshot").await;
    admin.say_at_length("custom:a", said).await;
    assert_eq!(stalled.event("rt_count").await["n"], said);
    let others: Vec<_> = healthy.settle().await.iter().map(|frame| frame["data"]["n"].clone()).collect();
    assert_eq!(others, [json!(said)], "nobody else was told of a gap");
}

#[actix::test]
async fn silence_ends_only_those_for_whom_nothing_waits() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__HEARTBEAT", "200ms")]).await;
    let admin = hub.admin().await;
    let mut stalled = RawSocket::open(&hub.authority, &admin.access_token, "").await;
    stalled.send(0x81, br#"{"type":"hello","topics":["custom:a"]}"#).await;
    stalled.next_of("snapshot").await;
    admin.flood("custom:a").await;

    // Neither says anything from here on, not even to pings; this one reads.
    let mut silent = RawSocket::open(&hub.authority, &admin.access_token, "").await;
    within("the end of the silent client", silent.read_to_the_end()).await;

    assert_eq!(hub.metric("carillon_sessions_ended_total{code=\"1006\"}").await, 1.0);
    for n in 0..FLOOD {
        assert_eq!(stalled.next_of("event").await.json()["data"]["n"], n);
    }
}

#[actix::test]
async fn a_client_that_is_told_something_all_the_time_is_asked_whether_it_is_there() {
    let hub = TestHub::with(&[("CARILLON__SOCKET__HEARTBEAT", "200ms")]).await;
    let admin = hub.admin().await;
    let mut busy = RawSocket::open(&hub.authority, &admin.access_token, "").await;
    busy.send(0x81, br#"{"type":"hello","topics":["custom:a"]}"#).await;
    busy.next_of("snapshot").await;

    let talking = async {
        let mut number = 0;
        loop {
            admin.say_at_length("custom:a", number).await;
            number += 1;
        }
    };
    let asked = within("two pings", async {
        let (mut pings, mut events) = (0, 0);
        while pings < 2 {
            match busy.next().await.first {
                0x89 => pings += 1,
                _ => events += 1,
            }
        }
        events
    });
    let told = tokio::select! {
        () = talking => 0,
        events = asked => events,
    };
    assert!(told > 0, "it was busy");
}
