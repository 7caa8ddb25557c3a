use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use clap::Args;
use futures_util::future::join_all;
use serde_json::json;
use tokio::{
    select,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::{
    limits::allow_connections,
    progress,
    report::{Latencies, Report},
    target::TargetArgs,
    wire::{Answer, Destination, connect_http, render_request},
};
use crate::cli::{CliError, client::ClientError};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const HEALTH_PACE: Duration = Duration::from_millis(20);

/// A burst of logins: what is answered, and whether the hub stays responsive
#[derive(Debug, Clone, Args)]
pub struct LoginsArgs {
    /// Logins sent at the same moment, each on a connection of its own
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    logins: u32,
    /// Accounts they try, which do not exist; a hub may limit an account more than an address
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    accounts: u32,
    #[command(flatten)]
    target: TargetArgs,
}

/// Logs in all at once, and asks for the hub's health meanwhile.
pub async fn measure(args: &LoginsArgs) -> Result<Report, CliError> {
    allow_connections(u64::from(args.logins) + 1)?;
    let target = args.target.open(&[]).await?;
    let latencies = RefCell::new(Latencies::new());
    let statuses = RefCell::new(BTreeMap::<u16, u64>::new());
    let health = RefCell::new(Latencies::new());
    let bar = progress(args.logins as usize, "logging in");
    let start = Instant::now();
    let logins = (0..args.logins).map(|index| {
        let (destination, latencies, statuses, bar) = (&target.destination, &latencies, &statuses, &bar);
        async move {
            let status = log_in(args, destination, index).await.map_or(0, |answer| answer.status);
            latencies.borrow_mut().record(start.elapsed());
            *statuses.borrow_mut().entry(status).or_default() += 1;
            bar.inc(1);
        }
    });
    let unhealthy = select! {
        _ = join_all(logins.collect::<Vec<_>>()) => None,
        error = watch_health(&target.destination, &health) => Some(error),
    };
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    target.close().await?;

    let mut report = Report::new("logins");
    report.count("logins", "logins at once", args.logins.into());
    report.figure("seconds", "until the last answer", seconds, "s");
    report_statuses(&mut report, &statuses.into_inner());
    let names = [("answerP50Ms", "answer p50"), ("answerP99Ms", "answer p99"), ("answerMaxMs", "answer max")];
    report.latencies(names, &latencies.into_inner());
    let names = [
        ("healthP50Ms", "health answer p50"),
        ("healthP99Ms", "health answer p99"),
        ("healthMaxMs", "health answer max"),
    ];
    report.latencies(names, &health.into_inner());
    report.must_be_none("unhealthy", "times the health was not answered", u64::from(unhealthy.is_some()));

    Ok(report)
}

fn report_statuses(report: &mut Report, statuses: &BTreeMap<u16, u64>) {
    for (key, label, (from, to)) in CLASSES {
        report.count(key, label, statuses.range(from..=to).map(|(_, count)| count).sum());
    }
    report.must_be_none("unanswered", "without an answer", statuses.get(&0).copied().unwrap_or_default());
}

/// The answers of interest, by their statuses.
const CLASSES: [(&str, &str, (u16, u16)); 5] = [
    ("ok", "answered 200", (200, 299)),
    ("unknown", "answered 401 (unknown)", (401, 401)),
    ("throttled", "answered 429 (throttled)", (429, 429)),
    ("busy", "answered 503 (busy)", (503, 503)),
    ("failed", "answered 500", (500, 500)),
];

async fn log_in(args: &LoginsArgs, destination: &Destination, index: u32) -> Result<Answer, ClientError> {
    let email = format!("nobody-{}@example.org", index % args.accounts);
    let body = json!({ "email": email, "password": "not the password" }).to_string();
    let request = render_request(destination, "POST", "/api/v1/auth/login", None, &body);
    let asking = async {
        let (mut reader, mut writer) = connect_http(destination, index as usize).await?;
        writer.send(&request).await?;
        reader.answer().await
    };

    timeout(ANSWER_TIMEOUT, asking).await.map_err(|_| ClientError::Closed("a login got no answer".to_owned()))?
}

/// Asks whether the hub lives, again and again; ends only when it does not answer.
async fn watch_health(destination: &Destination, latencies: &RefCell<Latencies>) -> ClientError {
    let asking = async {
        let (mut reader, mut writer) = connect_http(destination, 0).await?;
        let request = render_request(destination, "GET", "/health/live", None, "");
        let mut ticks = interval(HEALTH_PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            let due = ticks.tick().await;
            writer.send(&request).await?;
            let answer = reader.answer().await?;
            latencies.borrow_mut().record(due.elapsed());
            if !answer.is_success() {
                return Err::<(), _>(ClientError::Closed(format!("`/health/live` answered {}", answer.status)));
            }
        }
    };

    asking.await.err().unwrap_or_else(|| ClientError::Closed("no answer".to_owned()))
}
