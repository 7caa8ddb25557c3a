//! Bodies: JSON objects and lists, with the place of a fault.
#![no_main]

use carillon::domain::problem::{read_json, read_json_list};
use carillon::domain::telemetry::Telemetry;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|body: &[u8]| {
    for problem in [
        read_json::<Map<String, Value>>(body).err(),
        read_json::<Telemetry>(body).err(),
        read_json_list::<Telemetry>(body).err(),
    ] {
        assert!(problem.is_none_or(|problem| [400, 413, 422].contains(&problem.status)));
    }
});
