//! Bodies: JSON objects and lists, with the place of a fault; readings also by the reader of their plain form.
#![no_main]

use carillon::domain::problem::{Problem, read_json, read_json_list};
use carillon::domain::telemetry::{Reading, Telemetry};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|body: &[u8]| {
    for problem in [
        read_json::<Map<String, Value>>(body).err(),
        read_json::<Telemetry>(body).err(),
        read_json_list::<Telemetry>(body).err(),
        Reading::read_either(body).err(),
    ] {
        assert!(problem.is_none_or(|problem| [400, 413, 422].contains(&problem.status)));
    }
    let one = |read: Result<Reading, Problem>| read.map(|reading| vec![reading]);
    assert_eq!(told(one(Reading::read(body))), told(one(read_json(body))));
    assert_eq!(told(Reading::read_list(body)), told(read_json_list(body)));
});

fn told(read: Result<Vec<Reading>, Problem>) -> Result<Vec<(String, String)>, Problem> {
    let one = |reading: Reading| (format!("{:?}", reading.ts), format!("{:?}", reading.telemetry()));
    read.map(|readings| readings.into_iter().map(one).collect())
}
