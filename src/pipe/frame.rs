//! RFC 6455 frames: finished ones for the way out, an assembler of whole messages for the way in.

use std::io::Cursor;

use bytes::Bytes;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// The longest payload of a control frame (RFC 6455, 5.5).
const CONTROL_MAX: usize = 125;

/// A finished text frame.
#[must_use]
pub fn text(payload: &[u8]) -> Bytes {
    finished(OpCode::Data(Data::Text), payload)
}

/// A finished binary frame.
#[must_use]
pub fn binary(payload: &[u8]) -> Bytes {
    finished(OpCode::Data(Data::Binary), payload)
}

/// The payload of one of our own plain frames.
#[must_use]
pub fn payload(frame: &Bytes) -> Bytes {
    frame.slice(header_length(frame)..)
}

/// A finished ping without payload.
#[must_use]
pub const fn ping() -> Bytes {
    Bytes::from_static(&[0x89, 0x00])
}

/// A finished pong that gives a ping's payload back.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    finished(OpCode::Control(Control::Pong), payload)
}

/// A finished close frame; the reason is cut at what a control frame holds.
#[must_use]
pub fn close(code: u16, reason: &str) -> Bytes {
    let mut payload = code.to_be_bytes().to_vec();
    let end = reason.floor_char_boundary(CONTROL_MAX - payload.len());
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    finished(OpCode::Control(Control::Close), &payload)
}

#[expect(clippy::expect_used, reason = "writing a header into memory cannot fail")]
fn finished(opcode: OpCode, payload: &[u8]) -> Bytes {
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    let length = payload.len() as u64;
    let mut frame = Vec::with_capacity(header.len(length) + payload.len());
    header.format(length, &mut frame).expect("memory takes a header");
    frame.extend_from_slice(payload);
    frame.into()
}

/// How long the header of one of our own frames is; they are never masked.
fn header_length(frame: &[u8]) -> usize {
    match frame.get(1) {
        Some(126) => 4,
        Some(127) => 10,
        _ => 2.min(frame.len()),
    }
}

/// What a peer sent whole.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping with its payload.
    Ping(Vec<u8>),
    /// A pong.
    Pong,
    /// The peer closes, with its code if it gave one.
    Close(Option<u16>),
}

/// How a peer broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A rule of RFC 6455 was broken.
    #[error("{0}")]
    Protocol(&'static str),
    /// A text message is not UTF-8.
    #[error("a text message is not UTF-8")]
    NotUtf8,
    /// A message is longer than allowed.
    #[error("a message is longer than {0} bytes")]
    TooLong(usize),
}

impl FrameError {
    /// The close code of RFC 6455, 7.4.1.
    #[must_use]
    pub const fn close_code(&self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::NotUtf8 => 1007,
            Self::TooLong(_) => 1009,
        }
    }
}

/// Puts bytes together to whole messages.
///
/// Invariant: never holds more than one frame header and twice `max` bytes beyond what one read brought.
#[derive(Debug)]
pub struct Assembler {
    bytes: Vec<u8>,
    taken: usize,
    message: Vec<u8>,
    kind: Option<Data>,
    max: usize,
}

impl Assembler {
    /// An assembler of messages up to `max` bytes.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { bytes: Vec::new(), taken: 0, message: Vec::new(), kind: None, max }
    }

    /// Takes bytes as they came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message; none when more bytes are needed. Keeps no memory when nothing is left over.
    ///
    /// # Errors
    /// When the peer broke the protocol; the connection must end.
    pub fn next_message(&mut self) -> Result<Option<Incoming>, FrameError> {
        loop {
            let Some((header, payload)) = self.next_frame()? else {
                if self.taken == self.bytes.len() {
                    self.bytes = Vec::new();
                    self.taken = 0;
                }
                return Ok(None);
            };
            let whole = match header.opcode {
                OpCode::Control(control) => Some(control_message(control, payload)?),
                OpCode::Data(data) => self.data_message(data, header.is_final, payload)?,
            };
            if whole.is_some() {
                return Ok(whole);
            }
        }
    }

    fn next_frame(&mut self) -> Result<Option<(FrameHeader, Vec<u8>)>, FrameError> {
        let mut cursor = Cursor::new(&self.bytes[self.taken..]);
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| FrameError::Protocol("a frame header is invalid"))?;
        let Some((header, length)) = parsed else { return Ok(None) };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.check(&header, length)?;
        let start = self.taken + usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        let Some(masked) = self.bytes.get(start..start + length) else { return Ok(None) };
        let mut payload = masked.to_vec();
        if let Some(mask) = header.mask {
            unmask(&mut payload, mask);
        }
        self.taken = start + length;
        Ok(Some((header, payload)))
    }

    fn check(&self, header: &FrameHeader, length: usize) -> Result<(), FrameError> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(FrameError::Protocol("a reserved bit is set without an extension"));
        }
        if header.mask.is_none() {
            return Err(FrameError::Protocol("a client's frame is not masked"));
        }
        match header.opcode {
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => {
                Err(FrameError::Protocol("an opcode is reserved"))
            }
            OpCode::Control(_) if length > CONTROL_MAX || !header.is_final => {
                Err(FrameError::Protocol("a control frame is too long or fragmented"))
            }
            OpCode::Data(_) if length.saturating_add(self.message.len()) > self.max => {
                Err(FrameError::TooLong(self.max))
            }
            _ => Ok(()),
        }
    }

    fn data_message(&mut self, data: Data, is_final: bool, payload: Vec<u8>) -> Result<Option<Incoming>, FrameError> {
        match (data, self.kind) {
            (Data::Continue, None) => return Err(FrameError::Protocol("a message goes on that never began")),
            (Data::Continue, Some(_)) => self.message.extend_from_slice(&payload),
            (_, Some(_)) => return Err(FrameError::Protocol("a message begins before the last one ended")),
            (kind, None) => {
                self.kind = Some(kind);
                self.message = payload;
            }
        }
        if !is_final {
            return Ok(None);
        }
        let message = std::mem::take(&mut self.message);
        match self.kind.take() {
            Some(Data::Text) => {
                String::from_utf8(message).map(|text| Some(Incoming::Text(text))).map_err(|_| FrameError::NotUtf8)
            }
            _ => Ok(Some(Incoming::Binary(message))),
        }
    }
}

fn control_message(control: Control, payload: Vec<u8>) -> Result<Incoming, FrameError> {
    match control {
        Control::Ping => Ok(Incoming::Ping(payload)),
        Control::Close => close_message(&payload),
        _ => Ok(Incoming::Pong),
    }
}

fn close_message(payload: &[u8]) -> Result<Incoming, FrameError> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() {
            Ok(Incoming::Close(None))
        } else {
            Err(FrameError::Protocol("a close frame holds half a code"))
        };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(FrameError::Protocol("a close code is not allowed"));
    }
    std::str::from_utf8(reason).map_err(|_| FrameError::NotUtf8)?;
    Ok(Incoming::Close(Some(code)))
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(opcode: OpCode, is_final: bool, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let header = FrameHeader { opcode, is_final, mask: Some(mask), ..FrameHeader::default() };
        let mut frame = Vec::new();
        header.format(payload.len() as u64, &mut frame).unwrap();
        let mut payload = payload.to_vec();
        unmask(&mut payload, mask);
        frame.extend(payload);
        frame
    }

    proptest! {
        #[test]
        fn a_message_survives_any_cut_into_frames_and_reads(
            text in "\\PC{0,200}",
            cut in 0_usize..200,
            step in 1_usize..50,
        ) {
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            let mut wire = masked(OpCode::Data(Data::Text), false, &bytes[..cut]);
            wire.extend(masked(OpCode::Control(Control::Ping), true, b"x"));
            wire.extend(masked(OpCode::Data(Data::Continue), true, &bytes[cut..]));
            let mut assembler = Assembler::new(1000);
            let mut messages = Vec::new();
            for piece in wire.chunks(step) {
                assembler.feed(piece);
                while let Some(message) = assembler.next_message().unwrap() {
                    messages.push(message);
                }
            }
            prop_assert_eq!(messages, vec![Incoming::Ping(b"x".to_vec()), Incoming::Text(text)]);
            prop_assert_eq!(assembler.bytes.capacity(), 0);
        }

        #[test]
        fn no_bytes_break_the_assembler(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut assembler = Assembler::new(100);
            assembler.feed(&bytes);
            while let Ok(Some(_)) = assembler.next_message() {}
        }
    }

    #[test]
    fn faults_have_their_close_codes() {
        let fault = |bytes: &[u8]| {
            let mut assembler = Assembler::new(100);
            assembler.feed(bytes);
            assembler.next_message().unwrap_err().close_code()
        };
        assert_eq!(fault(&[0x81, 0x01, b'a']), 1002, "not masked");
        assert_eq!(fault(&masked(OpCode::Data(Data::Text), true, &[0xff])), 1007);
        assert_eq!(fault(&masked(OpCode::Data(Data::Text), true, &[b'a'; 101])), 1009);
        assert_eq!(fault(&masked(OpCode::Data(Data::Continue), true, b"a")), 1002);
        assert_eq!(fault(&masked(OpCode::Control(Control::Close), true, &[0x03, 0xed])), 1002, "code 1005");
        assert_eq!(fault(&masked(OpCode::Control(Control::Ping), false, b"")), 1002);
    }
}
