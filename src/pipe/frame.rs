//! RFC 6455 frames, compressed by RFC 7692 or not: finished ones for the way out, an assembler of whole messages for the
//! way in.

use bytes::Bytes;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

mod assembler;
mod deflate;
mod error;
mod mask;

pub use assembler::{Assembler, Incoming};
use deflate::deflate_behind;
pub use deflate::{Inflater, LEANING_WINDOW, inflate};
pub(super) use deflate::{LARGEST_WINDOW, deflate};
pub use error::FrameError;

/// The longest payload of a control frame (RFC 6455, 5.5).
const CONTROL_MAX: usize = 125;

/// The longest message that leans on another or is leant on, so that both lie within that window.
const LEANING_MAX: usize = 1800;
/// The bit of a header that says that the message is compressed (RFC 7692, 6).
const COMPRESSED: u8 = 0x40;

/// How to compress for a peer that can inflate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deflation {
    /// Messages shorter than this stay plain.
    pub threshold: usize,
    /// How far back the peer looks, as a power of two: 8 to 15.
    pub window: u8,
    /// Whether the peer keeps what it has read, so that the next message may lean on it.
    pub remembers: bool,
}

impl Deflation {
    /// Whether a frame of this length is compressed for this peer.
    #[must_use]
    pub const fn covers(self, length: usize) -> bool {
        self.threshold <= length
    }

    /// Whether the peer can read the frame that is compressed for all: it looks back far enough for our compressor, or
    /// as far as the message is long.
    #[must_use]
    pub const fn is_for_all(self, length: usize) -> bool {
        self.window >= LARGEST_WINDOW || length <= 1 << self.window
    }

    /// Whether a frame of this length may lean on the one before, and the next one on it.
    #[must_use]
    pub const fn may_lean(self, length: usize) -> bool {
        self.remembers && self.window >= LEANING_WINDOW && length <= LEANING_MAX
    }
}

/// A finished text frame.
#[must_use]
pub fn text(payload: &[u8]) -> Bytes {
    finished(OpCode::Data(Data::Text), false, payload)
}

/// A finished binary frame.
#[must_use]
pub fn binary(payload: &[u8]) -> Bytes {
    finished(OpCode::Data(Data::Binary), false, payload)
}

/// The same message as a frame that is compressed for all.
#[must_use]
pub fn deflated(plain: &Bytes) -> Bytes {
    deflated_within(plain, LARGEST_WINDOW)
}

/// The same message as a frame for all who have read the message of the plain frame `before` last.
#[must_use]
pub fn deflated_behind(before: &Bytes, plain: &Bytes) -> Bytes {
    let payload = &plain[header_length(plain)..];
    deflate_behind(&before[header_length(before)..], payload, |shorter| finished(opcode_of(plain), true, shorter))
        .unwrap_or_else(|| plain.clone())
}

/// Whether the message of one of our own frames is compressed.
#[must_use]
pub fn is_deflated(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first & COMPRESSED != 0)
}

/// The same message as a frame that is compressed for one peer.
#[must_use]
pub fn deflated_for(plain: &Bytes, deflation: Deflation) -> Bytes {
    let window = if deflation.is_for_all(plain.len()) { LARGEST_WINDOW } else { deflation.window };
    deflated_within(plain, window)
}

/// Stays plain when there is no compressor for such a window.
fn deflated_within(plain: &Bytes, window: u8) -> Bytes {
    let payload = &plain[header_length(plain)..];
    deflate(payload, window, |shorter| finished(opcode_of(plain), true, shorter)).unwrap_or_else(|| plain.clone())
}

fn opcode_of(plain: &Bytes) -> OpCode {
    let is_text = plain.first() == text(&[]).first();
    OpCode::Data(if is_text { Data::Text } else { Data::Binary })
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
    finished(OpCode::Control(Control::Pong), false, payload)
}

/// A finished close frame; the reason is cut at what a control frame holds.
#[must_use]
pub fn close(code: u16, reason: &str) -> Bytes {
    let mut payload = code.to_be_bytes().to_vec();
    let end = reason.floor_char_boundary(CONTROL_MAX - payload.len());
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    finished(OpCode::Control(Control::Close), false, &payload)
}

#[expect(clippy::expect_used, reason = "writing a header into memory cannot fail")]
fn finished(opcode: OpCode, rsv1: bool, payload: &[u8]) -> Bytes {
    let header = FrameHeader { opcode, rsv1, ..FrameHeader::default() };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_gives_its_payload_back() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'a'; length];
            assert_eq!(super::payload(&text(&payload)), payload, "{length}");
        }
    }

    #[test]
    fn a_message_is_compressed_as_what_it_is() {
        let long = text(&[b'a'; 1000]);
        let shorter = deflated(&long);
        assert_eq!(shorter[0], 0xc1, "final, compressed, text");
        assert!(shorter.len() < 20, "{}", shorter.len());
        assert_eq!(deflated(&binary(&[7; 1000]))[0], 0xc2);
    }

    #[test]
    fn a_peer_that_looks_back_less_far_gets_its_own_frames_when_messages_are_long() {
        let [nearby, far] = [8, 15].map(|window| Deflation { threshold: 256, window, remembers: true });
        assert!(!far.covers(255) && far.covers(256));
        assert!(nearby.is_for_all(256) && !nearby.is_for_all(257) && far.is_for_all(1 << 20));

        let long = text(&[b'a'; 1000]);
        assert_eq!(deflated_for(&long, nearby), long, "no compressor looks back so little");
        assert_eq!(deflated_for(&long, far), deflated(&long));
        assert_eq!(deflated_for(&long, Deflation { threshold: 0, window: 9, remembers: false })[0], 0xc1);
    }

    #[test]
    fn who_looks_back_too_little_or_forgets_gets_nothing_that_leans() {
        let deflation = Deflation { threshold: 256, window: LEANING_WINDOW, remembers: true };
        assert!(deflation.may_lean(100) && deflation.may_lean(LEANING_MAX) && !deflation.may_lean(LEANING_MAX + 1));
        assert!(!Deflation { window: LEANING_WINDOW - 1, ..deflation }.may_lean(100));
        assert!(!Deflation { remembers: false, ..deflation }.may_lean(100));
    }

    #[test]
    fn the_farthest_that_a_message_looks_back_is_within_the_window() {
        // Behind noise of the greatest length there is nothing but that noise again, from its first byte on.
        let noise: Vec<u8> = std::iter::repeat_with(|| rand::random_range(b' '..b'~')).take(LEANING_MAX - 4).collect();
        let plain = text(&noise);
        let behind = deflated_behind(&plain, &plain);
        assert!(behind.len() < 50, "{}", behind.len());
        let mut inflate = flate2::Decompress::new_with_window_bits(false, LEANING_WINDOW);
        let mut read = |frame: &Bytes| {
            let mut text = Vec::with_capacity(LEANING_MAX);
            let whole = [&payload(frame)[..], &[0, 0, 0xff, 0xff]].concat();
            inflate.decompress_vec(&whole, &mut text, flate2::FlushDecompress::Sync).unwrap();
            text
        };
        assert_eq!(read(&deflated(&plain)), noise);
        assert_eq!(read(&behind), noise);
    }

    #[test]
    fn a_close_frame_holds_its_code_and_a_reason_cut_to_length() {
        let frame = close(4001, &"é".repeat(100));
        assert_eq!((frame[0], frame[1]), (0x88, 124));
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
    }
}
