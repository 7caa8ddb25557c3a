use std::{rc::Rc, time::Duration};

use clap::Args;
use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::{
    ingest::{BenchModule, reading, register_modules},
    limits::{ROOM, allow_connections},
    report::{Latencies, Report},
    target::{Target, TargetArgs},
    wire::{connect_http, render_request},
};
use crate::cli::{CliError, client::ClientError, duration::parse_duration};

/// Telemetry by HTTP: requests a second
#[derive(Debug, Clone, Args)]
pub struct HttpArgs {
    /// Connections that each send one request after the other, as one module each
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Readings in one request
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=5000))]
    batch: u32,
    /// How long they send
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Default)]
struct Outcome {
    accepted: u64,
    refused: u64,
    latencies: Latencies,
}

/// Sends as fast as the hub answers.
pub async fn measure(args: &HttpArgs) -> Result<Report, CliError> {
    allow_connections(args.connections.into())?;
    let target = Rc::new(args.target.open(&ROOM).await?);
    let modules = register_modules(&target.api, args.connections as usize).await?;

    let before = target.usage()?;
    let start = Instant::now();
    let sending = modules.into_iter().enumerate().map(|(index, module)| args.send(index, module, &target, start));
    let outcomes = try_join_all(sending).await?;
    let seconds = start.elapsed().as_secs_f64();
    let after = target.usage()?;

    let mut all = Latencies::new();
    outcomes.iter().for_each(|outcome| all.add(&outcome.latencies));
    let requests: u64 = outcomes.iter().map(|outcome| outcome.accepted).sum();
    let mut report = Report::new("http");
    report.count("connections", "connections", args.connections.into());
    report.count("batch", "readings in a request", args.batch.into());
    report.figure("requestsPerSecond", "requests per second", requests as f64 / seconds, "/s");
    let readings = requests as f64 * f64::from(args.batch) / seconds;
    report.figure("readingsPerSecond", "readings per second", readings, "/s");
    report.latencies([("p50Ms", "answer p50"), ("p99Ms", "answer p99"), ("maxMs", "answer max")], &all);
    if let (Some(before), Some(after)) = (before, after) {
        let work = (after - before).processor().as_secs_f64();
        report.figure("serverCpuUsPerRequest", "server CPU per request", work * 1e6 / requests.max(1) as f64, "µs");
        report.figure("serverCpuPercent", "processor share of the hub", work / seconds * 100.0, "%");
    }
    report.must_be_none("refused", "requests refused", outcomes.iter().map(|outcome| outcome.refused).sum());
    if let Ok(target) = Rc::try_unwrap(target) {
        target.close().await?;
    }

    Ok(report)
}

impl HttpArgs {
    async fn send(
        &self,
        index: usize,
        module: BenchModule,
        target: &Target,
        start: Instant,
    ) -> Result<Outcome, ClientError> {
        let (mut reader, mut writer) = connect_http(&target.destination, index).await?;
        let path = format!("/api/v1/modules/{}/telemetry", module.id);
        let mut outcome = Outcome::default();
        let mut number = 0;
        while start.elapsed() < self.duration {
            let body = self.body(number);
            number += u64::from(self.batch);
            let request = render_request(&target.destination, "POST", &path, Some(&module.token), &body);
            let sent = Instant::now();
            writer.send(&request).await?;
            let answer = reader.answer().await?;
            outcome.latencies.record(sent.elapsed());
            if answer.is_success() { outcome.accepted += 1 } else { outcome.refused += 1 }
        }

        Ok(outcome)
    }

    /// One reading as an object, several as an array.
    fn body(&self, first: u64) -> String {
        let one = |number| format!(r#"{{"telemetry":{}}}"#, reading(number));
        if self.batch == 1 {
            return one(first);
        }
        let readings: Vec<_> = (first..first + u64::from(self.batch)).map(one).collect();

        format!("[{}]", readings.join(","))
    }
}
