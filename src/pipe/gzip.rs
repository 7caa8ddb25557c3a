//! A gzip stream (RFC 1952) of pieces that are compressed once for all who hear them.
//!
//! A piece is a run of whole deflate blocks that lean on nothing before them, with checksum and length of its text behind.
//! A stream is the header, the blocks of its pieces, and a trailer whose checksum is put together from those of the pieces.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use crc32fast::Hasher;

use super::frame::{LARGEST_WINDOW, deflate};

/// Magic, method deflate, no flags, no time, no extra flags, an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff];
/// What ends a flushed run of blocks on a whole byte: an empty stored block.
const FLUSHED: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// An empty last block with fixed codes.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];
/// Checksum and length behind the blocks of a piece.
const NOTE: usize = 8;
/// What a stored block holds at most.
const STORED_MAX: usize = 65_535;
/// A text shorter than this is not worth compressing.
const WORTH_IT: usize = 128;

/// Makes a piece of a text.
#[must_use]
pub fn piece(text: &Bytes) -> Bytes {
    let packed = if text.len() >= WORTH_IT { deflate(text, LARGEST_WINDOW, blocks_of) } else { None };
    let mut piece = packed.unwrap_or_else(|| stored(text));
    piece.put_u32(crc32fast::hash(text));
    piece.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    piece.freeze()
}

fn blocks_of(deflated: &[u8]) -> BytesMut {
    let mut blocks = BytesMut::with_capacity(deflated.len() + FLUSHED.len() + NOTE);
    blocks.extend_from_slice(deflated);
    blocks.extend_from_slice(&FLUSHED);
    blocks
}

fn stored(text: &[u8]) -> BytesMut {
    let mut blocks = BytesMut::with_capacity(text.len() + 5 + NOTE);
    for part in text.chunks(STORED_MAX) {
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        blocks.put_u8(0);
        blocks.put_u16_le(length);
        blocks.put_u16_le(!length);
        blocks.extend_from_slice(part);
    }
    blocks
}

/// What one stream has sent so far.
#[derive(Debug, Default)]
pub struct GzipStream {
    sum: Option<Hasher>,
    has_ended: bool,
}

impl GzipStream {
    /// The bytes of the next pieces, after the header if they are the first.
    pub fn carry(&mut self, pieces: Vec<Bytes>) -> Bytes {
        let mut bytes = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum::<usize>() + HEADER.len());
        let sum = self.sum.get_or_insert_with(|| {
            bytes.extend_from_slice(&HEADER);
            Hasher::new()
        });
        for mut piece in pieces {
            let mut note = piece.split_off(piece.len().saturating_sub(NOTE));
            sum.combine(&Hasher::new_with_initial_len(note.get_u32(), note.get_u32().into()));
            bytes.extend_from_slice(&piece);
        }
        bytes.freeze()
    }

    /// The end of the stream; none when it has been told already.
    pub fn finish(&mut self) -> Option<Bytes> {
        if std::mem::replace(&mut self.has_ended, true) {
            return None;
        }
        let mut bytes = BytesMut::from(&self.carry(Vec::new())[..]);
        let sum = self.sum.take()?;
        bytes.extend_from_slice(&LAST_BLOCK);
        // The format counts in 32 bits, modulo 2^32.
        let length = sum.total_len() & u64::from(u32::MAX);
        bytes.put_u32_le(sum.finalize());
        bytes.put_u32_le(u32::try_from(length).unwrap_or_default());
        Some(bytes.freeze())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_stream_unpacks_to_the_texts_of_its_pieces(
            texts in prop::collection::vec("[a-f]{0,300}", 0..20),
            together in 1_usize..4,
        ) {
            let pieces: Vec<Bytes> = texts.iter().map(|text| piece(&Bytes::from(text.clone()))).collect();
            let (mut stream, mut bytes) = (GzipStream::default(), Vec::new());
            for some in pieces.chunks(together) {
                bytes.extend_from_slice(&stream.carry(some.to_vec()));
            }
            bytes.extend_from_slice(&stream.finish().unwrap());
            prop_assert_eq!(stream.finish(), None);
            let mut unpacked = String::new();
            GzDecoder::new(&bytes[..]).read_to_string(&mut unpacked).unwrap();
            prop_assert_eq!(unpacked, texts.concat());
        }
    }

    #[test]
    fn a_long_text_that_does_not_shrink_is_stored() {
        let noise: Vec<u8> = std::iter::repeat_with(rand::random).take(200_000).collect();
        let (mut stream, noise) = (GzipStream::default(), Bytes::from(noise));
        let mut bytes = stream.carry(vec![piece(&noise)]).to_vec();
        bytes.extend_from_slice(&stream.finish().unwrap());
        let mut unpacked = Vec::new();
        GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, noise);
    }
}
