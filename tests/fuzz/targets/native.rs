//! What clients say on `/ws`.
#![no_main]

use carillon::session::Speech;
use carillon::session::dialect::native::Native;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err((_, problem)) = Native.read(text) {
        assert!([400, 422].contains(&problem.status));
    }
});
