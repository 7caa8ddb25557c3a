use std::rc::Rc;

use super::{IngestArgs, load::Counts, meter::Spent};
use crate::cli::bench::{process::Usage, report::Report};

/// What came of a load.
pub struct Outcome {
    /// What the modules counted.
    pub counts: Rc<Counts>,
    /// How long they reported.
    pub seconds: f64,
    /// Frames to the dashboards.
    pub watched: u64,
    /// Dashboards that were sent away.
    pub watchers_closed: u64,
    /// Before the modules came, and when all of them were connected.
    pub memory: Option<(Usage, Usage)>,
    /// What the server spent meanwhile.
    pub spent: Option<Spent>,
}

/// What the figures of one side are called.
pub struct Names {
    messages: [&'static str; 2],
    readings: [&'static str; 2],
    latencies: [(&'static str, &'static str); 3],
    cpu: [&'static str; 2],
    instructions: [&'static str; 2],
    memory: [&'static str; 2],
    frames: [&'static str; 2],
    failed: [&'static str; 2],
}

/// The hub.
pub const HUB: Names = Names {
    messages: ["messagesPerSecond", "messages acknowledged per second"],
    readings: ["readingsPerSecond", "readings acknowledged per second"],
    latencies: [
        ("ackP50Ms", "acknowledgement p50"),
        ("ackP99Ms", "acknowledgement p99"),
        ("ackMaxMs", "acknowledgement max"),
    ],
    cpu: ["serverCpuUsPerReading", "server CPU per reading"],
    instructions: ["instructionsPerReading", "instructions of the hub per reading"],
    memory: ["serverRssKibPerModule", "memory per online module (RSS)"],
    frames: ["frames", "frames to the dashboards"],
    failed: ["failed", "messages refused or not answered, or connections lost"],
};

/// The broker that is its peer.
pub const PEER: Names = Names {
    messages: ["peerMessagesPerSecond", "peer: messages per second"],
    readings: ["peerReadingsPerSecond", "peer: readings per second"],
    latencies: [
        ("peerAckP50Ms", "peer: acknowledgement p50"),
        ("peerAckP99Ms", "peer: acknowledgement p99"),
        ("peerAckMaxMs", "peer: acknowledgement max"),
    ],
    cpu: ["peerCpuUsPerReading", "peer: CPU per reading"],
    instructions: ["peerInstructionsPerReading", "peer: instructions per reading"],
    memory: ["peerRssKibPerModule", "peer: memory per client (RSS)"],
    frames: ["peerFrames", "peer: messages to the listeners"],
    failed: ["peerFailed", "peer: messages refused or not answered, or connections lost"],
};

/// The bare server.
pub const FLOOR: Names = Names {
    messages: ["floorMessagesPerSecond", "floor: messages per second"],
    readings: ["floorReadingsPerSecond", "floor: readings per second"],
    latencies: [
        ("floorAckP50Ms", "floor: acknowledgement p50"),
        ("floorAckP99Ms", "floor: acknowledgement p99"),
        ("floorAckMaxMs", "floor: acknowledgement max"),
    ],
    cpu: ["floorCpuUsPerReading", "floor: CPU per reading"],
    instructions: ["floorInstructionsPerReading", "floor: instructions per reading"],
    memory: ["floorRssKibPerModule", "floor: memory per connection (RSS)"],
    frames: ["floorFrames", "floor: messages to the listeners"],
    failed: ["floorFailed", "floor: messages refused or not answered, or connections lost"],
};

impl Outcome {
    /// Adds the figures of one side; answers the price of a reading: processor time in microseconds, or instructions.
    pub fn report(&self, report: &mut Report, names: &Names, args: &IngestArgs) -> Option<f64> {
        let readings = self.counts.acked() * u64::from(args.batch);
        let mut figure = |[key, label]: [&'static str; 2], value, unit| report.figure(key, label, value, unit);
        figure(names.messages, self.per_second(), "/s");
        figure(names.readings, self.per_second() * f64::from(args.batch), "/s");
        let each = |all: f64| all / readings.max(1) as f64;
        let (name, cost, unit) = match self.spent {
            Some(Spent::Time(time)) => (names.cpu, Some(each(time.as_secs_f64() * 1e6)), "µs"),
            Some(Spent::Instructions(count)) => (names.instructions, Some(each(count as f64)), ""),
            None => (names.cpu, None, ""),
        };
        if let Some(cost) = cost {
            figure(name, cost, unit);
        }
        if let Some((empty, connected)) = self.memory {
            let memory = (connected - empty).resident as f64 / 1024.0 / f64::from(args.modules);
            figure(names.memory, memory, "KiB");
        }
        report.latencies(names.latencies, &self.counts.latencies());
        report.count(names.frames[0], names.frames[1], self.watched);
        report.must_be_none(names.failed[0], names.failed[1], self.counts.failed() + self.watchers_closed);

        cost
    }

    /// Messages that were acknowledged in a second.
    pub fn per_second(&self) -> f64 {
        self.counts.acked() as f64 / self.seconds
    }
}
