//! A WebSocket client that shows and sends single frames as they are.

use std::time::Duration;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No answer of a hub takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);
/// What ends a flushed block of deflate and is not sent.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// A frame of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// `FIN`, the reserved bits and the opcode.
    pub first: u8,
    /// The payload as it came.
    pub payload: Vec<u8>,
    text: Vec<u8>,
}

impl RawFrame {
    /// Whether it is a compressed text.
    pub fn is_compressed(&self) -> bool {
        self.first == 0xc1
    }

    /// The JSON in it, inflated if need be.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.text).expect("a text holds JSON")
    }

    /// The code of a close frame.
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk().filter(|_| self.first == 0x88)?;
        Some(u16::from_be_bytes(*code))
    }
}

/// An open socket.
pub struct RawSocket {
    stream: TcpStream,
    inflate: Decompress,
    /// What the hub answered to the offered extensions.
    pub extensions: Option<String>,
}

impl RawSocket {
    /// Opens `/ws` and offers these extensions.
    pub async fn open(authority: &str, token: &str, extensions: &str) -> Self {
        let stream = TcpStream::connect(authority).await.expect("the hub listens");
        Self::over(stream, "/ws", authority, token, extensions).await
    }

    /// Opens a socket over a connection that may have served requests before.
    pub async fn over(mut stream: TcpStream, path: &str, authority: &str, token: &str, extensions: &str) -> Self {
        let offer = if extensions.is_empty() { String::new() } else { format!("{extensions}\r\n") };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Authorization: Bearer {token}\r\n{offer}\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("the hub listens");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(char::from(stream.read_u8().await.expect("the hub answers")));
        }
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let line = head.lines().find_map(|line| line.strip_prefix("sec-websocket-extensions: "));
        let extensions = line.map(str::to_owned);
        Self { stream, inflate: Decompress::new(false), extensions }
    }

    /// Sends one frame, or as much of it as `payload` has of the announced `length`.
    pub async fn send_part(&mut self, first: u8, length: u64, payload: &[u8]) {
        let mut frame = vec![first, 0xff];
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        self.send_bytes(&frame).await;
    }

    /// Sends one whole frame.
    pub async fn send(&mut self, first: u8, payload: &[u8]) {
        let mut frame = match u8::try_from(payload.len()) {
            Ok(length @ ..=125) => vec![first, 0x80 | length],
            _ => return self.send_part(first, payload.len() as u64, payload).await,
        };
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        self.send_bytes(&frame).await;
    }

    /// Sends bytes as they are; the hub may have hung up already.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next frame.
    pub async fn next(&mut self) -> RawFrame {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("the hub says something").expect("a whole frame")
    }

    /// The next text of this type, past all others.
    pub async fn next_of(&mut self, kind: &str) -> RawFrame {
        loop {
            let frame = self.next().await;
            if frame.first & 0x0f == 1 && frame.json()["type"] == kind {
                return frame;
            }
        }
    }

    /// Reads until the hub closes; the code it gives.
    pub async fn end(&mut self) -> u16 {
        loop {
            if let Some(code) = self.next().await.close_code() {
                return code;
            }
        }
    }

    /// Reads until the hub drops the connection, with or without a word.
    pub async fn read_to_the_end(&mut self) {
        while self.read().await.is_ok() {}
    }

    async fn read(&mut self) -> std::io::Result<RawFrame> {
        let first = self.stream.read_u8().await?;
        let length = match self.stream.read_u8().await? {
            126 => usize::from(self.stream.read_u16().await?),
            127 => usize::try_from(self.stream.read_u64().await?).expect("a length"),
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await?;
        let text = if first == 0xc1 { self.inflated(&payload) } else { payload.clone() };
        Ok(RawFrame { first, payload, text })
    }

    /// Inflates a message, with those before in mind unless the hub said that it leans on none.
    fn inflated(&mut self, payload: &[u8]) -> Vec<u8> {
        if self.extensions.as_ref().is_some_and(|agreed| agreed.contains("server_no_context_takeover")) {
            self.inflate.reset(false);
        }
        let mut text = Vec::with_capacity(1 << 20);
        let compressed = [payload, &TAIL].concat();
        self.inflate.decompress_vec(&compressed, &mut text, FlushDecompress::Sync).expect("it inflates");
        text
    }
}

/// A message as a client compresses it.
pub fn compressed(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 1024);
    let mut compress = Compress::new(Compression::best(), false);
    compress.compress_vec(message, &mut bytes, FlushCompress::Sync).expect("it can be compressed");
    bytes.truncate(bytes.len() - TAIL.len());
    bytes
}
