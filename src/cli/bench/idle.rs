use std::time::Duration;

use clap::{Args, builder::ArgPredicate};
use tokio::{
    task::spawn_local,
    time::{Instant, sleep},
};

use super::{
    audience::Audience,
    limits::{ROOM, allow_connections},
    modules::register_modules,
    process::Usage,
    publish::{Post, Published, Stream, publication, publish},
    report::Report,
    schedule::Schedule,
    sessions::open_sessions,
    target::{Target, TargetArgs},
};
use crate::cli::{CliError, duration::parse_duration};

const SETTLE: Duration = Duration::from_secs(2);
/// Events that are published at once.
const BURST: u64 = 20;
/// Bytes of the data of each.
const EVENT: usize = 100;
/// All events of the bursts have come, or nothing has come for so long.
const SILENCE: Duration = Duration::from_secs(10);

/// Sessions that only stay open: what each costs as it comes in, and its memory
#[derive(Debug, Clone, Args)]
pub struct IdleArgs {
    /// Sessions that stay open
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    sessions: u32,
    /// Modules that are there, whose state each session is told as it comes
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=10_000))]
    modules: u32,
    /// The topic each of them subscribes to; one on which events can be published if there are to be bursts
    #[arg(long, default_value = "modules", default_value_if("after_bursts", ArgPredicate::IsPresent, "custom:bench"))]
    topic: String,
    /// Bursts of 20 events to all of them afterwards, one a second; their memory is told before and after
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=600))]
    after_bursts: Option<u32>,
    /// How many of them come in at the same time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    at_once: u32,
    /// How long their processor time is measured
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    #[command(flatten)]
    target: TargetArgs,
}

/// What was read of the hub's process at the turning points.
struct Readings {
    empty: Option<Usage>,
    entered: Option<Usage>,
    open: Option<Usage>,
    later: Option<Usage>,
}

/// What became of the bursts.
struct Bursts {
    deliveries: u64,
    missing: u64,
    refused: u64,
    after: Option<Usage>,
}

/// Opens sessions and lets them be.
pub async fn measure(args: &IdleArgs) -> Result<Report, CliError> {
    allow_connections(args.sessions.into())?;
    let target = args.target.open(&ROOM).await?;
    register_modules(&target.api, args.modules as usize).await?;
    let empty = target.usage()?;
    let token = &target.session.access_token;
    let (count, at_once, began) = (args.sessions as usize, args.at_once as usize, Instant::now());
    let sockets = open_sessions(&target.destination, token, count, at_once, |_| args.topic.clone()).await?;
    let all_in = began.elapsed();
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
    let bursts = match args.after_bursts {
        Some(bursts) => Some(args.burst(bursts, &target, &audience).await?),
        None => None,
    };
    listeners.iter().for_each(tokio::task::JoinHandle::abort);

    let mut report = Report::new("idle");
    report.count("sessions", "sessions", args.sessions.into());
    report.figure("secondsToEnter", "until all were in", all_in.as_secs_f64(), "s");
    args.report_costs(&mut report, &Readings { empty, entered, open, later });
    if let Some(bursts) = &bursts {
        args.report_bursts(&mut report, bursts, later.zip(empty));
    }
    report.must_be_none("closed", "sessions closed by the hub", audience.closed());
    target.close().await?;

    Ok(report)
}

impl IdleArgs {
    fn report_costs(&self, report: &mut Report, readings: &Readings) {
        let Readings { empty: Some(empty), entered: Some(entered), open: Some(open), later: Some(later) } = *readings
        else {
            return;
        };
        let entering = (entered - empty).processor().as_secs_f64() * 1e6 / f64::from(self.sessions);
        report.figure("serverCpuUsToEnter", "processor time of coming in", entering, "µs");
        let of_a_session = |bytes: u64| bytes as f64 / 1024.0 / f64::from(self.sessions);
        let memory = later - empty;
        report.figure("serverRssKibPerSession", "memory per session (RSS)", of_a_session(memory.resident), "KiB");
        report.figure("serverPssKibPerSession", "memory per session (PSS)", of_a_session(memory.proportional), "KiB");
        let share = (later - open).processor().as_secs_f64() / self.duration.as_secs_f64() * 100.0;
        report.figure("serverCpuPercent", "processor share of the hub", share, "%");
        let each = share / 100.0 * 1e6 / f64::from(self.sessions);
        report.figure("serverCpuUsPerSecond", "  of each session in a second", each, "µs");
        report.figure("serverRssMib", "server memory in all (RSS)", later.resident as f64 / f64::from(1 << 20), "MiB");
    }

    /// Publishes the bursts, and lets everything come to rest again.
    async fn burst(&self, bursts: u32, target: &Target, audience: &Audience) -> Result<Bursts, CliError> {
        let destination = target.destination.clone();
        let token = Some(target.session.access_token.clone());
        let post = Post { destination, path: "/api/v1/events".to_owned(), token, body: publication };
        let duration = Duration::from_secs(bursts.into());
        let schedule = Schedule::new(BURST as f64, duration, 1, 0).in_bursts_of(BURST);
        let stream = Stream { number: 0, topic: self.topic.clone(), size: EVENT, schedule };
        let published = publish(&post, vec![stream], audience).await?;
        let sum = |of: fn(&Published) -> u64| published.iter().map(of).sum::<u64>();
        let due = sum(|stream| stream.accepted) * u64::from(self.sessions);
        audience.silent(due, SILENCE).await;
        sleep(SETTLE).await;
        let deliveries = audience.delivered();

        Ok(Bursts {
            deliveries,
            missing: due.saturating_sub(deliveries),
            refused: sum(|stream| stream.refused),
            after: target.usage()?,
        })
    }

    fn report_bursts(&self, report: &mut Report, bursts: &Bursts, before: Option<(Usage, Usage)>) {
        report.count("deliveries", "deliveries in bursts", bursts.deliveries);
        if let (Some(after), Some((before, empty))) = (bursts.after, before) {
            let of_a_session = |bytes: f64| bytes / 1024.0 / f64::from(self.sessions);
            let memory = of_a_session(after.resident.saturating_sub(empty.resident) as f64);
            report.figure("serverRssKibPerSessionAfter", "memory per session after them (RSS)", memory, "KiB");
            let grown = of_a_session(after.resident as f64 - before.resident as f64);
            report.figure("serverRssKibPerSessionGrown", "  more than before", grown, "KiB");
        }
        report.must_be_none("refused", "publications refused", bursts.refused);
        report.must_be_none("missing", "deliveries that did not come", bursts.missing);
    }
}
