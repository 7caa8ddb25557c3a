use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    modules::{BenchModule, register_modules},
    progress,
    report::{Latencies, Report},
    target::{Target, TargetArgs},
};
use crate::cli::{CliError, client::ClientError, duration::parse_duration};
use crate::domain::time::Timestamp;

const SETTINGS: [(&str, &str); 1] = [("CARILLON__TELEMETRY__SEAL_AFTER", "1s")];
/// Readings of one request.
const BATCH: u64 = 2000;
/// Requests under way at once.
const AT_ONCE: usize = 2;
/// Windows of one question.
const WINDOWS: u64 = 500;
/// For how long sealing may stand still.
const SEALED_WITHIN: Duration = Duration::from_secs(120);

/// A past that is loaded and asked for: readings a second, bytes of each, how fast a chart is answered
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// Modules with a past
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    modules: u32,
    /// Keys of each reading
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    keys: u32,
    /// How many days the past has
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=80))]
    days: u32,
    /// From one reading to the next
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    every: Duration,
    /// How often a chart is asked for
    #[arg(long, default_value_t = 100)]
    questions: u32,
    #[command(flatten)]
    target: TargetArgs,
}

/// Loads a past, waits until it is sealed, and asks for it.
pub async fn measure(args: &HistoryArgs) -> Result<Report, CliError> {
    let mut target = args.target.open(&SETTINGS).await?;
    let modules = register_modules(&target.api, args.modules as usize).await?;
    let end = now();
    let start = end.saturating_sub(args.span_millis());

    let loading = Instant::now();
    args.load(&target, &modules, start).await?;
    let loaded = loading.elapsed();
    target.log_in_again().await?;
    let samples = args.readings() * u64::from(args.modules) * u64::from(args.keys);
    let bytes = wait_until_sealed(&target, samples).await?;
    let sealed = loading.elapsed();
    let charts = args.ask(&target, &modules, start, end).await?;
    target.close().await?;

    let mut report = Report::new("history");
    let readings = args.readings() * u64::from(args.modules);
    report.count("readings", "readings loaded", readings);
    report.figure("readingsPerSecond", "readings per second", readings as f64 / loaded.as_secs_f64(), "/s");
    report.figure("samplesPerSecond", "samples sealed per second", samples as f64 / sealed.as_secs_f64(), "/s");
    report.figure("bytesPerSample", "bytes of each sample, windows included", bytes / samples as f64, "B");
    report.count("windows", "windows of a chart over all of it", WINDOWS);
    report.latencies([("chartP50Ms", "chart p50"), ("chartP99Ms", "chart p99"), ("chartMaxMs", "chart max")], &charts);

    Ok(report)
}

impl HistoryArgs {
    fn readings(&self) -> u64 {
        self.span_millis() / (self.every.as_millis() as u64).max(1)
    }

    fn span_millis(&self) -> u64 {
        u64::from(self.days) * 86_400_000
    }

    async fn load(&self, target: &Target, modules: &[BenchModule], start: u64) -> Result<(), CliError> {
        let bar = progress(self.readings() as usize, "loading");
        for first in (0..self.readings()).step_by(BATCH as usize) {
            let numbers = first..(first + BATCH).min(self.readings());
            let batch: Vec<_> = numbers.map(|number| self.reading(number, start)).collect();
            bar.inc(batch.len() as u64);
            let batch = Value::from(batch);
            let pushing = modules.iter().map(|module| push(target, module, &batch));
            stream::iter(pushing).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        }
        bar.finish_and_clear();

        Ok(())
    }

    /// Slow waves with a little noise, to a tenth, as sensors have them.
    fn reading(&self, number: u64, start: u64) -> Value {
        let ts = start + number * self.every.as_millis() as u64;
        let value = |key: u32| {
            let noise = (number * 7919 + u64::from(key) * 104_729) % 17;
            ((number as f64 / 300.0 + f64::from(key)).sin() * 100.0 + noise as f64).round() / 10.0
        };
        let telemetry: serde_json::Map<_, _> =
            (0..self.keys).map(|key| (format!("key{key}"), json!(value(key)))).collect();

        json!({ "ts": moment(ts), "telemetry": telemetry })
    }

    async fn ask(
        &self,
        target: &Target,
        modules: &[BenchModule],
        start: u64,
        end: u64,
    ) -> Result<Latencies, ClientError> {
        let minutes = (end.saturating_sub(start) / 60_000 / WINDOWS).max(1);
        let mut latencies = Latencies::new();
        for question in 0..self.questions as usize {
            let id = &modules[question % modules.len()].id;
            let (from, to) = (moment(start), moment(end));
            let key = question % self.keys as usize;
            let path = format!(
                "/api/v1/modules/{id}/telemetry?key=key{key}&interval={minutes}m&agg=min,mean,max&from={from}&to={to}"
            );
            let asked = Instant::now();
            target.api.get::<Value>(&path).await?;
            latencies.record(asked.elapsed());
        }

        Ok(latencies)
    }
}

/// Pushes a batch, again for as long as the hub asks for patience: it takes in no more than it seals.
async fn push(target: &Target, module: &BenchModule, batch: &Value) -> Result<(), ClientError> {
    let deadline = Instant::now() + SEALED_WITHIN;
    loop {
        let answer = target.api.as_module(&module.token).push(&module.id, batch).await;
        match answer.as_ref().err().and_then(ClientError::wait) {
            Some(wait) if Instant::now() < deadline => sleep(wait).await,
            _ => return answer,
        }
    }
}

/// Waits until all samples are sealed; answers how many bytes they take.
async fn wait_until_sealed(target: &Target, samples: u64) -> Result<f64, CliError> {
    let mut deadline = Instant::now() + SEALED_WITHIN;
    let mut before = 0;
    loop {
        let usage: Value = target.api.get("/api/v1/retention").await?;
        let all = &usage["usage"]["all"];
        let sealed = all["samples"].as_u64().unwrap_or_default();
        if sealed >= samples {
            return Ok(all["bytes"].as_f64().unwrap_or_default());
        }
        if sealed > before {
            (before, deadline) = (sealed, Instant::now() + SEALED_WITHIN);
        }
        if Instant::now() > deadline {
            return Err(CliError::Failed(format!("{sealed} of {samples} samples were sealed, and no more come")));
        }
        sleep(Duration::from_millis(500)).await;
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

fn moment(millis: u64) -> String {
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)).to_string()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: HistoryArgs,
    }

    #[test]
    fn a_week_of_readings_has_its_times_and_keys() {
        let args = Line::parse_from(["bench", "--keys", "2"]).args;
        let reading = args.reading(3, 1_700_000_000_000);

        assert_eq!(args.readings(), 60_480);
        assert_eq!(reading["ts"], "2023-11-14T22:13:50.000Z");
        assert_eq!(reading["telemetry"].as_object().unwrap().len(), 2);
    }
}
