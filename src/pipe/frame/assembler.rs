//! Puts the bytes of a peer together to whole messages.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::deflate::inflate;
use super::mask::unmask;
use super::{CONTROL_MAX, FrameError};

/// The longest header of a frame (RFC 6455, 5.2).
const HEADER_MAX: usize = 14;

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

/// Puts bytes together to whole messages, and refuses what is wrong as soon as it can be seen.
///
/// Invariant: holds at most twice `max` bytes of an unfinished message, and what one read brought beyond a finished one.
#[derive(Debug)]
pub struct Assembler {
    max: usize,
    may_deflate: bool,
    /// What the last read brought beyond a finished message; looked at up to `taken`.
    rest: Vec<u8>,
    taken: usize,
    /// The beginning of a header.
    header: Vec<u8>,
    frame: Option<Frame>,
    control: Vec<u8>,
    message: Option<Message>,
}

/// A frame whose payload is coming.
#[derive(Debug)]
struct Frame {
    opcode: OpCode,
    is_final: bool,
    mask: [u8; 4],
    length: usize,
    come: usize,
}

/// A message of which the last frame has not come.
#[derive(Debug)]
struct Message {
    is_text: bool,
    is_deflated: bool,
    bytes: Vec<u8>,
    /// Up to here the text is UTF-8.
    checked: usize,
}

impl Assembler {
    /// An assembler of messages up to `max` bytes, which are compressed or not if the peer and we have agreed on that.
    #[must_use]
    pub const fn new(max: usize, may_deflate: bool) -> Self {
        Self {
            max,
            may_deflate,
            rest: Vec::new(),
            taken: 0,
            header: Vec::new(),
            frame: None,
            control: Vec::new(),
            message: None,
        }
    }

    /// Keeps bytes for [`Assembler::next_message`].
    pub fn keep(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
    }

    /// Takes bytes as they came; answers the first message that is now whole. The others are had by
    /// [`Assembler::next_message`].
    ///
    /// # Errors
    /// When the peer broke the protocol; the connection must end.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<Incoming>, FrameError> {
        if !self.rest.is_empty() {
            self.rest.extend_from_slice(bytes);
            return self.next_message();
        }
        let mut left = bytes;
        let message = self.advance(&mut left)?;
        self.rest.extend_from_slice(left);
        Ok(message)
    }

    /// The next whole message; none when more bytes are needed. Keeps no memory when nothing is left over.
    ///
    /// # Errors
    /// When the peer broke the protocol; the connection must end.
    pub fn next_message(&mut self) -> Result<Option<Incoming>, FrameError> {
        let rest = std::mem::take(&mut self.rest);
        let mut left = rest.get(self.taken..).unwrap_or_default();
        let message = self.advance(&mut left)?;
        self.taken = if left.is_empty() { 0 } else { rest.len() - left.len() };
        if !left.is_empty() {
            self.rest = rest;
        }
        Ok(message)
    }

    fn advance(&mut self, left: &mut &[u8]) -> Result<Option<Incoming>, FrameError> {
        loop {
            if self.frame.is_none() {
                self.frame = self.next_frame(left)?;
            }
            let Some(mut frame) = self.frame.take() else { break };
            self.take_payload(&mut frame, left);
            if frame.come < frame.length {
                self.frame = Some(frame);
                break;
            }
            let whole = match frame.opcode {
                OpCode::Control(control) => Some(control_message(control, std::mem::take(&mut self.control))?),
                OpCode::Data(_) if frame.is_final => self.finish_message()?,
                OpCode::Data(_) => None,
            };
            if whole.is_some() {
                return Ok(whole);
            }
        }
        self.check_beginning().map(|()| None)
    }

    /// Reads a header as soon as it is whole, and judges it before the payload comes.
    fn next_frame(&mut self, left: &mut &[u8]) -> Result<Option<Frame>, FrameError> {
        let known = self.header.len();
        let more = left.len().min(HEADER_MAX - known);
        let parsed = if known == 0 {
            parse(left)?
        } else {
            self.header.extend_from_slice(&left[..more]);
            parse(&self.header)?
        };
        let Some((header, payload, length)) = parsed else {
            if known == 0 {
                self.header.extend_from_slice(left);
            }
            *left = &[];
            return Ok(None);
        };
        self.header = Vec::new();
        *left = &left[length - known..];
        self.begin(&header, payload).map(Some)
    }

    fn begin(&mut self, header: &FrameHeader, length: usize) -> Result<Frame, FrameError> {
        if header.rsv2 || header.rsv3 || (header.rsv1 && !self.may_deflate) {
            return Err(FrameError::Protocol("a reserved bit is set without an extension"));
        }
        let Some(mask) = header.mask else {
            return Err(FrameError::Protocol("a client's frame is not masked"));
        };
        match header.opcode {
            OpCode::Control(control) => check_control(control, header, length)?,
            OpCode::Data(data) => self.begin_data(data, header, length)?,
        }
        Ok(Frame { opcode: header.opcode, is_final: header.is_final, mask, length, come: 0 })
    }

    fn begin_data(&mut self, data: Data, header: &FrameHeader, length: usize) -> Result<(), FrameError> {
        let message = match (data, &mut self.message) {
            (Data::Reserved(_), _) => return Err(FrameError::Protocol("an opcode is reserved")),
            (Data::Continue, None) => return Err(FrameError::Protocol("a message goes on that never began")),
            (Data::Continue, Some(_)) if header.rsv1 => {
                return Err(FrameError::Protocol("only the first frame says whether a message is compressed"));
            }
            (Data::Continue, Some(message)) => message,
            (Data::Text | Data::Binary, Some(_)) => {
                return Err(FrameError::Protocol("a message begins before the last one ended"));
            }
            (Data::Text | Data::Binary, none) => none.insert(Message {
                is_text: data == Data::Text,
                is_deflated: header.rsv1,
                bytes: Vec::new(),
                checked: 0,
            }),
        };
        // What cannot be compressed becomes a little longer by the try.
        let more = if message.is_deflated { self.max / 1024 + 64 } else { 0 };
        if length.saturating_add(message.bytes.len()) > self.max.saturating_add(more) {
            return Err(FrameError::TooLong(self.max));
        }
        Ok(())
    }

    fn take_payload(&mut self, frame: &mut Frame, left: &mut &[u8]) {
        let target = match (&frame.opcode, &mut self.message) {
            (OpCode::Data(_), Some(message)) => &mut message.bytes,
            _ => &mut self.control,
        };
        let (payload, after) = left.split_at(left.len().min(frame.length - frame.come));
        let start = target.len();
        target.extend_from_slice(payload);
        unmask(&mut target[start..], frame.mask, frame.come);
        frame.come += payload.len();
        *left = after;
    }

    /// Refuses a text as soon as it can be seen not to be UTF-8.
    fn check_beginning(&mut self) -> Result<(), FrameError> {
        let Some(message) = self.message.as_mut().filter(|message| message.is_text && !message.is_deflated) else {
            return Ok(());
        };
        match std::str::from_utf8(&message.bytes[message.checked..]) {
            Ok(text) => message.checked += text.len(),
            Err(error) if error.error_len().is_none() => message.checked += error.valid_up_to(),
            Err(_) => return Err(FrameError::NotUtf8),
        }
        Ok(())
    }

    fn finish_message(&mut self) -> Result<Option<Incoming>, FrameError> {
        let Some(message) = self.message.take() else { return Ok(None) };
        let bytes = if message.is_deflated { inflate(&message.bytes, self.max)? } else { message.bytes };
        if message.is_text {
            String::from_utf8(bytes).map(|text| Some(Incoming::Text(text))).map_err(|_| FrameError::NotUtf8)
        } else {
            Ok(Some(Incoming::Binary(bytes)))
        }
    }
}

/// A header with the lengths of its payload and of itself; none when more bytes are needed.
fn parse(bytes: &[u8]) -> Result<Option<(FrameHeader, usize, usize)>, FrameError> {
    let mut cursor = Cursor::new(bytes);
    let parsed = FrameHeader::parse(&mut cursor).map_err(|_| FrameError::Protocol("a frame header is invalid"))?;
    let whole = |length: u64| usize::try_from(length).unwrap_or(usize::MAX);
    Ok(parsed.map(|(header, payload)| (header, whole(payload), whole(cursor.position()))))
}

fn check_control(control: Control, header: &FrameHeader, length: usize) -> Result<(), FrameError> {
    if matches!(control, Control::Reserved(_)) {
        return Err(FrameError::Protocol("an opcode is reserved"));
    }
    if header.rsv1 {
        return Err(FrameError::Protocol("a control frame is never compressed"));
    }
    if length > CONTROL_MAX || !header.is_final {
        return Err(FrameError::Protocol("a control frame is too long or fragmented"));
    }
    Ok(())
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

#[cfg(test)]
mod tests;
