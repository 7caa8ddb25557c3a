//! Clients that come back to a hub that was started again.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{TestHub, open};

const SOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

/// Connects with this `auth`; answers the payload of the answer and every event up to one that is wanted.
async fn connect(hub: &TestHub, auth: &Value, wanted: &str) -> (Value, Vec<Value>) {
    let mut socket = open(&hub.authority, SOCKET, &[]).await.expect("the hub listens");
    socket.send(Message::text(format!("40{auth}"))).await.expect("the hub listens");
    let (mut welcome, mut events) = (Value::Null, Vec::new());
    while let Some(Ok(message)) = socket.next().await {
        let text = message.into_text().expect("a text");
        if let Some(json) = text.strip_prefix("40") {
            welcome = serde_json::from_str(json).expect("JSON");
        } else if let Some(json) = text.strip_prefix("42") {
            let event: Value = serde_json::from_str(json).expect("JSON");
            let is_wanted = event[0] == wanted;
            events.push(event);
            if is_wanted {
                return (welcome, events);
            }
        }
    }
    panic!("the hub closed before `{wanted}`, after {events:?}");
}

#[actix::test]
async fn a_client_that_names_its_topics_misses_nothing_over_a_restart() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let auth = json!({ "token": admin.access_token, "topics": ["modules"] });
    let (welcome, events) = connect(&hub, &auth, "synced").await;
    assert_eq!(events.iter().map(|event| &event[0]).collect::<Vec<_>>(), ["snapshot", "synced"]);
    let offset = events[1][1].as_str().expect("an offset").to_owned();
    admin.create_module("MC-1").await;
    admin.create_module("MC-2").await;
    let data = hub.stop().await;

    let hub = TestHub::on(&data, &[]).await;
    let auth = json!({
        "token": admin.access_token, "topics": ["modules"], "pid": welcome["pid"], "offset": offset,
    });
    let (back, events) = connect(&hub, &auth, "rt_module_added").await;
    assert_eq!(back["pid"], welcome["pid"], "recovered");
    assert_eq!(events[0][1]["moduleId"], "MC-1");
}
