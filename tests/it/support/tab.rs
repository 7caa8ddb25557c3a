//! A person's socket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// No answer of a hub takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a socket ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// The close code.
    pub code: u16,
}

/// One open `/ws`.
pub struct TestTab {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The last cursor told.
    pub cursor: String,
    /// How often it was told that all snapshots, or all that was missed, had come.
    pub synced: usize,
}

/// Opens a socket with headers of its own.
pub async fn open(
    authority: &str,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, u16> {
    match try_open(authority, path, headers).await {
        Ok(socket) => Ok(socket),
        Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// Opens a socket to a hub that may go at any moment.
pub async fn try_open(
    authority: &str,
    path: &str,
    headers: &[(&'static str, &str)],
) -> tungstenite::Result<WebSocketStream<MaybeTlsStream<TcpStream>>> {
    let mut request = format!("ws://{authority}{path}").into_client_request().expect("the address is good");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("the header is good"));
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

impl TestTab {
    /// A tab over an open socket.
    pub fn over(socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        Self { socket, cursor: String::new(), synced: 0 }
    }

    /// Opens a socket with an access token.
    pub async fn connect(authority: &str, token: &str) -> Self {
        let bearer = format!("Bearer {token}");
        let socket = open(authority, "/ws", &[("authorization", &bearer)]).await.expect("the token is good");
        Self::over(socket)
    }

    /// Says hello with topics and reads the welcome and a snapshot for each.
    pub async fn begin(&mut self, topics: &[&str]) {
        self.send(json!({"type": "hello", "topics": topics})).await;
        assert_eq!(self.next_of("welcome").await["recovered"], false);
        for _ in topics {
            self.next_of("snapshot").await;
        }
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: Value) {
        self.send_raw(Message::text(frame.to_string())).await;
    }

    /// Sends any message.
    pub async fn send_raw(&mut self, message: Message) {
        self.socket.send(message).await.expect("the socket is open");
    }

    /// The next JSON frame that says more than that all has come, or how the socket ended.
    pub async fn next(&mut self) -> Result<Value, Ended> {
        // Pings are no words: who is only asked whether they are there does not wait forever.
        tokio::time::timeout(PATIENCE, self.next_word()).await.expect("the hub says something")
    }

    async fn next_word(&mut self) -> Result<Value, Ended> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).expect("frames are JSON");
                    if let Some(cursor) = frame["cursor"].as_str() {
                        self.cursor = cursor.to_owned();
                    }
                    if frame["type"] == "synced" {
                        self.synced += 1;
                        continue;
                    }
                    return Ok(frame);
                }
                Some(Ok(Message::Close(close))) => {
                    return Err(Ended { code: close.map_or(1005, |close| close.code.into()) });
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Ended { code: 1006 }),
            }
        }
    }

    /// The next frame, which must be of this type.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        let frame = self.next().await.expect("the socket stays open");
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// The next event of this name, past all others.
    pub async fn event(&mut self, name: &str) -> Value {
        loop {
            let frame = self.next().await.expect("the socket stays open");
            if frame["event"] == name {
                return frame["data"].clone();
            }
        }
    }

    /// The name of the very next event.
    pub async fn next_event(&mut self) -> String {
        self.next_of("event").await["event"].as_str().expect("events have names").to_owned()
    }

    /// Asks and reads the answer, past events.
    pub async fn ask(&mut self, frame: Value) -> Value {
        self.send(frame).await;
        loop {
            let frame = self.next().await.expect("the socket stays open");
            if frame["type"] == "reply" || frame["type"] == "pong" {
                return frame;
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

    /// Everything up to and with the answer to a ping: what was on its way has arrived then.
    pub async fn settle(&mut self) -> Vec<Value> {
        self.send(json!({"type": "ping"})).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await.expect("the socket stays open");
            if frame["type"] == "pong" {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// Drops the connection.
    pub async fn close(mut self) {
        // The other side may be gone already.
        let _ = self.socket.close(None).await;
    }
}
