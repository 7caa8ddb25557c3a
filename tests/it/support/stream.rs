//! A person's stream of server-sent events.

use std::pin::Pin;
use std::time::Duration;

use awc::Client;
use awc::error::PayloadError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde_json::Value;

/// No answer of a hub takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

/// One message of a stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sent {
    /// Its `event`; empty for one that only moves the cursor.
    pub event: String,
    /// Its `data`.
    pub data: Value,
}

/// One open `GET /api/v1/events`.
pub struct TestStream {
    body: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>,
    buffer: Vec<u8>,
    /// The last `id` told, as a browser would send it back.
    pub last_event_id: String,
}

impl TestStream {
    /// Opens a stream; the status if it is refused.
    pub async fn open(authority: &str, query: &str, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let client = Client::builder().disable_timeout().finish();
        let mut request = client.get(format!("http://{authority}/api/v1/events{query}"));
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        let answer = tokio::time::timeout(PATIENCE, request.send()).await.expect("the hub answers");
        let answer = answer.expect("the hub answers HTTP");
        if answer.status() != 200 {
            return Err(answer.status().as_u16());
        }
        Ok(Self { body: Box::pin(answer), buffer: Vec::new(), last_event_id: String::new() })
    }

    /// The next message; none when the stream has ended.
    pub async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let message: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let text = String::from_utf8(message).expect("a stream is UTF-8");
                if let Some(sent) = self.read(&text) {
                    return Some(sent);
                }
                continue;
            }
            let piece = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("the hub says something");
            self.buffer.extend(piece?.ok()?);
        }
    }

    /// Reads on until a message of this name; answers its data.
    pub async fn next_of(&mut self, event: &str) -> Value {
        loop {
            let sent = self.next().await.expect("the stream is open");
            if sent.event == event {
                return sent.data;
            }
        }
    }

    /// A message, unless it is a comment.
    fn read(&mut self, text: &str) -> Option<Sent> {
        let (mut sent, mut data, mut is_comment) = (Sent::default(), String::new(), true);
        for line in text.lines() {
            let Some((field, value)) = line.split_once(": ").filter(|(field, _)| !field.is_empty()) else { continue };
            is_comment = false;
            match field {
                "event" => value.clone_into(&mut sent.event),
                "id" => value.clone_into(&mut self.last_event_id),
                "data" => data.push_str(value),
                _ => {}
            }
        }
        if !data.is_empty() {
            sent.data = serde_json::from_str(&data).expect("data is JSON");
        }
        (!is_comment).then_some(sent)
    }
}
