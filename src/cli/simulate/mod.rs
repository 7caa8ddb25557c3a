//! `carillon simulate`: believable modules that report to any hub by its real doors.

mod backlog;
mod backoff;
mod device;
mod faults;
mod fleet;
mod gauge;
mod kind;
mod line;
mod model;
mod obey;
mod record;
mod story;
mod tally;
mod tokens;

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::{
    select,
    time::{interval, sleep},
};
use tokio_util::sync::CancellationToken;

pub use faults::Faults;
pub use fleet::{Fleet, FleetPlan};
use model::FIRST_NUMBER;
pub use record::Record;
pub use tally::{DoorSummary, Summary};
pub use tokens::TokenBook;

use super::{
    CliError,
    client::{Api, HubAddress, LoginArgs, MqttAddress},
    duration::parse_duration,
    rate::parse_rate,
    signal::interrupted,
};
use crate::{config::Log, observe::log};

/// How often the log tells how far the simulation is when there is no terminal to show it on.
const LOG_PACE: Duration = Duration::from_secs(10);
const DRAW_PACE: Duration = Duration::from_millis(200);

/// Simulated modules of several types that report to a hub
#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// Address of the hub
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: HubAddress,
    /// How many modules
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub modules: u32,
    /// Number in the identity of the first module; those of a demo begin at 1001
    #[arg(long, default_value_t = 2001, value_parser = clap::value_parser!(u32).range(FIRST_NUMBER as i64..=1_000_000))]
    pub first: u32,
    /// Reports of one module in a second
    #[arg(long, default_value_t = 1.0, value_parser = parse_rate)]
    pub rate: f64,
    /// The door they come in by
    #[arg(long, value_enum, default_value_t = DoorChoice::Ws)]
    pub door: DoorChoice,
    /// Host and port where the hub speaks MQTT, under TLS where `--url` is `https` (or as `mqtt://` and `mqtts://` before them
    /// say); port 1883 of its host when not given, or 8883 under TLS, but then a mixed fleet leaves MQTT out
    #[arg(long, value_name = "HOST:PORT")]
    pub mqtt: Option<MqttAddress>,
    /// Share of the modules that goes away now and then, from 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = parse_share)]
    pub flaky: f64,
    /// What goes wrong on the way
    #[command(flatten)]
    pub faults: Faults,
    /// The same seed makes the same readings with the same faults
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Ends by itself after so many reports of each module
    #[arg(long, value_name = "N")]
    pub reports: Option<u64>,
    /// Ends by itself after this time, for instance `10m`
    #[arg(long, value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// File that keeps the modules' tokens, so that the next run needs no account
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,
    /// File that gets every acknowledged reading, a JSON object a line
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The account that registers the modules
    #[command(flatten)]
    pub login: LoginArgs,
}

/// The doors a fleet can be told to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoorChoice {
    /// The WebSocket of every module stays open
    Ws,
    /// Every report is a request
    Http,
    /// The MQTT connection of every module stays open
    Mqtt,
    /// Every fourth module by HTTP, one by MQTT where `--mqtt` says where, the others by WebSocket
    Mixed,
}

/// The door of one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `/ws/module`.
    Ws,
    /// `POST /api/v1/modules/{moduleId}/telemetry`.
    Http,
    /// MQTT 5.
    Mqtt,
}

impl Door {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ws, Self::Http, Self::Mqtt];
}

/// Registers what is missing and simulates until the time is over or somebody interrupts.
///
/// # Errors
/// [`CliError::Client`] when the hub cannot be reached or refuses, [`CliError::Usage`] for a missing account.
pub fn run(args: &SimulateArgs) -> Result<(), CliError> {
    // Where a terminal shows how it goes, only what goes wrong is told beside that.
    let level = if io::stderr().is_terminal() { "warn" } else { "info" };
    let _log = log::start(&Log { level: level.to_owned(), file: false, ..Log::default() }, Path::new("."))?;
    actix::System::new().block_on(simulate(args))
}

async fn simulate(args: &SimulateArgs) -> Result<(), CliError> {
    args.faults.check()?;
    let plan = args.plan();
    let record = Record::begin(args.record.as_deref())?;
    let api = args.login.login(&args.url).await?.map(|(api, _)| api);
    let book = registered(args, &plan, api.as_ref()).await?;
    let stop = CancellationToken::new();
    let fleet = plan.start(&args.url, api, &book, record, stop.clone());
    select! {
        result = interrupted() => result?,
        () = elapsed(args.duration) => {}
        () = fleet.all_gone() => {}
        () = show(&fleet, args.modules) => {}
    }
    stop.cancel();

    print(fleet.ended().await?).map_err(CliError::io("cannot write the summary"))
}

impl SimulateArgs {
    fn plan(&self) -> FleetPlan {
        FleetPlan {
            first: self.first as usize - FIRST_NUMBER,
            modules: self.modules as usize,
            rate: self.rate,
            door: self.door,
            mqtt: self.mqtt.clone(),
            faults: self.faults,
            reports: self.reports,
            flaky: self.flaky,
            seed: self.seed,
            owners: Vec::new(),
        }
    }
}

async fn registered(args: &SimulateArgs, plan: &FleetPlan, api: Option<&Api>) -> Result<TokenBook, CliError> {
    let mut book = match &args.tokens {
        Some(path) => TokenBook::load(path)?,
        None => TokenBook::default(),
    };
    let bar = ProgressBar::new(u64::from(args.modules)).with_message("registering modules");
    let result = plan.register(api, &mut book, || bar.inc(1)).await;
    bar.finish_and_clear();
    // What was registered before a failure is kept: its tokens are not shown again.
    if let Some(path) = &args.tokens {
        book.save(path)?;
    }

    result.map(|()| book)
}

/// Shows how the fleet is doing, on the terminal or in the log, and never ends.
async fn show(fleet: &Fleet, modules: u32) {
    let terminal = io::stderr().is_terminal();
    let bar = if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::default_spinner());
    let mut ticks = interval(if terminal { DRAW_PACE } else { LOG_PACE });
    loop {
        ticks.tick().await;
        let summary = fleet.summary();
        let (DoorSummary { sent, acked, refused, retried, reconnects }, online) = (summary.total(), summary.online);
        bar.set_message(format!(
            "{online}/{modules} online · {sent} sent · {acked} acknowledged · {refused} refused · {retried} retried · {reconnects} reconnects"
        ));
        bar.tick();
        if !terminal {
            tracing::info!(online, modules, sent, acked, refused, retried, reconnects, "simulating");
        }
    }
}

async fn elapsed(duration: Option<Duration>) {
    match duration {
        Some(duration) => sleep(duration).await,
        None => std::future::pending().await,
    }
}

fn print(summary: Summary) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let columns = summary.doors.iter().copied().chain([summary.total()]).collect::<Vec<_>>();
    writeln!(out, "{:<14}{:>12}{:>12}{:>12}{:>12}", "", "ws", "http", "mqtt", "all")?;
    let figures = columns.iter().map(|door| [door.sent, door.acked, door.refused, door.retried, door.reconnects]);
    let figures: Vec<_> = figures.collect();
    for (row, name) in ["sent", "acknowledged", "refused", "retried", "reconnects"].iter().enumerate() {
        let values: String = figures.iter().map(|column| format!("{:>12}", column[row])).collect();
        writeln!(out, "{name:<14}{values}")?;
    }
    writeln!(out, "{:<14}{:>48}", "lost", summary.lost)
}

fn parse_share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| format!("`{text}` is not a share; give a number from 0 to 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_lies_between_nothing_and_all() {
        assert_eq!(parse_share("0.25"), Ok(0.25));
        for text in ["1.1", "-0.1", "NaN"] {
            assert!(parse_share(text).is_err(), "`{text}` was taken");
        }
    }
}
