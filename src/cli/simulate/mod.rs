//! `carillon simulate`: believable modules that report to any hub by its real doors.

mod backoff;
mod device;
mod fleet;
mod gauge;
mod kind;
mod model;
mod obey;
mod tally;
mod tokens;

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::{
    select,
    time::{interval, sleep},
};
use tokio_util::sync::CancellationToken;

pub use fleet::{Fleet, FleetPlan};
use model::FIRST_NUMBER;
pub use tally::Summary;
pub use tokens::TokenBook;

use super::{
    CliError,
    client::{Api, HubAddress, LoginArgs},
    duration::parse_duration,
    rate::parse_rate,
    signal::interrupted,
};

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
    /// Share of the modules that goes away now and then, from 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = parse_share)]
    pub flaky: f64,
    /// Tells the same story again
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Ends by itself after this time, for instance `10m`
    #[arg(long, value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// File that keeps the modules' tokens, so that the next run needs no account
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,
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
    /// Every fourth module by HTTP, the others by WebSocket
    Mixed,
}

/// The door of one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `/ws/module`.
    Ws,
    /// `POST /api/v1/modules/{moduleId}/telemetry`.
    Http,
}

/// Registers what is missing and simulates until the time is over or somebody interrupts.
///
/// # Errors
/// [`CliError::Client`] when the hub cannot be reached or refuses, [`CliError::Usage`] for a missing account.
pub fn run(args: &SimulateArgs) -> Result<(), CliError> {
    actix::System::new().block_on(simulate(args))
}

async fn simulate(args: &SimulateArgs) -> Result<(), CliError> {
    let plan = args.plan();
    let api = args.login.login(&args.url).await?.map(|(api, _)| api);
    let book = registered(args, &plan, api.as_ref()).await?;
    let stop = CancellationToken::new();
    let fleet = plan.start(&args.url, api, &book, stop.clone());
    select! {
        result = interrupted() => result?,
        () = elapsed(args.duration) => {}
        () = show(&fleet, args.modules) => {}
    }
    stop.cancel();

    print(fleet.ended().await).map_err(CliError::io("cannot write the summary"))
}

impl SimulateArgs {
    fn plan(&self) -> FleetPlan {
        FleetPlan {
            first: self.first as usize - FIRST_NUMBER,
            modules: self.modules as usize,
            rate: self.rate,
            door: self.door,
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
        let Summary { sent, acked, refused, reconnects, online } = fleet.summary();
        bar.set_message(format!(
            "{online}/{modules} online · {sent} sent · {acked} acknowledged · {refused} refused · {reconnects} reconnects"
        ));
        bar.tick();
        if !terminal {
            tracing::info!(online, modules, sent, acked, refused, reconnects, "simulating");
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
    let rows = [
        ("sent", summary.sent),
        ("acknowledged", summary.acked),
        ("refused", summary.refused),
        ("reconnects", summary.reconnects),
    ];
    let mut out = io::stdout().lock();
    for (name, value) in rows {
        writeln!(out, "{name:<14}{value:>12}")?;
    }

    Ok(())
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
