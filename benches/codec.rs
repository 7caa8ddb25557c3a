//! Frames of WebSockets, out and in.

use std::hint::black_box;

use carillon::domain::cursor::Epoch;
use carillon::pipe::frame::{self, Assembler};

use crate::{Step, events};

pub const STEPS: &[Step] = &[("codec/event", event), ("codec/out", out), ("codec/in", into)];

/// An event becomes a frame: once for all who hear it.
fn event() -> Box<dyn FnMut()> {
    let event = events::each(Epoch::generate(), 1_000_000);
    Box::new(move || {
        black_box((events::dialect().encode)(black_box(&event)));
    })
}

fn out() -> Box<dyn FnMut()> {
    Box::new(|| {
        black_box(frame::text(black_box(events::DATA.as_bytes())));
    })
}

/// A masked frame becomes a message.
fn into() -> Box<dyn FnMut()> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let payload = events::DATA.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    let length = u8::try_from(events::DATA.len()).expect("a short text");
    let bytes: Vec<_> = [0x81, 0x80 | length].into_iter().chain(mask).chain(payload).collect();
    let mut assembler = Assembler::new(1 << 20, false);
    Box::new(move || {
        let message = assembler.feed(black_box(&bytes)).expect("a frame");
        assert!(black_box(message).is_some());
    })
}
