//! What comes over a stream.

use serde_json::json;

use crate::support::{Account, Answer, TestHub, TestStream, within};

async fn stream(hub: &TestHub, account: &Account, query: &str, last_event_id: Option<&str>) -> TestStream {
    let bearer = format!("Bearer {}", account.access_token);
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(last_event_id.map(|id| ("last-event-id", id)));
    TestStream::open(&hub.authority, query, &headers).await.expect("the token is good")
}

#[actix::test]
async fn a_stream_begins_with_a_welcome_and_snapshots_and_goes_on_with_events() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut stream = stream(&hub, &admin, "?topics=modules,custom:a", None).await;

    let welcome = stream.next().await.unwrap();
    assert_eq!((welcome.event.as_str(), &welcome.data["recovered"]), ("welcome", &json!(false)));
    let snapshot = stream.next_of("snapshot").await;
    assert_eq!(snapshot["data"]["modules"][0]["moduleId"], "MC-1");
    while stream.last_event_id.is_empty() {
        stream.next().await.unwrap();
    }
    device.report(1, json!({"speed": 7})).await;
    assert_eq!(stream.next_of("rt_telemetry_updated").await["telemetry"]["speed"], 7);
    admin.count(0..2).await;
    assert_eq!(stream.next_of("rt_count").await["n"], 0);
    assert_eq!(stream.next_of("rt_count").await["n"], 1);
}

#[actix::test]
async fn a_stream_goes_on_where_it_broke_off() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut first = stream(&hub, &admin, "?topics=custom:a", None).await;
    admin.count(0..3).await;
    while first.next_of("rt_count").await["n"] != 1 {}
    let last = first.last_event_id.clone();
    drop(first);
    admin.count(3..6).await;

    for (query, header) in
        [("?topics=custom:a", Some(last.as_str())), (&*format!("?topics=custom:a&cursor={last}"), None)]
    {
        let mut again = stream(&hub, &admin, query, header).await;
        assert_eq!(again.next_of("welcome").await["recovered"], true);
        for n in 2..6 {
            let sent = again.next().await.unwrap();
            assert_eq!((sent.event.as_str(), &sent.data["n"]), ("rt_count", &json!(n)));
        }
    }
}

#[actix::test]
async fn a_stream_says_when_all_has_come() {
    let hub = TestHub::with(&[("CARILLON__BROKER__RING", "16")]).await;
    let admin = hub.admin().await;
    let mut first = stream(&hub, &admin, "?topics=custom:a", None).await;
    first.next_of("snapshot").await;
    assert_eq!(first.next().await.unwrap().event, "synced");
    assert!(!first.last_event_id.is_empty(), "from here on it can come back");
    let last = first.last_event_id.clone();
    drop(first);
    admin.count(0..600).await;

    let mut again = stream(&hub, &admin, "?topics=custom:a", Some(&last)).await;
    assert_eq!(again.next_of("welcome").await["recovered"], true);
    for n in 0..600 {
        assert_eq!(again.next().await.unwrap().data["n"], n);
    }
    let last = again.last_event_id.clone();
    assert_eq!(again.next().await.unwrap().event, "synced", "behind all pages");
    assert_eq!(again.last_event_id, last);
}

#[actix::test]
async fn a_new_topic_begins_with_a_snapshot_while_the_others_go_on() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut first = stream(&hub, &admin, "?topics=custom:a", None).await;
    first.next_of("synced").await;
    let last = first.last_event_id.clone();
    drop(first);
    admin.count(0..2).await;
    device.report(1, json!({"speed": 7})).await;

    let query = "?topics=custom:a,modules;fresh,module:MC-404;fresh;maxRate=2";
    let mut again = stream(&hub, &admin, query, Some(&last)).await;
    assert_eq!(again.next_of("welcome").await["recovered"], true);
    let problem = again.next().await.unwrap();
    assert_eq!((problem.event.as_str(), &problem.data["status"]), ("problem", &json!(404)));
    assert_eq!(problem.data["errors"][0]["pointer"], "/topics/2");
    let snapshot = again.next().await.unwrap();
    assert_eq!((snapshot.event.as_str(), &snapshot.data["topic"]), ("snapshot", &json!("modules")));
    assert_eq!(snapshot.data["cursor"], last, "what was missed of the others comes behind it");
    assert_eq!(snapshot.data["data"]["modules"][0]["telemetry"]["speed"], 7);
    for n in 0..2 {
        assert_eq!(again.next().await.unwrap().data["n"], n, "nothing that the snapshot holds comes again");
    }
    assert_eq!(again.next().await.unwrap().event, "synced");
    device.report(2, json!({"speed": 8})).await;
    assert_eq!(again.next().await.unwrap().data["telemetry"]["speed"], 8);
}

#[actix::test]
async fn each_topic_of_a_stream_may_have_a_rate_of_its_own() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut stream = stream(&hub, &admin, "?topics=custom:a,module:MC-1;maxRate=0.001", None).await;
    stream.next_of("synced").await;
    for speed in 0..3 {
        device.report(speed, json!({"speed": speed})).await;
    }
    assert_eq!(stream.next_of("rt_telemetry_updated").await["telemetry"]["speed"], 0);
    admin.count(0..1).await;
    assert_eq!(stream.next().await.unwrap().data["telemetry"]["speed"], 2, "the newest comes along");
    assert_eq!(stream.next().await.unwrap().data["n"], 0);
}

#[actix::test]
async fn a_stream_whose_id_is_no_cursor_is_told_of_a_gap() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for id in ["nonsense", "0123456789abcdef1", "ffffffffffffffffffffffff"] {
        let mut stream = stream(&hub, &admin, "?topics=modules", Some(id)).await;
        assert_eq!(stream.next_of("welcome").await["recovered"], false);
        assert_eq!(stream.next().await.unwrap().event, "gap", "{id}");
        let snapshot = stream.next_of("snapshot").await;
        stream.next().await.unwrap();
        assert_eq!(stream.last_event_id, snapshot["cursor"], "the gap is mended up to here");
    }
}

#[actix::test]
async fn the_end_of_a_login_ends_its_streams() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut stream = stream(&hub, &admin, "?topics=admin", None).await;
    stream.next_of("snapshot").await;
    assert_eq!(admin.post("/api/v1/auth/logout", json!({})).await.status, 204);
    assert_eq!(stream.next_of("bye").await["code"], 4001);
    assert_eq!(stream.next().await, None);
}

#[actix::test]
async fn a_hub_that_stops_tells_streams_when_to_come_back() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut stream = stream(&hub, &admin, "", None).await;
    stream.next_of("welcome").await;
    let stopped = actix_rt::spawn(hub.stop());
    let bye = stream.next_of("bye").await;
    assert_eq!(bye["code"], 1012);
    assert!(bye["retryAfterMs"].is_u64(), "{bye}");
    assert_eq!(stream.next().await, None);
    stopped.await.unwrap();
}

#[actix::test]
async fn a_stream_that_nobody_reads_falls_behind_alone_and_then_ends() {
    let hub = TestHub::impatient().await;
    let admin = hub.admin().await;
    let stalled = stream(&hub, &admin, "?topics=custom:a", None).await;
    admin.flood("custom:a").await;
    hub.until_metric("carillon_sessions_ended_total{code=\"4008\"}", |ended| ended == 1.0).await;
    assert!(hub.metric("carillon_clients_behind_total").await >= 1.0);
    // Not only when its machine has been silent for long.
    hub.until_metric("carillon_sockets_open{door=\"sse\"}", |open| open == 0.0).await;
    hub.until_metric("carillon_outbox_bytes", |waiting| waiting < 4096.0).await;
    drop(stalled);
}

#[actix::test]
async fn a_stream_is_compressed_for_who_asks_and_ends_as_gzip_ends() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let bearer = format!("Bearer {}", admin.access_token);
    let headers = [("authorization", bearer.as_str()), ("accept-encoding", "gzip, br")];
    let streaming = actix_rt::spawn({
        let (authority, headers) = (hub.authority.clone(), headers.map(|(name, value)| (name, value.to_owned())));
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            Answer::gzip(&authority, "/api/v1/events?topics=custom:a,admin", &headers).await
        }
    });
    let mut watching = hub.tab(&admin, &["admin"]).await;
    within("the stream", async {
        while watching.event("rt_global_stats_updated").await["stats"]["connections"] != 2 {}
    })
    .await;
    admin.count(0..3).await;
    let long = json!({"event": "rt_count", "topic": "custom:a", "data": {"n": 3, "filler": "x".repeat(5000)}});
    assert_eq!(admin.post("/api/v1/events", long).await.status, 202);
    hub.stop().await;

    let text = streaming.await.unwrap();
    assert!(text.ends_with("}\n\n") && text.contains("event: bye"), "{text}");
    assert_eq!(text.matches("event: rt_count").count(), 4);
    assert!(text.contains(&"x".repeat(5000)));
}
