//! Packets of Engine.IO, and the payloads of its polls.
#![no_main]

use carillon::session::engine::packet::{read, read_payload};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The answers do not matter, only that there are some.
    let _ = read_payload(bytes);
    let _ = std::str::from_utf8(bytes).map(read);
});
