//! Packets of Socket.IO with their attachments; every line is a message, binary if it begins with a zero.
#![no_main]

use carillon::session::engine::Message;
use carillon::session::socketio::attachments::Unpacker;
use carillon::session::socketio::packet;
use libfuzzer_sys::fuzz_target;

const MAX: usize = 1000;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        // Only that there is an answer matters.
        let _ = packet::read(text);
        let _ = packet::arguments(text);
    }
    let mut unpacker = Unpacker::new(MAX);
    for line in bytes.split(|byte| *byte == b'\n') {
        let message = match (line, std::str::from_utf8(line)) {
            ([0, binary @ ..], _) => Message::Binary(binary.to_vec()),
            (_, Ok(text)) => Message::Text(text.to_owned()),
            (binary, Err(_)) => Message::Binary(binary.to_vec()),
        };
        match unpacker.take(message) {
            Ok(Some(parcel)) => assert!(parcel.attachments.iter().map(Vec::len).sum::<usize>() <= MAX),
            Ok(None) => {}
            Err(_) => return,
        }
    }
});
