//! `carillon bench`: load on a hub by its real doors, and what it costs the hub.

mod audience;
mod callgrind;
mod fanout;
mod fleet;
mod floor;
mod growth;
mod history;
mod idle;
mod ingest;
mod limits;
mod logins;
mod modules;
mod order;
mod own_hub;
mod process;
mod publish;
mod report;
mod restart;
mod resume;
mod schedule;
mod scratch;
mod sessions;
mod slow;
mod soak;
mod target;
mod telemetry;
mod trend;
mod wire;

use std::io::{self, Write};

use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use tokio::select;

use super::{CliError, signal::interrupted};
use report::Report;

/// Measures a hub under load
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// Prints one JSON object instead of a table
    #[arg(long, global = true)]
    pub json: bool,
    /// What is measured
    #[command(subcommand)]
    pub what: Bench,
}

/// What can be measured.
#[derive(Debug, Clone, Subcommand)]
pub enum Bench {
    /// Events to many sessions: deliveries, order, latency, processor time and memory
    Fanout(fanout::FanoutArgs),
    /// Sessions that only stay open: memory of each
    Idle(idle::IdleArgs),
    /// Modules that report over their WebSocket: share of a processor
    Telemetry(telemetry::TelemetryArgs),
    /// Readings that are acknowledged after their commit: how many a second, how soon, at what price
    Ingest(ingest::IngestArgs),
    /// A past that is loaded and asked for: readings a second, bytes of each, how fast a chart is answered
    History(history::HistoryArgs),
    /// A burst of logins: what is answered, and whether the hub stays responsive
    Logins(logins::LoginsArgs),
    /// Clients that come back to a long journal: processor time of each
    Resume(resume::ResumeArgs),
    /// Clients that read nothing beside healthy ones: what they cost, and how soon they are right again
    Slow(slow::SlowArgs),
    /// A hub that stops and starts again: how soon everybody is back
    Restart(restart::RestartArgs),
    /// Everything comes and goes for a long time: what the hub keeps of it, and whether anything is lost
    Soak(soak::SoakArgs),
    /// The same load at several sizes, each on a fresh hub: what one client, topic, module or event more costs
    Growth(growth::GrowthArgs),
    /// A bare server to compare with, as `fanout --target floor` and `ingest --floor` start it
    Floor(floor::FloorArgs),
}

/// Measures, and prints what was found.
///
/// # Errors
/// [`CliError::Failed`] when something was lost, doubled or out of order, and every [`CliError`] of the way there.
pub fn run(args: &BenchArgs) -> Result<(), CliError> {
    let report = actix::System::new().block_on(async {
        select! {
            report = measure(&args.what) => report,
            result = interrupted() => Err(result.err().unwrap_or_else(|| CliError::Failed("interrupted".to_owned()))),
        }
    })?;
    print(&report, args.json).map_err(CliError::io("cannot write the report"))?;

    report.fault().map_or(Ok(()), |fault| Err(CliError::Failed(fault)))
}

async fn measure(what: &Bench) -> Result<Report, CliError> {
    match what {
        Bench::Fanout(args) => fanout::measure(args).await,
        Bench::Idle(args) => idle::measure(args).await,
        Bench::Telemetry(args) => telemetry::measure(args).await,
        Bench::Ingest(args) => ingest::measure(args).await,
        Bench::History(args) => history::measure(args).await,
        Bench::Logins(args) => logins::measure(args).await,
        Bench::Resume(args) => resume::measure(args).await,
        Bench::Slow(args) => slow::measure(args).await,
        Bench::Restart(args) => restart::measure(args).await,
        Bench::Soak(args) => soak::measure(args).await,
        Bench::Growth(args) => Box::pin(growth::measure(args)).await,
        Bench::Floor(args) => floor::serve(args).await,
    }
}

fn print(report: &Report, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json { writeln!(out, "{}", report.json()) } else { report.write_table(&mut out) }
}

/// A bar on the terminal that shows how far a step has come; hidden when there is no terminal.
fn progress(length: usize, what: &'static str) -> ProgressBar {
    ProgressBar::new(length as u64).with_message(what).with_style(
        indicatif::ProgressStyle::with_template("{msg:<24} {bar:40} {pos}/{len} {eta}")
            .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()),
    )
}
