//! The packets of Engine.IO 4 and the payloads of its polls; pure.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

use crate::pipe::frame;

/// What stands between two packets of a payload.
const SEPARATOR: char = '\x1e';
/// What begins a binary message in a payload.
const BINARY: char = 'b';

/// The bits of the first byte of a frame that tell what it is (RFC 6455, 5.2), and two of their values.
const OPCODE: u8 = 0x0f;
const TEXT: u8 = 1;
const CONTROL: u8 = 8;

/// The packet that ends a session.
pub const CLOSE: &str = "1";
/// The packet that asks a client whether it is still there.
pub const PING: &str = "2";
/// The packet that ends a poll with nothing to say.
pub const NOOP: &str = "6";
/// What a client asks over a WebSocket that it wants to go on with, and the answer.
pub const PROBE: (&str, &str) = ("2probe", "3probe");
/// What a client says when it goes on over the WebSocket.
pub const UPGRADE: &str = "5";

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// It goes.
    Close,
    /// It is still there.
    Pong,
    /// Something for whoever sits on the session.
    Message(Message),
}

/// What is carried, in both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// A packet or payload that breaks the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// It is no packet that a client may send.
    #[error("a packet is of no kind that a client may send")]
    Kind,
    /// A binary message is not base64.
    #[error("a binary message is not base64")]
    Base64,
    /// A payload is not UTF-8.
    #[error("a payload is not UTF-8")]
    NotUtf8,
}

/// Reads one packet in a text frame.
///
/// # Errors
/// When it is none that a client may send; the session must end.
pub fn read(text: &str) -> Result<Packet, PacketError> {
    match text.as_bytes().first() {
        Some(b'1') => Ok(Packet::Close),
        Some(b'3') => Ok(Packet::Pong),
        Some(b'4') => Ok(Packet::Message(Message::Text(text[1..].to_owned()))),
        _ => Err(PacketError::Kind),
    }
}

/// Reads the packets of a posted payload.
///
/// # Errors
/// When one of them is none that a client may send; nothing of the payload counts then.
pub fn read_payload(body: &[u8]) -> Result<Vec<Packet>, PacketError> {
    let text = std::str::from_utf8(body).map_err(|_| PacketError::NotUtf8)?;
    text.split(SEPARATOR).map(read_of_payload).collect()
}

fn read_of_payload(text: &str) -> Result<Packet, PacketError> {
    let Some(base64) = text.strip_prefix(BINARY) else { return read(text) };
    let bytes = BASE64_STANDARD.decode(base64).map_err(|_| PacketError::Base64)?;
    Ok(Packet::Message(Message::Binary(bytes)))
}

/// Writes finished WebSocket frames as the payload of a poll, without their headers; control frames are left out.
#[must_use]
pub fn write_payload(frames: &[Bytes]) -> String {
    let mut payload = String::with_capacity(frames.iter().map(Bytes::len).sum());
    for frame in frames {
        let opcode = frame.first().map_or(CONTROL, |byte| byte & OPCODE);
        if opcode >= CONTROL {
            continue;
        }
        if !payload.is_empty() {
            payload.push(SEPARATOR);
        }
        let body = frame::payload(frame);
        match std::str::from_utf8(&body) {
            Ok(text) if opcode == TEXT => payload.push_str(text),
            _ => {
                payload.push(BINARY);
                BASE64_STANDARD.encode_string(&body, &mut payload);
            }
        }
    }
    payload
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn messages() -> impl Strategy<Value = Vec<Message>> {
        let text = "[^\u{1e}]{0,300}".prop_map(Message::Text);
        let binary = prop::collection::vec(any::<u8>(), 0..300).prop_map(Message::Binary);
        prop::collection::vec(prop_oneof![text, binary], 1..20)
    }

    proptest! {
        #[test]
        fn a_payload_of_frames_reads_as_their_messages(messages in messages()) {
            let frames: Vec<Bytes> = messages.iter().map(|message| match message {
                Message::Text(text) => frame::text(format!("4{text}").as_bytes()),
                Message::Binary(bytes) => frame::binary(bytes),
            }).collect();
            let packets = read_payload(write_payload(&frames).as_bytes()).unwrap();
            let read: Vec<_> = packets.into_iter().map(|packet| match packet {
                Packet::Message(message) => message,
                other => panic!("{other:?}"),
            }).collect();
            prop_assert_eq!(read, messages);
        }

        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_payload(&bytes);
        }
    }

    #[test]
    fn only_what_a_client_may_send_is_read() {
        assert_eq!(read("1"), Ok(Packet::Close));
        assert_eq!(read("3probe"), Ok(Packet::Pong));
        assert_eq!(read("4"), Ok(Packet::Message(Message::Text(String::new()))));
        for bad in ["", "0{}", "2", "5", "6", "7", "abc", "bAQ==", "é"] {
            assert_eq!(read(bad), Err(PacketError::Kind), "{bad}");
        }
        assert_eq!(read_payload(b"4a\x1eb!"), Err(PacketError::Base64));
        assert_eq!(read_payload(b"4a\x1e"), Err(PacketError::Kind), "nothing follows the separator");
        assert_eq!(read_payload(&[b'4', 0xff]), Err(PacketError::NotUtf8));
        assert_eq!(read_payload(b""), Err(PacketError::Kind));
    }

    #[test]
    fn a_payload_leaves_control_frames_out() {
        let frames = [frame::ping(), frame::text(b"4a"), frame::ping(), frame::binary(&[1, 2, 3, 4]), frame::ping()];
        assert_eq!(write_payload(&frames), "4a\x1ebAQIDBA==");
    }
}
