use std::io::Cursor;

use tokio_tungstenite::tungstenite::{
    Error,
    protocol::frame::{FrameHeader, coding::OpCode},
};

/// Cuts a stream of bytes into the frames of RFC 6455 without copying those that came whole.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    /// Bytes that have come and were not shown: the beginning of a frame, or what came with the handshake.
    rest: Vec<u8>,
}

impl FrameBuffer {
    /// Keeps bytes for the next call of [`Self::feed`].
    pub fn keep(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
    }

    /// Takes in the next bytes and shows every frame that is now whole.
    ///
    /// # Errors
    /// What tungstenite says of a header that is none.
    pub fn feed(&mut self, bytes: &[u8], show: impl FnMut(&FrameHeader, &[u8])) -> Result<(), Error> {
        if self.rest.is_empty() {
            let used = cut(bytes, show)?;
            self.rest.extend_from_slice(&bytes[used..]);
        } else {
            self.rest.extend_from_slice(bytes);
            let used = cut(&self.rest, show)?;
            self.rest.drain(..used);
        }

        Ok(())
    }
}

/// Shows every whole frame and answers how many bytes they take.
fn cut(bytes: &[u8], mut show: impl FnMut(&FrameHeader, &[u8])) -> Result<usize, Error> {
    let mut used = 0;
    loop {
        let mut cursor = Cursor::new(&bytes[used..]);
        let Some((header, length)) = FrameHeader::parse(&mut cursor)? else { return Ok(used) };
        // A frame longer than memory can hold never becomes whole, and a position fits into memory.
        let start = used + cursor.position() as usize;
        let Some(payload) = bytes.get(start..start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)))
        else {
            return Ok(used);
        };
        show(&header, payload);
        used = start + payload.len();
    }
}

/// A finished frame as a client has to send it: masked (RFC 6455, 5.3).
pub fn masked(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    let mask: [u8; 4] = rand::random();
    let header = FrameHeader { opcode, mask: Some(mask), ..FrameHeader::default() };
    let mut frame = Vec::with_capacity(payload.len() + 14);
    // Writing into memory cannot fail.
    let _ = header.format(payload.len() as u64, &mut frame);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));

    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::{Frame, coding::Data};

    use super::*;

    fn text(payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        Frame::message(payload.to_vec(), OpCode::Data(Data::Text), true).format(&mut bytes).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn frames_are_found_however_the_bytes_arrive(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 0..8),
            piece in 1_usize..500,
        ) {
            let stream: Vec<u8> = payloads.iter().flat_map(|payload| text(payload)).collect();
            let mut buffer = FrameBuffer::default();
            let mut found = Vec::new();

            for bytes in stream.chunks(piece) {
                buffer.feed(bytes, |_, payload| found.push(payload.to_vec())).unwrap();
            }

            prop_assert_eq!(found, payloads);
        }
    }

    #[test]
    fn a_masked_frame_hides_its_payload_and_gives_it_back() {
        let frame = masked(OpCode::Data(Data::Text), b"hello");
        let mask: Vec<u8> = frame[2..6].to_vec();
        let shown: Vec<u8> = frame[6..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();

        assert_eq!(frame[1], 0x85);
        assert_eq!(shown, b"hello");
    }
}
