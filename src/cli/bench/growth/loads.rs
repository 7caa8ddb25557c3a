use clap::{Args, Command};

use super::{Growing, GrowthArgs, Quantity};
use crate::cli::{
    CliError,
    bench::{
        fanout::{self, FanoutArgs},
        idle::{self, IdleArgs},
        report::Report,
        resume::{self, ResumeArgs},
        telemetry::{self, TelemetryArgs},
    },
};

const KIB: f64 = 1024.0;
const US: f64 = 1000.0;

/// A measurement, as its own command makes it.
pub enum Load {
    /// Clients that only stay.
    Idle(IdleArgs),
    /// Events to clients.
    Fanout(FanoutArgs),
    /// Modules that report.
    Telemetry(TelemetryArgs),
    /// Clients that come back.
    Resume(ResumeArgs),
}

impl Load {
    /// Measures on a fresh hub.
    ///
    /// # Errors
    /// Whatever the measurement says.
    pub async fn measure(&self) -> Result<Report, CliError> {
        match self {
            Self::Idle(args) => idle::measure(args).await,
            Self::Fanout(args) => fanout::measure(args).await,
            Self::Telemetry(args) => telemetry::measure(args).await,
            Self::Resume(args) => resume::measure(args).await,
        }
    }
}

impl GrowthArgs {
    /// What is measured at this size.
    ///
    /// # Errors
    /// [`CliError::Usage`] when a measurement does not take the size.
    pub fn loads(&self, size: u32, sizes: &[u32]) -> Result<Vec<Load>, CliError> {
        let (rate, clients, duration) = (self.rate, self.clients, format!("{}ms", self.duration.as_millis()));
        let loads = match self.of {
            Growing::Clients => vec![
                Load::Idle(read(&format!("--sessions {size} --duration {duration}"))?),
                Load::Fanout(read(&format!("--sessions {size} --rate {rate} --duration {duration}"))?),
            ],
            // As many publish at every size, as there is one for each topic at least.
            Growing::Topics => {
                let publishers = sizes.iter().max().copied().unwrap_or(size).min(1000);
                let load = format!("--sessions {clients} --topics {size} --all-topics --publishers {publishers}");
                vec![Load::Fanout(read(&format!("{load} --rate {rate} --duration {duration}"))?)]
            }
            Growing::Modules => {
                let online = self.online.min(size);
                vec![Load::Telemetry(read(&format!("--modules {size} --online {online} --duration {duration}"))?)]
            }
            Growing::Journal => {
                let missed = self.missed.min(size);
                vec![Load::Resume(read(&format!("--journal {size} --missed {missed}"))?)]
            }
        };

        Ok(loads)
    }
}

/// Reads the options of another command of this program.
fn read<A: Args>(options: &str) -> Result<A, CliError> {
    let line = std::iter::once("bench").chain(options.split(' '));
    let matches = A::augment_args(Command::new("bench")).try_get_matches_from(line);

    matches.and_then(|matches| A::from_arg_matches(&matches)).map_err(|error| CliError::Usage(error.to_string()))
}

impl Growing {
    /// What is told of each size.
    pub fn quantities(self) -> &'static [Quantity] {
        match self {
            Self::Clients => &CLIENTS,
            Self::Topics => &TOPICS,
            Self::Modules => &MODULES,
            Self::Journal => &JOURNAL,
        }
    }
}

const CLIENTS: [Quantity; 5] = [
    quantity("enterUs", "all come in, CPU µs", 0, |idle, size| Some(idle.get("serverCpuUsToEnter")? * size)),
    quantity("idleUs", "idle, CPU µs/s", 0, |idle, size| Some(idle.get("serverCpuUsPerSecond")? * size)),
    quantity("idleKib", "memory idle, KiB", 0, |idle, _| Some(idle.get("serverRssMib")? * KIB)),
    quantity("eventUs", "an event to all, CPU µs", 1, event_us),
    quantity("trafficKib", "memory after traffic, KiB", 1, |fanout, _| Some(fanout.get("serverRssMib")? * KIB)),
];

const TOPICS: [Quantity; 3] = [
    quantity("eventUs", "an event to all, CPU µs", 0, event_us),
    quantity("deliveryUs", "a delivery, CPU µs", 0, |fanout, _| fanout.get("serverCpuUsPerDelivery")),
    quantity("memoryKib", "memory, KiB", 0, |fanout, _| Some(fanout.get("serverRssMib")? * KIB)),
];

const MODULES: [Quantity; 4] = [
    quantity("registerUs", "a registration, µs", 0, |telemetry, _| {
        Some(1e6 / telemetry.get("registrationsPerSecond")?)
    }),
    quantity("registeredKib", "memory of all registered, KiB", 0, |telemetry, size| {
        Some(telemetry.get("serverRssKibPerModule")? * size)
    }),
    quantity("memoryKib", "memory with those online, KiB", 0, |telemetry, _| {
        Some(telemetry.get("serverRssMib")? * KIB)
    }),
    quantity("readingUs", "a reading, CPU µs", 0, |telemetry, _| telemetry.get("serverCpuUsPerReading")),
];

const JOURNAL: [Quantity; 4] = [
    quantity("startUs", "the hub's start, µs", 0, |resume, _| Some(resume.get("startSeconds")? * 1e6)),
    quantity("memoryUs", "a resume from memory, CPU µs", 0, |resume, _| Some(resume.get("ringCpuMs")? * US)),
    quantity("tableUs", "a resume from the table, CPU µs", 0, |resume, _| Some(resume.get("tableCpuMs")? * US)),
    quantity("memoryKib", "memory, KiB", 0, |resume, _| Some(resume.get("serverRssMib")? * KIB)),
];

const fn quantity(
    key: &'static str,
    label: &'static str,
    load: usize,
    of: fn(&Report, f64) -> Option<f64>,
) -> Quantity {
    Quantity { names: (key, label), load, of }
}

/// The processor time of one event to everybody.
fn event_us(fanout: &Report, _: f64) -> Option<f64> {
    Some(fanout.get("serverCpuUsPerDelivery")? * fanout.get("deliveries")? / fanout.get("published")?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: GrowthArgs,
    }

    #[test]
    fn every_size_is_one_that_its_measurements_take() {
        for (of, loads) in [("clients", 2), ("topics", 1), ("modules", 1), ("journal", 1)] {
            let Line { args } = Line::parse_from(["growth", of]);
            let sizes = args.of.sizes();
            for size in &sizes {
                assert_eq!(args.loads(*size, &sizes).unwrap().len(), loads, "{of} {size}");
            }
            assert!(args.of.quantities().iter().all(|quantity| quantity.load < loads));
        }
    }

    #[test]
    fn a_size_that_a_measurement_does_not_take_is_told() {
        let Line { args } = Line::parse_from(["growth", "topics"]);

        assert!(matches!(args.loads(5000, &[5000]), Err(CliError::Usage(_))));
    }
}
