use std::{collections::HashMap, rc::Rc, time::Duration};

use clap::Args;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::{
    select,
    sync::watch,
    task::{JoinHandle, spawn_local},
    time::{Instant, sleep, timeout},
};

use super::{
    audience::{Audience, Mark},
    fleet::{Fleet, PATIENCE},
    limits::{ROOM, allow_connections},
    modules::register_modules,
    process::Usage,
    report::{Latencies, Report},
    sessions::{AT_ONCE, open_sessions},
    target::{Target, TargetArgs},
    telemetry::connect,
    wire::{Destination, Frame, WireSocket},
};
use crate::cli::{CliError, duration::parse_duration, rate::parse_rate};

const TOPIC: &str = "modules";
const SETTLE: Duration = Duration::from_secs(2);
/// The last deliveries may come so long after they were due.
const LAST: Duration = Duration::from_millis(500);
/// Who stalls for the whole measurement is not thrown out.
const STALLING: [(&str, &str); 1] = [("CARILLON__SOCKET__SLOW_TIMEOUT", "10m")];

/// Clients that read nothing beside healthy ones: what they cost, and how soon they are right again
#[derive(Debug, Clone, Args)]
pub struct SlowArgs {
    /// Clients that read all the time
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    healthy: u32,
    /// Clients that stop reading in the second half
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    stalled: u32,
    /// Modules that report; everybody watches all of them
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    modules: u32,
    /// Events in a second, over all modules
    #[arg(long, default_value_t = 200.0, value_parser = parse_rate)]
    rate: f64,
    /// Bytes of a module's telemetry
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(64..=1100))]
    size: u32,
    /// How long events come, first without stalled clients and then with them
    #[arg(long, default_value = "30s", value_parser = parse_duration)]
    duration: Duration,
    #[command(flatten)]
    target: TargetArgs,
}

/// One half of the measurement.
struct Half {
    latencies: Latencies,
    end: Option<Usage>,
    used: Option<Usage>,
}

/// Lets modules report to healthy clients, then to healthy and stalled ones, then lets the stalled ones read again.
pub async fn measure(args: &SlowArgs) -> Result<Report, CliError> {
    allow_connections(u64::from(args.healthy + args.stalled + args.modules))?;
    let target = args.target.open(&[&ROOM[..], &STALLING].concat()).await?;
    let modules = register_modules(&target.api, args.modules as usize).await?;
    let devices = connect(&target.destination, &modules).await?;
    let healthy = listening(&target, &target.destination, args.healthy).await?;
    let audience = Audience::new(healthy.len());
    let listeners: Vec<_> = healthy
        .into_iter()
        .enumerate()
        .map(|(index, socket)| spawn_local(Rc::clone(&audience).listen(index, socket)))
        .collect();
    let stalling = listening(&target, &target.destination.over_ethernet(), args.stalled).await?;
    let fleet = Fleet::start(devices, args.rate, args.size as usize);
    let (stall, stalls) = watch::channel(false);
    let reading: Vec<_> = stalling.into_iter().map(|socket| spawn_local(read_until(socket, stalls.clone()))).collect();
    sleep(SETTLE).await;

    let without = args.half(&target, &fleet, &audience).await?;
    stall.send_replace(true);
    let stalled: Vec<WireSocket> = join_all(reading).await.into_iter().flatten().flatten().collect();
    let with = args.half(&target, &fleet, &audience).await?;
    let behind = target.api.get::<Value>("/api/v1/stats").await?["behind"].as_u64().unwrap_or_default();
    let lost = args.stalled.saturating_sub(u32::try_from(stalled.len()).unwrap_or(u32::MAX));
    let (fresh, stale) = read_again(stalled, &fleet.newest()).await;
    listeners.iter().for_each(JoinHandle::abort);
    drop(fleet);
    target.close().await?;

    let mut report = Report::new("slow");
    args.report(&mut report, &without, &with);
    report.count("behind", "times a client fell behind", behind);
    let names = [("freshP50Ms", "right again after p50"), ("freshP99Ms", "  p99"), ("freshMaxMs", "  max")];
    report.latencies(names, &fresh);
    report.must_be_none("stale", "stalled clients that were not right again", stale + u64::from(lost));
    report.must_be_none("closed", "healthy sessions closed by the hub", audience.closed());

    Ok(report)
}

async fn listening(target: &Target, destination: &Destination, count: u32) -> Result<Vec<WireSocket>, CliError> {
    open_sessions(destination, &target.session.access_token, count as usize, AT_ONCE, |_| TOPIC.to_owned()).await
}

impl SlowArgs {
    async fn half(&self, target: &Target, fleet: &Fleet, audience: &Audience) -> Result<Half, CliError> {
        audience.take_latencies();
        let before = target.usage()?;
        fleet.report(audience.start(), self.duration).await;
        sleep(LAST).await;
        let end = target.usage()?;

        Ok(Half { latencies: audience.take_latencies(), end, used: before.zip(end).map(|(before, end)| end - before) })
    }

    fn report(&self, report: &mut Report, without: &Half, with: &Half) {
        report.count("healthy", "healthy clients", self.healthy.into());
        report.count("stalled", "stalled clients", self.stalled.into());
        report.figure("rate", "events per second", self.rate, "/s");
        report.count("deliveriesWithout", "deliveries to the healthy, without stalls", without.latencies.count());
        report.count("deliveriesWith", "  with stalls", with.latencies.count());
        let names =
            [("withoutP50Ms", "latency without stalls p50"), ("withoutP99Ms", "  p99"), ("withoutMaxMs", "  max")];
        report.latencies(names, &without.latencies);
        let names = [("withP50Ms", "latency with stalls p50"), ("withP99Ms", "  p99"), ("withMaxMs", "  max")];
        report.latencies(names, &with.latencies);
        let change = (with.latencies.quantile(0.99) / without.latencies.quantile(0.99) - 1.0) * 100.0;
        report.figure("p99ChangePercent", "change of the healthy p99", change, "%");
        if let (Some(before), Some(after)) = (without.end, with.end) {
            let each = after.resident as f64 - before.resident as f64;
            report.figure(
                "serverRssKibPerStalled",
                "server memory per stalled client (RSS)",
                each / 1024.0 / f64::from(self.stalled),
                "KiB",
            );
        }
        for (key, label, half) in
            [("cpuWithoutPercent", "server CPU without stalls", without), ("cpuWithPercent", "  with stalls", with)]
        {
            if let Some(used) = half.used {
                let share = used.processor().as_secs_f64() / self.duration.as_secs_f64() * 100.0;
                report.figure(key, label, share, "%");
            }
        }
    }
}

/// Reads and forgets until it is told to stall; none if the hub closes.
async fn read_until(mut socket: WireSocket, mut stall: watch::Receiver<bool>) -> Option<WireSocket> {
    loop {
        select! {
            biased;
            _ = stall.wait_for(|stall| *stall) => return Some(socket),
            read = socket.read(|_| {}) => read.ok()?,
        }
    }
}

/// Lets one after the other read again until it has the newest value of every module; how long each took, and how many
/// never got there.
async fn read_again(stalled: Vec<WireSocket>, newest: &HashMap<usize, u64>) -> (Latencies, u64) {
    let (mut fresh, mut stale) = (Latencies::new(), 0);
    // Those that are right go on reading, so that they do not fall behind anew.
    let mut healed = Vec::new();
    for mut socket in stalled {
        let start = Instant::now();
        match timeout(PATIENCE, until_right(&mut socket, newest)).await {
            Ok(Some(())) => fresh.record(start.elapsed()),
            _ => stale += 1,
        }
        healed.push(socket);
    }

    (fresh, stale)
}

async fn until_right(socket: &mut WireSocket, newest: &HashMap<usize, u64>) -> Option<()> {
    let mut missing = newest.clone();
    while !missing.is_empty() {
        let hear = |frame: Frame<'_>| {
            let Frame::Text(text) = frame else { return };
            let Some(mark) = Mark::find(text) else { return };
            if missing.get(&mark.stream) == Some(&mark.number) {
                missing.remove(&mark.stream);
            }
        };
        socket.read(hear).await.ok()?;
    }

    Some(())
}
