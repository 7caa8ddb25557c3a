//! What we compress, for any window, is what a peer inflates; what nobody compressed is refused or bounded.
#![no_main]

use bytes::Bytes;
use carillon::pipe::frame::{self, Assembler, Deflation, Incoming};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [window, times, piece @ ..] = input else { return };
    let message = piece.repeat(usize::from(*times) + 1);
    let deflation = Deflation { threshold: 0, window: 8 + window % 8, remembers: false };
    let compressed = frame::deflated_for(&frame::binary(&message), deflation);
    let mut assembler = Assembler::new(message.len().max(1), true);
    let read = assembler.feed(&masked(&compressed));
    assert_eq!(read, Ok(Some(Incoming::Binary(message.clone()))));

    if message.len() > 1 {
        let mut narrow = Assembler::new(message.len() - 1, true);
        assert!(narrow.feed(&masked(&compressed)).is_err());
    }
});

/// The same frame as a client sends it, under a mask of zeros.
fn masked(frame: &Bytes) -> Vec<u8> {
    let payload = frame::payload(frame);
    let head = frame.len() - payload.len();
    let mut wire = frame[..head].to_vec();
    wire[1] |= 0x80;
    wire.extend_from_slice(&[0; 4]);
    wire.extend_from_slice(&payload);
    wire
}
