//! Packets of MQTT, of both versions, cut into reads of any size; and what modules write into them.
#![no_main]

use bytes::BytesMut;
use carillon::mqtt::house::payload::{Heading, read_readings, read_topic};
use carillon::mqtt::session::{Incoming, digest_of};
use carillon::mqtt::topic::{Filter, check_name};
use carillon::mqtt::wire::{Packet, Version, Wire};
use libfuzzer_sys::fuzz_target;

const MAX: u32 = 2048;

fuzz_target!(|input: &[u8]| {
    let [mode, step, bytes @ ..] = input else { return };
    let mut wire = match mode % 3 {
        0 => Wire::new(MAX),
        1 => Wire::speaking(Version::V3),
        _ => Wire::speaking(Version::V5),
    };
    wire.agree_on(MAX, None);
    let (mut buffer, mut incoming) = (BytesMut::new(), Incoming::default());
    for piece in bytes.chunks(usize::from(*step).max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            match wire.decode(&mut buffer) {
                Ok(Some(packet)) => take(&mut wire, &mut incoming, packet),
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(buffer.len() <= 2 * MAX as usize + 256);
    }
});

/// What a connection does with a packet before it asks anybody.
fn take(wire: &mut Wire, incoming: &mut Incoming, packet: Packet) {
    match &packet {
        Packet::Publish(publish) => {
            let _ = incoming.begin(publish, digest_of(publish), 16);
            if check_name(&publish.topic).is_ok() {
                let heading = read_topic(&publish.topic).map_or(Heading::Telemetry, |(_, heading)| heading);
                let _ = read_readings(heading, publish);
            }
        }
        Packet::Subscribe(subscribe) => {
            for (text, _) in &subscribe.topic_filters {
                let _ = Filter::read(text).map(|filter| filter.matches("carillon/MC-1/telemetry"));
            }
        }
        _ => {}
    }
    let _ = wire.encode(packet);
}
