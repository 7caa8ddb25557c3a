//! Compression of messages (RFC 7692): by itself, so that one compressed frame serves all, or behind another message, for
//! all who have read that one last.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::FrameError;

/// What ends a flushed block; it is not sent (RFC 7692, 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// How much memory a thread keeps between two messages for what compression brings out.
const SCRATCH_KEPT: usize = 64 * 1024;
/// The first guess of how long a compressed message becomes, and how much more room it then gets at a time.
const LEAST_ROOM: usize = 1024;

/// The window of the compressor that serves most (RFC 7692, 7.1.2.1), as a power of two; no peer has a larger one.
pub const LARGEST_WINDOW: u8 = 15;
/// The smallest window the compressor can be made with.
pub const SMALLEST_WINDOW: u8 = 9;
/// The effort of compression: on JSON the highest one saves a thirtieth more and takes five times as long for a snapshot.
const LEVEL: u32 = 2;
/// The same for short messages that lean on another: there it saves up to an eighth, and takes no more time.
const LEANING_LEVEL: u32 = 8;
/// How far back a message looks that leans on the one before, as a power of two.
pub const LEANING_WINDOW: u8 = 12;

/// What one thread compresses with: made once, not for every message or connection.
#[derive(Default)]
struct Workshop {
    /// By window, from the smallest to the largest.
    compressors: [Option<Box<Compress>>; (LARGEST_WINDOW - SMALLEST_WINDOW + 1) as usize],
    leaning: Option<Box<Compress>>,
    scratch: Vec<u8>,
}

thread_local! {
    static WORKSHOP: RefCell<Workshop> = RefCell::default();
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Compresses a message for a peer that looks back this far, and hands it over; nothing if that cannot be done.
pub fn deflate<T>(message: &[u8], window: u8, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
    WORKSHOP.with_borrow_mut(|Workshop { compressors, scratch, .. }| {
        let place = compressors.get_mut(usize::from(window.checked_sub(SMALLEST_WINDOW)?))?;
        let compress = ready(place, LEVEL, window);
        take_deflated(compress, message, scratch, take)
    })
}

/// The same for a peer that has read `before` just now and looks back as far as [`LEANING_WINDOW`]: what is alike there is
/// not told again.
pub fn deflate_behind<T>(before: &[u8], message: &[u8], take: impl FnOnce(&[u8]) -> T) -> Option<T> {
    WORKSHOP.with_borrow_mut(|Workshop { leaning, scratch, .. }| {
        let compress = ready(leaning, LEANING_LEVEL, LEANING_WINDOW);
        compress.set_dictionary(before).ok()?;
        take_deflated(compress, message, scratch, take)
    })
}

fn ready(place: &mut Option<Box<Compress>>, level: u32, window: u8) -> &mut Compress {
    let make = || Box::new(Compress::new_with_window_bits(Compression::new(level), false, window));
    let compress = place.get_or_insert_with(make);
    compress.reset();
    compress
}

fn take_deflated<T>(
    compress: &mut Compress,
    message: &[u8],
    scratch: &mut Vec<u8>,
    take: impl FnOnce(&[u8]) -> T,
) -> Option<T> {
    scratch.clear();
    let is_whole = compress_into(compress, message, scratch);
    let taken = scratch.strip_suffix(&TAIL).filter(|_| is_whole).map(take);
    scratch.shrink_to(SCRATCH_KEPT);
    taken
}

fn compress_into(compress: &mut Compress, message: &[u8], out: &mut Vec<u8>) -> bool {
    out.reserve(message.len() / 2 + LEAST_ROOM);
    loop {
        let taken = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = message.get(taken..).unwrap_or_default();
        if compress.compress_vec(rest, out, FlushCompress::Sync).is_err() {
            return false;
        }
        if out.len() < out.capacity() {
            return true;
        }
        out.reserve(LEAST_ROOM.max(out.len() / 2));
    }
}

/// Inflates a message of at most `max` bytes; holds no more than that much and the compressed message.
///
/// # Errors
/// [`FrameError::TooLong`] as soon as it is, [`FrameError::Damaged`] when it cannot be inflated.
pub fn inflate(compressed: &[u8], max: usize) -> Result<Vec<u8>, FrameError> {
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset(false);
        inflate_whole(inflate, compressed, max)
    })
}

/// Inflates the messages of one peer, which may lean on those before.
#[derive(Debug)]
pub struct Inflater(Decompress);

impl Inflater {
    /// One that has read nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Decompress::new(false))
    }

    /// Inflates the next message.
    ///
    /// # Errors
    /// As [`inflate`]; after that it is of no more use.
    pub fn inflate(&mut self, compressed: &[u8], max: usize) -> Result<Vec<u8>, FrameError> {
        inflate_whole(&mut self.0, compressed, max)
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

fn inflate_whole(inflate: &mut Decompress, compressed: &[u8], max: usize) -> Result<Vec<u8>, FrameError> {
    let mut message = Vec::new();
    inflate_into(inflate, compressed, &mut message, max)?;
    let length = message.len();
    inflate_into(inflate, &TAIL, &mut message, max)?;
    // The tail completes the last block; if it brings something out, that block was cut off.
    if message.len() == length { Ok(message) } else { Err(FrameError::Damaged) }
}

fn inflate_into(
    inflate: &mut Decompress,
    mut compressed: &[u8],
    message: &mut Vec<u8>,
    max: usize,
) -> Result<(), FrameError> {
    loop {
        make_room(message, compressed.len(), max)?;
        let before = inflate.total_in();
        let status = inflate.decompress_vec(compressed, message, FlushDecompress::Sync);
        let status = status.map_err(|_| FrameError::Damaged)?;
        let taken = usize::try_from(inflate.total_in() - before).unwrap_or(usize::MAX);
        compressed = compressed.get(taken..).unwrap_or_default();
        if message.len() > max {
            return Err(FrameError::TooLong(max));
        }
        let has_room = message.len() < message.capacity();
        match status {
            // A block may call itself the last one; what follows begins anew (RFC 7692, 7.2.3.4).
            Status::StreamEnd => inflate.reset(false),
            Status::BufError if has_room && !compressed.is_empty() => return Err(FrameError::Damaged),
            Status::Ok | Status::BufError => {}
        }
        if compressed.is_empty() && has_room {
            return Ok(());
        }
    }
}

/// Gives a full message more room, one byte beyond the longest allowed at most.
fn make_room(message: &mut Vec<u8>, coming: usize, max: usize) -> Result<(), FrameError> {
    if message.len() == message.capacity() {
        let left = max.saturating_add(1).saturating_sub(message.len());
        let more = message.len().max(coming.saturating_mul(4)).max(LEAST_ROOM).min(left);
        if more == 0 {
            return Err(FrameError::TooLong(max));
        }
        message.reserve_exact(more);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn deflated(message: &[u8]) -> Option<Vec<u8>> {
        deflate(message, LARGEST_WINDOW, <[u8]>::to_vec)
    }

    /// Inflates as a peer with a window of its own does.
    fn inflated_within(compressed: &[u8], window: u8) -> Option<Vec<u8>> {
        let mut inflate = Decompress::new_with_window_bits(false, window);
        let mut message = Vec::with_capacity(1 << 20);
        for piece in compressed.chunks(100).chain([&TAIL[..]]) {
            inflate.decompress_vec(piece, &mut message, FlushDecompress::Sync).ok()?;
        }
        Some(message)
    }

    proptest! {
        #[test]
        fn a_message_survives_compression(
            piece in prop::collection::vec(any::<u8>(), 1..50),
            times in 1_usize..4000,
        ) {
            let message = piece.repeat(times);
            let shorter = deflated(&message).unwrap();

            prop_assert!(shorter.len() < message.len() + 16);
            prop_assert_eq!(inflate(&shorter, message.len()).unwrap(), message.clone());
            prop_assert_eq!(inflate(&shorter, message.len() - 1), Err(FrameError::TooLong(message.len() - 1)));
        }

        #[test]
        fn a_peer_with_a_small_window_can_follow(words in prop::collection::vec(0_u32..500, 100..2000), window in 9_u8..15) {
            let message: Vec<u8> = words.iter().flat_map(|word| format!("word {word}, ").into_bytes()).collect();
            let shorter = deflate(&message, window, <[u8]>::to_vec).unwrap();

            prop_assert!(shorter.len() < message.len());
            prop_assert_eq!(inflated_within(&shorter, window), Some(message));
        }

        #[test]
        fn messages_that_lean_on_the_one_before_are_read_in_their_order(
            texts in prop::collection::vec("[a-f]{0,300}", 1..20),
        ) {
            let (mut before, mut inflater) = (String::new(), Inflater::new());
            for text in texts {
                let shorter = deflate_behind(before.as_bytes(), text.as_bytes(), <[u8]>::to_vec).unwrap();
                prop_assert_eq!(inflater.inflate(&shorter, 300).unwrap(), text.as_bytes());
                before = text;
            }
        }

        #[test]
        fn no_bytes_break_inflation(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(message) = inflate(&bytes, 100) {
                prop_assert!(message.len() <= 100);
            }
        }
    }

    #[test]
    fn messages_of_the_standard_are_read() {
        // RFC 7692, 7.2.3: one block, no compression, a last block, two blocks.
        for bytes in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        ] {
            assert_eq!(inflate(bytes, 5).unwrap(), b"Hello", "{bytes:02x?}");
        }
        assert_eq!(inflate(&[0x00], 5).unwrap(), b"", "an empty message");
    }

    #[test]
    fn windows_that_no_compressor_has_are_not_compressed_for() {
        assert_eq!(deflate(b"abc", 8, <[u8]>::len), None);
        assert_eq!(deflate(b"abc", 16, <[u8]>::len), None);
    }

    #[test]
    fn a_bomb_takes_no_more_memory_than_a_message_may() {
        let bomb = deflated(&vec![0; 100 << 20]).unwrap();
        assert!(bomb.len() < 120_000, "{}", bomb.len());

        assert_eq!(inflate(&bomb, 1000), Err(FrameError::TooLong(1000)));
        let mut message = Vec::new();
        let mut inflater = Decompress::new(false);
        assert!(inflate_into(&mut inflater, &bomb, &mut message, 1000).is_err());
        assert!(message.capacity() <= 1001, "{}", message.capacity());
    }

    #[test]
    fn damaged_messages_are_told() {
        for bytes in [&[0xff, 0xff][..], &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48], &[0x07]] {
            assert_eq!(inflate(bytes, 100), Err(FrameError::Damaged), "{bytes:02x?}");
        }
    }
}
