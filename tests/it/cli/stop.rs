use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpStream;

use crate::support::process::{Scratch, TestProcess};
use crate::support::{TestDevice, TestTab};

#[actix::test]
async fn sigterm_says_goodbye_and_exits_0_within_10_seconds_while_sockets_are_open() {
    let data = Scratch::new();
    let mut hub = TestProcess::start(data.path()).await;
    let admin = hub.admin().await;
    let token = admin.create_module("MC-1001-STN").await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    device.report(1, json!({"speed": 1})).await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    tab.begin(&["modules"]).await;
    // Neither a client that says nothing nor one that never reads may hold the hub up.
    let _silent = TcpStream::connect(&hub.authority).await.expect("the hub listens");
    let mut unread = TestTab::connect(&hub.authority, &admin.access_token).await;
    unread.send(json!({"type": "hello", "topics": ["modules"]})).await;

    let asked = Instant::now();
    hub.terminate();
    let (bye, ended) = last_words(&mut tab).await;
    let status = hub.exit().await;

    assert_eq!(status.code(), Some(0), "{status:?}");
    assert!(asked.elapsed() < Duration::from_secs(10), "it took {:?}", asked.elapsed());
    assert_eq!((bye["code"].as_u64(), ended), (Some(1012), 1012));
    assert!(bye["retryAfterMs"].is_u64(), "{bye}");
}

/// The `bye` and the close code behind it.
async fn last_words(tab: &mut TestTab) -> (serde_json::Value, u16) {
    let mut bye = json!(null);
    loop {
        match tab.next().await {
            Ok(frame) if frame["type"] == "bye" => bye = frame,
            Ok(_) => {}
            Err(ended) => return (bye, ended.code),
        }
    }
}
