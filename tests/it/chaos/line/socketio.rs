//! Socket.IO 5 over Engine.IO 4, by hand and as the official client does it: over polls or a WebSocket, with connection
//! state recovery.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use carillon::domain::cursor::Cursor;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::super::cable::{Cable, Fuse};
use super::{Broken, Call, Heard};

/// What a client keeps of its connections to come back: as the official one does, the newest private name, and the last
/// argument of the newest event if that is a text.
#[derive(Debug, Default)]
pub struct Ticket {
    pid: Option<String>,
    offset: Option<String>,
}

impl Ticket {
    /// Whether there is something to come back to.
    pub fn is_some(&self) -> bool {
        self.pid.is_some()
    }
}

/// One connection of Socket.IO.
pub struct Line<'a> {
    way: Way,
    ticket: &'a RefCell<Ticket>,
}

enum Way {
    Socket(Box<WebSocketStream<Cable>>),
    Polls(Polls),
}

/// A session over requests, each on a connection of its own.
struct Polls {
    authority: String,
    fuse: Fuse,
    sid: String,
    /// Packets of the last poll that nobody has read.
    packets: VecDeque<String>,
}

impl<'a> Line<'a> {
    /// Opens a session over a WebSocket and joins the main namespace.
    pub async fn over_socket(call: Call<'a>) -> Result<Self, Broken> {
        let cable = Cable::connect(call.authority, call.fuse).await.map_err(|_| Broken::Off)?;
        let address = format!("ws://{}/socket.io/?EIO=4&transport=websocket", call.authority);
        let (socket, _) = client_async(address, cable).await.map_err(|_| Broken::Off)?;
        Self::join(Way::Socket(Box::new(socket)), call).await
    }

    /// Opens a session over polls and joins the main namespace.
    pub async fn over_polls(call: Call<'a>) -> Result<Self, Broken> {
        let mut polls = Polls {
            authority: call.authority.to_owned(),
            fuse: call.fuse.clone(),
            sid: String::new(),
            packets: VecDeque::new(),
        };
        let open = polls.request("GET", "").await?;
        let open: Value = open.strip_prefix('0').and_then(|json| serde_json::from_str(json).ok()).ok_or(Broken::Off)?;
        polls.sid = format!("&sid={}", open["sid"].as_str().ok_or(Broken::Off)?);
        Self::join(Way::Polls(polls), call).await
    }

    async fn join(mut way: Way, call: Call<'a>) -> Result<Self, Broken> {
        let mut auth = json!({"token": call.token, "topics": call.topics});
        {
            let ticket = call.ticket.borrow();
            if let Some(pid) = &ticket.pid {
                auth["pid"] = pid.as_str().into();
                auth["offset"] = ticket.offset.as_deref().into();
            }
        }
        way.send(&format!("40{auth}")).await?;
        Ok(Self { way, ticket: call.ticket })
    }

    /// What the next packet says that says something.
    pub async fn next(&mut self) -> Result<Heard, Broken> {
        loop {
            let packet = self.way.packet().await?;
            match packet.split_at_checked(2) {
                _ if packet == "2" => self.way.send("3").await?,
                Some(("40", json)) => return self.welcome(json),
                Some(("42", json)) => {
                    if let Some(heard) = self.event(json) {
                        return Ok(heard);
                    }
                }
                Some(("41" | "44", _)) => return Err(Broken::Off),
                // The handshake over a WebSocket.
                _ => {}
            }
        }
    }

    fn welcome(&self, json: &str) -> Result<Heard, Broken> {
        let told: Value = serde_json::from_str(json).map_err(|_| Broken::Off)?;
        let pid = told["pid"].as_str().map(str::to_owned);
        let mut ticket = self.ticket.borrow_mut();
        let recovered = pid.is_some() && ticket.pid == pid;
        ticket.pid = pid;
        let from = ticket.offset.as_deref().and_then(cursor_of);
        Ok(Heard::Welcome { recovered, from, is_told: false })
    }

    fn event(&self, json: &str) -> Option<Heard> {
        let mut arguments: Vec<Value> = serde_json::from_str(json).expect("events are arrays");
        let mut cursor = None;
        if let Some(Value::String(offset)) = arguments.get(1..).and_then(<[Value]>::last) {
            cursor = cursor_of(offset);
            self.ticket.borrow_mut().offset = Some(offset.clone());
        }
        let name = arguments[0].as_str().expect("events have names").to_owned();
        let mut data = arguments.remove(1);
        match name.as_str() {
            "snapshot" => {
                let topic = data["topic"].as_str().expect("a topic").to_owned();
                Some(Heard::Snapshot { topic, data: data["data"].take(), cursor })
            }
            "synced" => Some(Heard::Synced(cursor.expect("it tells a place"))),
            "gap" => Some(Heard::Gap),
            "problem" => Some(Heard::Refused),
            "bye" => Some(Heard::Bye(data["retryAfterMs"].as_u64().map(Duration::from_millis))),
            _ => Some(Heard::Event { name, data, cursor: cursor.expect("events have a cursor") }),
        }
    }
}

impl Way {
    async fn send(&mut self, packet: &str) -> Result<(), Broken> {
        match self {
            Self::Socket(socket) => socket.send(Message::text(packet)).await.map_err(|_| Broken::Off),
            Self::Polls(polls) => polls.request("POST", packet).await.map(drop),
        }
    }

    async fn packet(&mut self) -> Result<String, Broken> {
        match self {
            Self::Socket(socket) => loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Broken::Off),
                    Some(Ok(_)) => {}
                }
            },
            Self::Polls(polls) => loop {
                if let Some(packet) = polls.packets.pop_front() {
                    return if packet == "1" { Err(Broken::Off) } else { Ok(packet) };
                }
                let payload = polls.request("GET", "").await?;
                polls.packets.extend(payload.split('\u{1e}').map(str::to_owned));
            },
        }
    }
}

impl Polls {
    async fn request(&self, method: &str, body: &str) -> Result<String, Broken> {
        let Self { authority, fuse, sid, .. } = self;
        let mut cable = Cable::connect(authority, fuse).await.map_err(|_| Broken::Off)?;
        let length = body.len();
        let request = format!(
            "{method} /socket.io/?EIO=4&transport=polling{sid} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
             content-type: text/plain;charset=UTF-8\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        cable.write_all(request.as_bytes()).await.map_err(|_| Broken::Off)?;
        let mut answer = Vec::new();
        cable.read_to_end(&mut answer).await.map_err(|_| Broken::Off)?;
        whole(&answer).ok_or(Broken::Off)
    }
}

/// The cursor of an offset, which may say more behind a point.
fn cursor_of(offset: &str) -> Option<Cursor> {
    offset.split('.').next()?.parse().ok()
}

/// The body of an answer that came whole and went well.
fn whole(answer: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let head = head.to_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
    (head.starts_with("http/1.1 200") && body.len() == length).then(|| body.to_owned())
}
