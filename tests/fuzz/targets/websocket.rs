//! The assembler of WebSocket messages: raw bytes, and bytes dressed as masked frames, cut into reads of any size.
#![no_main]

use carillon::pipe::frame::{Assembler, Incoming};
use libfuzzer_sys::fuzz_target;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::OpCode;

const MAX: usize = 2048;

fuzz_target!(|input: &[u8]| {
    let [mode, step, bytes @ ..] = input else { return };
    let wire = if mode & 2 == 0 { bytes.to_vec() } else { dressed(bytes) };
    let mut assembler = Assembler::new(MAX, mode & 1 == 1);
    for piece in wire.chunks(usize::from(*step).max(1)) {
        let mut next = assembler.feed(piece);
        loop {
            match next {
                Ok(Some(Incoming::Text(text))) => assert!(text.len() <= MAX),
                Ok(Some(Incoming::Binary(bytes))) => assert!(bytes.len() <= MAX),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    assert!([1002, 1007, 1009].contains(&error.close_code()));
                    return;
                }
            }
            next = assembler.next_message();
        }
    }
});

/// Takes a byte of marks and one of length for every frame; the rest is its payload.
fn dressed(mut bytes: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    while let [marks, length, rest @ ..] = bytes {
        let (payload, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        let header = FrameHeader {
            is_final: marks & 0x80 == 0,
            rsv1: marks & 0x40 != 0,
            rsv2: false,
            rsv3: false,
            opcode: OpCode::from(marks & 15),
            mask: Some([0; 4]),
        };
        header.format(payload.len() as u64, &mut wire).expect("memory takes a header");
        wire.extend_from_slice(payload);
        bytes = rest;
    }
    wire
}
