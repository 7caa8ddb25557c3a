//! What a module reports is read and compared with what is known.

use std::hint::black_box;

use carillon::domain::telemetry::{Newest, Reading, Telemetry};
use carillon::domain::time::Timestamp;

use crate::Step;

pub const STEPS: &[Step] = &[("telemetry/read", read), ("telemetry/take", take)];

const READING: &[u8] = br#"{"ts":"2026-01-01T00:00:00Z","telemetry":{"temperature":21.5,"humidity":48,"doors":"closed","isLit":true,"speed":3.25}}"#;

fn read() -> Box<dyn FnMut()> {
    Box::new(|| {
        let reading = Reading::read(black_box(READING)).expect("a reading");
        assert_eq!(black_box(reading).telemetry().len(), 5);
    })
}

/// One value of five is another each time.
fn take() -> Box<dyn FnMut()> {
    let telemetry = |temperature: u8| {
        let json =
            format!(r#"{{"temperature":{temperature},"humidity":48,"doors":"closed","isLit":true,"speed":3.25}}"#);
        serde_json::from_str::<Telemetry>(&json).expect("telemetry")
    };
    let both = [telemetry(20), telemetry(21)];
    let mut newest = Newest::from(both[1].clone());
    let mut at = 0;
    Box::new(move || {
        at += 1;
        let newer = &both[usize::from(at % 2 == 0)];
        let now = Timestamp::from_millis(at);
        assert_eq!(newest.take(black_box(newer), now, now), Ok(true));
    })
}
