use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::pipe::frame;

const TEXT: OpCode = OpCode::Data(Data::Text);
const BINARY: OpCode = OpCode::Data(Data::Binary);
const CONTINUE: OpCode = OpCode::Data(Data::Continue);
const PING: OpCode = OpCode::Control(Control::Ping);
const CLOSE: OpCode = OpCode::Control(Control::Close);

fn masked(opcode: OpCode, is_final: bool, payload: &[u8]) -> Vec<u8> {
    marked(opcode, is_final, false, payload)
}

fn marked(opcode: OpCode, is_final: bool, rsv1: bool, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let header = FrameHeader { opcode, is_final, rsv1, mask: Some(mask), ..FrameHeader::default() };
    let mut frame = Vec::new();
    header.format(payload.len() as u64, &mut frame).unwrap();
    let mut payload = payload.to_vec();
    unmask(&mut payload, mask, 0);
    frame.extend(payload);
    frame
}

fn deflated(message: &[u8]) -> Bytes {
    let frame = frame::deflated(&frame::binary(message));
    assert_eq!(frame[0], 0xc2, "the message becomes shorter");
    frame::payload(&frame)
}

fn all(assembler: &mut Assembler, bytes: &[u8]) -> Result<Vec<Incoming>, FrameError> {
    let mut messages = Vec::new();
    let mut next = assembler.feed(bytes)?;
    while let Some(message) = next {
        messages.push(message);
        next = assembler.next_message()?;
    }
    Ok(messages)
}

fn fault(bytes: &[u8]) -> u16 {
    all(&mut Assembler::new(100, true), bytes).unwrap_err().close_code()
}

fn holds_nothing(assembler: &Assembler) -> bool {
    let kept = [&assembler.rest, &assembler.header, &assembler.control];
    kept.iter().all(|bytes| bytes.capacity() == 0) && assembler.message.is_none() && assembler.frame.is_none()
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
        let mut wire = masked(TEXT, false, &bytes[..cut]);
        wire.extend(masked(PING, true, b"x"));
        wire.extend(masked(CONTINUE, true, &bytes[cut..]));
        wire.extend(masked(BINARY, true, bytes));
        let mut assembler = Assembler::new(1000, false);

        let messages: Vec<_> = wire.chunks(step).flat_map(|piece| all(&mut assembler, piece).unwrap()).collect();

        let binary = Incoming::Binary(bytes.to_vec());
        prop_assert_eq!(messages, vec![Incoming::Ping(b"x".to_vec()), Incoming::Text(text), binary]);
        prop_assert!(holds_nothing(&assembler), "{assembler:?}");
    }

    #[test]
    fn a_compressed_message_survives_any_cut_into_frames_and_reads(
        word in "\\PC{1,20}",
        cut in 0_usize..200,
        step in 1_usize..50,
    ) {
        let text = word.repeat(50);
        let bytes = deflated(text.as_bytes());
        let cut = cut.min(bytes.len());
        let mut wire = marked(TEXT, false, true, &bytes[..cut]);
        wire.extend(masked(PING, true, b"x"));
        wire.extend(masked(CONTINUE, true, &bytes[cut..]));
        wire.extend(masked(TEXT, true, b"plain"));
        let mut assembler = Assembler::new(5000, true);

        let messages: Vec<_> = wire.chunks(step).flat_map(|piece| all(&mut assembler, piece).unwrap()).collect();

        let plain = Incoming::Text("plain".to_owned());
        prop_assert_eq!(messages, vec![Incoming::Ping(b"x".to_vec()), Incoming::Text(text), plain]);
        prop_assert!(holds_nothing(&assembler), "{assembler:?}");
    }

    #[test]
    fn no_bytes_break_the_assembler(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..5),
        may_deflate: bool,
    ) {
        let mut assembler = Assembler::new(100, may_deflate);
        for piece in pieces {
            if all(&mut assembler, &piece).is_err() {
                break;
            }
        }
    }

    #[test]
    fn bytes_that_look_like_frames_do_not_break_the_assembler(
        frames in prop::collection::vec(
            (any::<u8>(), any::<bool>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..140)), 0..8,
        ),
    ) {
        let mut assembler = Assembler::new(200, true);
        for (opcode, is_final, rsv1, payload) in frames {
            if all(&mut assembler, &marked(OpCode::from(opcode & 15), is_final, rsv1, &payload)).is_err() {
                break;
            }
        }
    }
}

#[test]
fn faults_have_their_close_codes() {
    assert_eq!(fault(&[0x81, 0x01, b'a']), 1002, "not masked");
    assert_eq!(fault(&masked(TEXT, true, &[0xff])), 1007);
    assert_eq!(fault(&masked(TEXT, true, &[b'a'; 101])), 1009);
    assert_eq!(fault(&masked(CONTINUE, true, b"a")), 1002);
    assert_eq!(fault(&[masked(TEXT, false, b"a"), masked(TEXT, true, b"a")].concat()), 1002, "begun twice");
    assert_eq!(fault(&masked(CLOSE, true, &[0x03, 0xed])), 1002, "code 1005");
    assert_eq!(fault(&masked(CLOSE, true, &[0x03])), 1002, "half a code");
    assert_eq!(fault(&masked(CLOSE, true, &[0x03, 0xe8, 0xff])), 1007, "a reason that is no text");
    assert_eq!(fault(&masked(PING, false, b"")), 1002);
    assert_eq!(fault(&masked(PING, true, &[0; 126])), 1002);
    assert_eq!(fault(&masked(OpCode::from(3), true, b"")), 1002, "an opcode of tomorrow");
}

#[test]
fn the_mark_of_compression_stands_on_first_frames_only_and_only_when_agreed() {
    let bytes = deflated(&[b'a'; 90]);

    assert_eq!(fault(&marked(PING, true, true, b"")), 1002);
    let first = marked(TEXT, false, true, &bytes[..3]);
    assert_eq!(fault(&[first, marked(CONTINUE, true, true, &bytes[3..])].concat()), 1002);
    let not_agreed = all(&mut Assembler::new(100, false), &marked(TEXT, true, true, &bytes)).unwrap_err();
    assert_eq!(not_agreed.close_code(), 1002);
}

#[test]
fn compressed_messages_are_bounded_damaged_ones_refused_and_texts_must_be_texts() {
    assert_eq!(fault(&marked(TEXT, true, true, &deflated(&[b'a'; 101]))), 1009);
    assert_eq!(fault(&marked(TEXT, true, true, &[0xff; 4])), 1007);
    assert_eq!(fault(&marked(TEXT, true, true, &deflated(&[0xff; 90]))), 1007);
    assert_eq!(fault(&marked(TEXT, true, true, &[0; 165])), 1009, "longer than a message of 100 can become");
}

#[test]
fn what_is_wrong_is_refused_before_the_rest_comes() {
    let too_long = masked(BINARY, true, &[0; 200]);
    assert_eq!(fault(&too_long[..8]), 1009, "by its header");
    let not_text = masked(TEXT, true, b"abc\xed\xa0\x80 and more");
    assert_eq!(fault(&not_text[..11]), 1007, "in the middle of a frame");
    let cut = masked(TEXT, true, "é".as_bytes());
    assert_eq!(all(&mut Assembler::new(100, false), &cut[..cut.len() - 1]), Ok(Vec::new()), "a character may go on");
}

#[test]
fn a_hundred_million_bytes_in_single_ones_hold_little_and_end_at_the_limit() {
    let mut assembler = Assembler::new(65_536, false);
    let piece = masked(CONTINUE, false, b"a").repeat(2000);
    assert_eq!(assembler.feed(&masked(TEXT, false, b"")), Ok(None));
    let mut come = 0;
    let ended = loop {
        match assembler.feed(&piece) {
            Ok(none) => assert_eq!(none, None),
            Err(error) => break error,
        }
        come += 2000;
        let held = assembler.message.as_ref().map_or(0, |message| message.bytes.capacity()) + assembler.rest.capacity();
        assert!(held <= 2 * 65_536, "{held} bytes are held after {come}");
    };

    assert_eq!((ended, come), (FrameError::TooLong(65_536), 64_000));
}

#[test]
fn control_frames_come_between_fragments_in_their_order() {
    let wire = [
        masked(BINARY, false, b"a"),
        masked(PING, true, b"1"),
        masked(CONTINUE, false, b""),
        masked(OpCode::Control(Control::Pong), true, b"2"),
        masked(CONTINUE, true, b"b"),
        masked(CLOSE, true, &[0x03, 0xe8]),
    ]
    .concat();

    let messages = all(&mut Assembler::new(2, true), &wire).unwrap();

    let whole = Incoming::Binary(b"ab".to_vec());
    assert_eq!(messages, [Incoming::Ping(b"1".to_vec()), Incoming::Pong, whole, Incoming::Close(Some(1000))]);
}
