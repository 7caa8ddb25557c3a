//! Server-sent events over plain HTTP, read by hand.

use std::time::Duration;

use carillon::domain::cursor::Cursor;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::super::cable::Cable;
use super::{Broken, Call, Heard};

/// One open `GET /api/v1/events`.
pub struct Line {
    cable: BufReader<Cable>,
    /// What came of the body and makes no whole message yet.
    body: String,
    /// The same of a character.
    bytes: Vec<u8>,
}

/// The lines of one message.
#[derive(Debug, Default)]
struct Message {
    event: String,
    id: Option<Cursor>,
    data: String,
}

impl Line {
    /// Asks for the events and reads the head of the answer.
    pub async fn open(call: Call<'_>) -> Result<Self, Broken> {
        let Call { authority, token, topics, cursor, fuse, .. } = call;
        let cable = Cable::connect(authority, fuse).await.map_err(|_| Broken::Off)?;
        let mut cable = BufReader::new(cable);
        let last = cursor.map(|cursor| format!("last-event-id: {cursor}\r\n")).unwrap_or_default();
        let request = format!(
            "GET /api/v1/events?topics={} HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {token}\r\n{last}\r\n",
            topics.join(",")
        );
        cable.write_all(request.as_bytes()).await.map_err(|_| Broken::Off)?;
        let status = line(&mut cable).await?;
        while !line(&mut cable).await?.is_empty() {}
        match status.split(' ').nth(1) {
            Some("200") => Ok(Self { cable, body: String::new(), bytes: Vec::new() }),
            Some("403" | "404") => Err(Broken::Forbidden),
            _ => Err(Broken::Off),
        }
    }

    /// The next message that says something.
    pub async fn next(&mut self) -> Result<Heard, Broken> {
        loop {
            while let Some((message, rest)) = self.body.split_once("\n\n") {
                let (message, rest) = (Message::parse(message), rest.to_owned());
                self.body = rest;
                if let Some(heard) = message.read() {
                    return Ok(heard);
                }
            }
            self.piece().await?;
        }
    }

    /// Reads one chunk of the body (RFC 9112, 7.1).
    async fn piece(&mut self) -> Result<(), Broken> {
        let size = usize::from_str_radix(&line(&mut self.cable).await?, 16).map_err(|_| Broken::Off)?;
        let start = self.bytes.len();
        self.bytes.resize(start + size, 0);
        self.cable.read_exact(&mut self.bytes[start..]).await.map_err(|_| Broken::Off)?;
        line(&mut self.cable).await?;
        // A chunk may end within a character.
        let whole = match std::str::from_utf8(&self.bytes) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        self.body.push_str(std::str::from_utf8(&self.bytes[..whole]).expect("it was checked"));
        self.bytes.drain(..whole);
        if size == 0 { Err(Broken::Off) } else { Ok(()) }
    }
}

/// One line, which must come whole.
async fn line(cable: &mut BufReader<Cable>) -> Result<String, Broken> {
    let mut line = String::new();
    cable.read_line(&mut line).await.map_err(|_| Broken::Off)?;
    line.strip_suffix("\r\n").map(str::to_owned).ok_or(Broken::Off)
}

impl Message {
    fn parse(text: &str) -> Self {
        let mut message = Self::default();
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("event", name)) => name.clone_into(&mut message.event),
                Some(("id", cursor)) => message.id = Some(cursor.parse().expect("a cursor")),
                Some(("data", data)) => message.data += data,
                // `retry`, and comments that keep the connection alive.
                _ => {}
            }
        }
        message
    }

    fn read(self) -> Option<Heard> {
        let Self { event, id, data } = self;
        if data.is_empty() {
            return id.map(Heard::Synced);
        }
        let mut data: Value = serde_json::from_str(&data).expect("payloads are JSON");
        match event.as_str() {
            "welcome" => Some(Heard::Welcome { recovered: data["recovered"] == true, from: None, is_told: true }),
            "snapshot" => {
                let topic = data["topic"].as_str().expect("a topic").to_owned();
                Some(Heard::Snapshot { topic, data: data["data"].take(), cursor: None })
            }
            "gap" => Some(Heard::Gap),
            "synced" => id.map(Heard::Synced),
            "problem" => Some(Heard::Refused),
            "bye" => Some(Heard::Bye(data["retryAfterMs"].as_u64().map(Duration::from_millis))),
            name if name.starts_with("rt_") => {
                Some(Heard::Event { name: name.to_owned(), data, cursor: id.expect("events have a cursor") })
            }
            other => panic!("`{other}` is nothing that is known"),
        }
    }
}
