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

impl Outcome {
    /// Adds the figures; answers the price of a reading: processor time in microseconds, or instructions.
    pub fn report(&self, report: &mut Report, args: &IngestArgs) -> Option<f64> {
        report.figure("messagesPerSecond", "messages acknowledged per second", self.per_second(), "/s");
        let readings_per_second = self.per_second() * f64::from(args.batch);
        report.figure("readingsPerSecond", "readings acknowledged per second", readings_per_second, "/s");
        let cost = self.report_cost(report, self.counts.acked() * u64::from(args.batch));
        if let Some((empty, connected)) = self.memory {
            let memory = (connected - empty).resident as f64 / 1024.0 / f64::from(args.modules);
            report.figure("serverRssKibPerModule", "memory per online module (RSS)", memory, "KiB");
        }
        let latencies = [
            ("ackP50Ms", "acknowledgement p50"),
            ("ackP99Ms", "acknowledgement p99"),
            ("ackMaxMs", "acknowledgement max"),
        ];
        report.latencies(latencies, &self.counts.latencies());
        report.count("frames", "frames to the dashboards", self.watched);
        let failed = self.counts.failed() + self.watchers_closed;
        report.must_be_none("failed", "messages refused or not answered, or connections lost", failed);

        cost
    }

    /// The same for another server, whose figures are named after it.
    pub fn report_beside(&self, report: &mut Report, name: &'static str, args: &IngestArgs) -> Option<f64> {
        let mut beside = Report::new(name);
        let cost = self.report(&mut beside, args);
        report.put_beside(beside);

        cost
    }

    fn report_cost(&self, report: &mut Report, readings: u64) -> Option<f64> {
        let each = |all: f64| all / readings.max(1) as f64;
        let (key, label, cost, unit) = match self.spent.as_ref()? {
            Spent::Time(time) => {
                ("serverCpuUsPerReading", "server CPU per reading", each(time.as_secs_f64() * 1e6), "µs")
            }
            Spent::Instructions(count) => {
                ("instructionsPerReading", "instructions per reading", each(*count as f64), "")
            }
        };
        report.figure(key, label, cost, unit);

        Some(cost)
    }

    /// Messages that were acknowledged in a second.
    pub fn per_second(&self) -> f64 {
        self.counts.acked() as f64 / self.seconds
    }
}
