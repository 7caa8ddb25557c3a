use std::{
    cell::{Cell, RefCell},
    io,
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{
    handshake::{client::generate_key, derive_accept_key},
    protocol::frame::{
        FrameHeader,
        coding::{Control, Data, OpCode},
    },
};

use super::{Destination, FrameBuffer, masked};
use crate::{cli::client::ClientError, pipe::frame::Inflater};

const READ_AT_ONCE: usize = 64 << 10;
const LONGEST_HANDSHAKE: usize = 16 << 10;
const LONGEST_TEXT: usize = 64 << 20;
/// The close code of a client that goes for good (RFC 6455, 7.4.1).
const GOING: u16 = 1000;

thread_local! {
    /// One buffer for all sockets of a thread: what a socket has read is worked off before it is read again.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_AT_ONCE]);
}

/// A WebSocket that keeps nothing but the beginning of an unfinished frame.
#[derive(Debug)]
pub struct WireSocket {
    stream: TcpStream,
    frames: FrameBuffer,
    /// Whether what came with the handshake has not been looked at.
    has_early: bool,
    bytes: u64,
    heartbeat: Heartbeat,
    /// What compressed messages are read with, which lean on each other; made with the first.
    inflater: Option<Box<Inflater>>,
    /// Compressed messages are shown as they are.
    counts_only: bool,
}

/// What a server wants to hear when it asks for a sign of life in messages of its own; none for any other message.
pub type Heartbeat = fn(&[u8]) -> Option<&'static str>;

/// What a frame from the hub holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A message; other servers than the hub send theirs as binary ones.
    Text(&'a [u8]),
    /// A compressed message that is only counted, or that nobody can read.
    Packed,
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
        let headers = format!("Authorization: Bearer {token}\r\n{}", destination.offer());
        Self::connect_with(destination, index, path, &headers).await
    }

    /// The same with headers of one's own, each with its line end.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_with(
        destination: &Destination,
        index: usize,
        path: &str,
        headers: &str,
    ) -> Result<Self, ClientError> {
        let mut stream = destination.connect(index).await?;
        let key = generate_key();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{headers}\r\n",
            destination.authority(),
        );
        stream.write_all(request.as_bytes()).await.map_err(closed)?;
        let rest = read_handshake(&mut stream, path, &derive_accept_key(key.as_bytes())).await?;

        Ok(Self {
            stream,
            frames: rest,
            has_early: true,
            bytes: 0,
            heartbeat: |_| None,
            inflater: None,
            counts_only: false,
        })
    }

    /// The same, which answers what asks for a sign of life.
    #[must_use]
    pub fn answering(self, heartbeat: Heartbeat) -> Self {
        Self { heartbeat, ..self }
    }

    /// Leaves compressed messages unread from now on, for good: each leans on those before.
    pub fn only_count(&mut self) {
        self.counts_only = true;
        self.inflater = None;
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the connection is gone.
    pub async fn send(&mut self, text: &str) -> Result<(), ClientError> {
        self.write(&masked(OpCode::Data(Data::Text), text.as_bytes())).await
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the connection is gone.
    pub async fn send_binary(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.write(&masked(OpCode::Data(Data::Binary), bytes)).await
    }

    /// Says goodbye by a close frame and waits until the hub hangs up.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when it does not within this time, or has gone before.
    pub async fn close(mut self, patience: Duration) -> Result<(), ClientError> {
        self.write(&masked(OpCode::Control(Control::Close), &GOING.to_be_bytes())).await?;
        let hearing = async { while self.read(|_| {}).await.is_ok() {} };
        timeout(patience, hearing).await.map_err(|_| ClientError::Closed("a close frame got no answer".to_owned()))
    }

    /// Cuts the connection off: the hub gets a reset and no goodbye.
    pub fn cut(self) {
        // Where that is not possible the system says the end in order.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
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
        let mut answer = None;
        let is_shown = Cell::new(false);
        let heartbeat = self.heartbeat;
        let (inflater, counts_only) = (&mut self.inflater, self.counts_only);
        let mut hear = |header: &FrameHeader, payload: &[u8]| {
            is_shown.set(true);
            match (header.opcode, heartbeat(payload)) {
                (OpCode::Control(Control::Ping), _) => {
                    answer = Some(masked(OpCode::Control(Control::Pong), payload));
                }
                (_, Some(sign)) => answer = Some(masked(OpCode::Data(Data::Text), sign.as_bytes())),
                (_, None) if header.rsv1 && counts_only => show(Frame::Packed),
                (_, None) => tell(header, payload, inflater, &mut show),
            }
        };
        if std::mem::take(&mut self.has_early) {
            self.frames.feed(&[], &mut hear).map_err(|error| closed(io::Error::other(error)))?;
        }
        while !is_shown.get() {
            self.stream.readable().await.map_err(closed)?;
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let read = self.stream.try_read(scratch)?;
                self.bytes += read as u64;
                self.frames.feed(&scratch[..read], &mut hear).map_err(io::Error::other).map(|()| read)
            });
            match read {
                Ok(0) => return Err(ClientError::Closed("the hub hung up".to_owned())),
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(closed(error)),
            }
        }
        match answer {
            Some(frame) => self.write(&frame).await,
            None => Ok(()),
        }
    }

    async fn write(&mut self, frame: &[u8]) -> Result<(), ClientError> {
        self.stream.write_all(frame).await.map_err(closed)
    }
}

/// Shows a frame, inflated if it is compressed.
fn tell(header: &FrameHeader, payload: &[u8], inflater: &mut Option<Box<Inflater>>, show: &mut impl FnMut(Frame<'_>)) {
    match header.opcode {
        OpCode::Data(Data::Text) if header.rsv1 => {
            match inflater.get_or_insert_default().inflate(payload, LONGEST_TEXT) {
                Ok(text) => show(Frame::Text(&text)),
                Err(error) => {
                    tracing::debug!(%error, "a frame does not inflate");
                    show(Frame::Packed);
                }
            }
        }
        OpCode::Data(Data::Text | Data::Binary) => show(Frame::Text(payload)),
        OpCode::Control(Control::Close) => show(Frame::Close(close_code(payload))),
        _ => {}
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

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn frames_that_come_with_the_handshake_are_heard_though_the_hub_has_hung_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let destination = Destination::of(&url.parse().unwrap()).await.unwrap();
        let hub = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut request).await.unwrap();
            }
            let request = String::from_utf8(request).unwrap();
            let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
            let accept = derive_accept_key(key.as_bytes());
            let head = format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
            stream.write_all(&[head.as_bytes(), b"\x81\x03bye\x88\x02\x0f\xbd"].concat()).await.unwrap();
        };

        let (socket, ()) = tokio::join!(WireSocket::connect(&destination, 0, "/ws", "token"), hub);
        let mut heard = Vec::new();
        let show = |frame: Frame<'_>| match frame {
            Frame::Text(text) => heard.push(String::from_utf8_lossy(text).into_owned()),
            Frame::Packed => heard.push("packed".to_owned()),
            Frame::Close(code) => heard.push(format!("{code:?}")),
        };
        socket.unwrap().read(show).await.unwrap();

        assert_eq!(heard, ["bye", "Some(4029)"]);
    }
}
