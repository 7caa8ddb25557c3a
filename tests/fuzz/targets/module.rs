//! What modules say on `/ws/module`.
#![no_main]

use carillon::module::frame::DeviceFrame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(bad) = DeviceFrame::read(text) {
        assert!([400, 422].contains(&bad.problem.status));
    }
});
