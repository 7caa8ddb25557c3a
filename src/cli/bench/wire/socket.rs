use std::{cell::RefCell, io};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{
    handshake::{client::generate_key, derive_accept_key},
    protocol::frame::coding::{Control, Data, OpCode},
};

use super::{Destination, FrameBuffer, masked};
use crate::{cli::client::ClientError, pipe::frame::inflate};

const READ_AT_ONCE: usize = 64 << 10;
const LONGEST_HANDSHAKE: usize = 16 << 10;
const LONGEST_TEXT: usize = 64 << 20;

thread_local! {
    /// One buffer for all sockets of a thread: what a socket has read is worked off before it is read again.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_AT_ONCE]);
}

/// A WebSocket that keeps nothing but the beginning of an unfinished frame.
#[derive(Debug)]
pub struct WireSocket {
    stream: TcpStream,
    frames: FrameBuffer,
    bytes: u64,
}

/// What a frame from the hub holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A text message.
    Text(&'a [u8]),
    /// The hub closes, with this code if it gave one.
    Close(Option<u16>),
}

impl WireSocket {
    /// Opens a WebSocket at `path` as connection number `index`.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`], or [`ClientError::Refused`] when the hub answers with another status than 101.
    pub async fn connect(
        destination: &Destination,
        index: usize,
        path: &str,
        token: &str,
    ) -> Result<Self, ClientError> {
        let mut stream = destination.connect(index).await?;
        let key = generate_key();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {token}\r\n{}\r\n",
            destination.authority(),
            destination.offer()
        );
        stream.write_all(request.as_bytes()).await.map_err(closed)?;
        let rest = read_handshake(&mut stream, path, &derive_accept_key(key.as_bytes())).await?;

        Ok(Self { stream, frames: rest, bytes: 0 })
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the connection is gone.
    pub async fn send(&mut self, text: &str) -> Result<(), ClientError> {
        self.write(&masked(OpCode::Data(Data::Text), text.as_bytes())).await
    }

    /// How many bytes have come since the last call, without the handshake.
    pub const fn take_bytes(&mut self) -> u64 {
        std::mem::replace(&mut self.bytes, 0)
    }

    /// Waits for bytes and shows the frames they make whole; pings are answered by themselves.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the hub closed the connection or does not speak the protocol.
    pub async fn read(&mut self, mut show: impl FnMut(Frame<'_>)) -> Result<(), ClientError> {
        let mut pong = None;
        loop {
            self.stream.readable().await.map_err(closed)?;
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let read = self.stream.try_read(scratch)?;
                self.bytes += read as u64;
                let fed = self.frames.feed(&scratch[..read], |header, payload| match header.opcode {
                    OpCode::Data(Data::Text) if header.rsv1 => match inflate(payload, LONGEST_TEXT) {
                        Ok(text) => show(Frame::Text(&text)),
                        Err(error) => tracing::debug!(%error, "a frame does not inflate"),
                    },
                    OpCode::Data(Data::Text) => show(Frame::Text(payload)),
                    OpCode::Control(Control::Close) => show(Frame::Close(close_code(payload))),
                    OpCode::Control(Control::Ping) => pong = Some(payload.to_vec()),
                    _ => {}
                });
                fed.map_err(io::Error::other).map(|()| read)
            });
            match read {
                Ok(0) => return Err(ClientError::Closed("the hub hung up".to_owned())),
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(closed(error)),
            }
        }
        match pong {
            Some(payload) => self.write(&masked(OpCode::Control(Control::Pong), &payload)).await,
            None => Ok(()),
        }
    }

    async fn write(&mut self, frame: &[u8]) -> Result<(), ClientError> {
        self.stream.write_all(frame).await.map_err(closed)
    }
}

/// Reads the answer to the handshake; what came after it is the beginning of the frames.
async fn read_handshake(stream: &mut TcpStream, path: &str, accept: &str) -> Result<FrameBuffer, ClientError> {
    let wrong = |cause: &str| ClientError::Answer { what: format!("`GET {path}`"), cause: cause.to_owned() };
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut bytes).await.map_err(closed)? == 0 {
            return Err(ClientError::Closed("the hub hung up during the handshake".to_owned()));
        }
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut answer = httparse::Response::new(&mut headers);
        let parsed = answer.parse(&bytes).map_err(|error| wrong(&error.to_string()))?;
        let httparse::Status::Complete(length) = parsed else {
            if bytes.len() > LONGEST_HANDSHAKE {
                return Err(wrong("its headers never end"));
            }
            continue;
        };
        let status = answer.code.unwrap_or_default();
        if status != 101 {
            let detail = String::from_utf8_lossy(&bytes[length..]).into_owned();
            return Err(ClientError::Refused {
                what: format!("a WebSocket at `{path}`"),
                status,
                detail,
                retry_after: None,
            });
        }
        let accepted = answer.headers.iter().any(|header| {
            header.name.eq_ignore_ascii_case("sec-websocket-accept") && header.value == accept.as_bytes()
        });
        if !accepted {
            return Err(wrong("`Sec-WebSocket-Accept` does not belong to the key"));
        }
        let mut frames = FrameBuffer::default();
        frames.keep(&bytes[length..]);
        return Ok(frames);
    }
}

fn close_code(payload: &[u8]) -> Option<u16> {
    payload.first_chunk().map(|code| u16::from_be_bytes(*code))
}

fn closed(error: io::Error) -> ClientError {
    ClientError::Closed(error.to_string())
}
