use std::time::Duration;

use clap::Args;
use tokio::{task::spawn_local, time::sleep};

use super::{
    audience::Audience,
    limits::{ROOM, allow_connections},
    modules::register_modules,
    report::Report,
    sessions::open_sessions,
    target::TargetArgs,
};
use crate::cli::{CliError, duration::parse_duration};

const SETTLE: Duration = Duration::from_secs(2);

/// Sessions that only stay open: what each costs as it comes in, and its memory
#[derive(Debug, Clone, Args)]
pub struct IdleArgs {
    /// Sessions that stay open
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    sessions: u32,
    /// Modules that are there, whose state each session is told as it comes
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=10_000))]
    modules: u32,
    /// The topic each of them subscribes to
    #[arg(long, default_value = "modules")]
    topic: String,
    /// How long their processor time is measured
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    #[command(flatten)]
    target: TargetArgs,
}

/// Opens sessions and lets them be.
pub async fn measure(args: &IdleArgs) -> Result<Report, CliError> {
    allow_connections(args.sessions.into())?;
    let target = args.target.open(&ROOM).await?;
    register_modules(&target.api, args.modules as usize).await?;
    let empty = target.usage()?;
    let token = &target.session.access_token;
    let sockets = open_sessions(&target.destination, token, args.sessions as usize, |_| args.topic.clone()).await?;
    let entered = target.usage()?;
    let audience = Audience::new(sockets.len());
    let listeners: Vec<_> = sockets
        .into_iter()
        .enumerate()
        .map(|(index, socket)| spawn_local(audience.clone().listen(index, socket)))
        .collect();
    sleep(SETTLE).await;
    let open = target.usage()?;
    sleep(args.duration).await;
    let later = target.usage()?;
    listeners.iter().for_each(tokio::task::JoinHandle::abort);

    let mut report = Report::new("idle");
    report.count("sessions", "sessions", args.sessions.into());
    if let (Some(empty), Some(entered), Some(open), Some(later)) = (empty, entered, open, later) {
        let entering = (entered - empty).processor().as_secs_f64() * 1e6 / f64::from(args.sessions);
        report.figure("serverCpuUsToEnter", "processor time of coming in", entering, "µs");
        let of_a_session = |bytes: u64| bytes as f64 / 1024.0 / f64::from(args.sessions);
        let memory = later - empty;
        report.figure("serverRssKibPerSession", "memory per session (RSS)", of_a_session(memory.resident), "KiB");
        report.figure("serverPssKibPerSession", "memory per session (PSS)", of_a_session(memory.proportional), "KiB");
        let share = (later - open).processor().as_secs_f64() / args.duration.as_secs_f64() * 100.0;
        report.figure("serverCpuPercent", "processor share of the hub", share, "%");
        let each = share / 100.0 * 1e6 / f64::from(args.sessions);
        report.figure("serverCpuUsPerSecond", "  of each session in a second", each, "µs");
        report.figure("serverRssMib", "server memory in all (RSS)", later.resident as f64 / f64::from(1 << 20), "MiB");
    }
    report.must_be_none("closed", "sessions closed by the hub", audience.closed());
    target.close().await?;

    Ok(report)
}
