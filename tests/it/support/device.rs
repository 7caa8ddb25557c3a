//! A module's socket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::tab::{Ended, open};

/// No answer of a hub takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

/// One open `/ws/module`.
pub struct TestDevice {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl TestDevice {
    /// Connects with a token in the header and reads the welcome.
    pub async fn connect(authority: &str, token: &str) -> Self {
        let bearer = format!("Bearer {token}");
        let socket = open(authority, "/ws/module", &[("authorization", &bearer)]).await.expect("the token is good");
        let mut device = Self { socket };
        let welcome = device.next().await.expect("the socket stays open");
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        device
    }

    /// Connects without saying who it is.
    pub async fn stranger(authority: &str) -> Self {
        Self { socket: open(authority, "/ws/module", &[]).await.expect("the handshake needs no token") }
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: Value) {
        self.send_raw(Message::text(frame.to_string())).await;
    }

    /// Sends frames in one piece.
    pub async fn send_all(&mut self, frames: Vec<Value>) {
        for frame in frames {
            self.socket.feed(Message::text(frame.to_string())).await.expect("the socket is open");
        }
        self.socket.flush().await.expect("the socket is open");
    }

    /// Sends any message.
    pub async fn send_raw(&mut self, message: Message) {
        self.socket.send(message).await.expect("the socket is open");
    }

    /// Sends telemetry and waits for its acknowledgement.
    pub async fn report(&mut self, id: u64, telemetry: Value) {
        self.send(json!({"type": "telemetry", "id": id, "telemetry": telemetry})).await;
        let ack = self.next().await.expect("the socket stays open");
        assert_eq!((&ack["type"], &ack["id"]), (&json!("ack"), &json!(id)), "{ack}");
    }

    /// Sends telemetry of a time that is refused; answers the problem.
    pub async fn refused(&mut self, telemetry: Value, ts: &str) -> Value {
        self.send(json!({"type": "telemetry", "id": 1, "ts": ts, "telemetry": telemetry})).await;
        let mut error = self.next().await.expect("the socket stays open");
        assert_eq!(error["type"], "error", "{error}");
        error["problem"].take()
    }

    /// The next JSON frame, or how the socket ended.
    pub async fn next(&mut self) -> Result<Value, Ended> {
        // Pings are no words: who is only asked whether they are there does not wait forever.
        tokio::time::timeout(PATIENCE, self.next_word()).await.expect("the hub says something")
    }

    async fn next_word(&mut self) -> Result<Value, Ended> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("frames are JSON")),
                Some(Ok(Message::Close(close))) => {
                    return Err(Ended { code: close.map_or(1005, |close| close.code.into()) });
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Ended { code: 1006 }),
            }
        }
    }

    /// Reads until the socket ends.
    pub async fn end(&mut self) -> Ended {
        loop {
            if let Err(ended) = self.next().await {
                return ended;
            }
        }
    }

    /// Drops the connection.
    pub async fn disconnect(mut self) {
        // The other side may be gone already.
        let _ = self.socket.close(None).await;
    }
}
