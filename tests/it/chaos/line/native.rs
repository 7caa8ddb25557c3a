//! The hub's own frames on a WebSocket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::super::cable::Cable;
use super::{Broken, Call, Heard};

/// One open `/ws`.
pub struct Line(WebSocketStream<Cable>);

impl Line {
    /// Opens a socket and says hello.
    pub async fn open(call: Call<'_>) -> Result<Self, Broken> {
        let mut request = format!("ws://{}/ws", call.authority).into_client_request().map_err(|_| Broken::Off)?;
        let bearer = format!("Bearer {}", call.token).parse().map_err(|_| Broken::Off)?;
        request.headers_mut().insert("authorization", bearer);
        let cable = Cable::connect(call.authority, call.fuse).await.map_err(|_| Broken::Off)?;
        let (mut socket, _) = client_async(request, cable).await.map_err(|_| Broken::Off)?;
        let mut hello = json!({"type": "hello", "topics": call.topics});
        if let Some(cursor) = call.cursor {
            hello["cursor"] = cursor.to_string().into();
        }
        socket.send(Message::text(hello.to_string())).await.map_err(|_| Broken::Off)?;
        Ok(Self(socket))
    }

    /// The next frame that says something.
    pub async fn next(&mut self) -> Result<Heard, Broken> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame = serde_json::from_str(&text).expect("frames are JSON");
                    if let Some(heard) = read(frame) {
                        return Ok(heard);
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Broken::Off),
                Some(Ok(_)) => {}
            }
        }
    }
}

fn read(mut frame: Value) -> Option<Heard> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let cursor = |frame: &Value| text(&frame["cursor"]).parse().expect("a cursor");
    match text(&frame["type"]).as_str() {
        "welcome" => Some(Heard::Welcome { recovered: frame["recovered"] == true, from: None, is_told: true }),
        "snapshot" => Some(Heard::Snapshot {
            topic: text(&frame["topic"]),
            cursor: Some(cursor(&frame)),
            data: frame["data"].take(),
        }),
        "event" => {
            Some(Heard::Event { name: text(&frame["event"]), cursor: cursor(&frame), data: frame["data"].take() })
        }
        "gap" => Some(Heard::Gap),
        "bye" => Some(Heard::Bye(frame["retryAfterMs"].as_u64().map(Duration::from_millis))),
        "reply" if frame["ok"] == false => Some(Heard::Refused),
        _ => None,
    }
}
