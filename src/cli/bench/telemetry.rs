mod feed;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::{
    select,
    task::{JoinHandle, spawn_local},
    time::{Instant, sleep, sleep_until},
};

use super::{
    limits::{ROOM, allow_connections},
    modules::{BenchModule, reading, register_modules},
    process::Usage,
    progress,
    report::{Latencies, Report},
    schedule::Schedule,
    sessions::{AT_ONCE, enter},
    target::TargetArgs,
    wire::{Destination, Frame, WireSocket},
};
use crate::cli::{CliError, client::ClientError, duration::parse_duration, rate::parse_rate};
use feed::{Feed, Watched};

const SETTLE: Duration = Duration::from_secs(2);
/// The last acknowledgements may come so long after the last reading.
const LAST_ACKS: Duration = Duration::from_secs(3);

/// Modules that report over their WebSocket: share of a processor
#[derive(Debug, Clone, Args)]
pub struct TelemetryArgs {
    /// Modules that are registered
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    modules: u32,
    /// Modules of those that are connected
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    online: u32,
    /// Readings of one module in a second
    #[arg(long, default_value_t = 1.0, value_parser = parse_rate)]
    rate: f64,
    /// How long they report
    #[arg(long, default_value = "20s", value_parser = parse_duration)]
    duration: Duration,
    /// Sessions that watch all modules meanwhile
    #[arg(long, default_value_t = 0)]
    watchers: u32,
    /// Newer values a second that each of them wants at most
    #[arg(long, value_parser = parse_rate)]
    max_rate: Option<f64>,
    /// Values of a reading, each another number every time; without it, four as a small sensor has them
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=60))]
    values: Option<u32>,
    /// The watchers offer to inflate what the hub compresses
    #[arg(long, requires = "watchers")]
    deflate: bool,
    /// Does it twice, each time with a hub of its own: plain, and compressed; and tells the ratios
    #[arg(long, requires = "watchers", conflicts_with_all = ["url", "deflate"])]
    compare: bool,
    #[command(flatten)]
    target: TargetArgs,
}

/// What all modules count into.
#[derive(Debug, Default)]
struct Counts {
    sent: Cell<u64>,
    acked: Cell<u64>,
    refused: Cell<u64>,
    closed: Cell<u64>,
    latencies: RefCell<Latencies>,
}

/// What was read of the hub's process at the turning points.
struct Readings {
    empty: Option<Usage>,
    registered: Option<Usage>,
    before: Option<Usage>,
    after: Option<Usage>,
}

/// Lets modules report, each at its own moment of the second.
pub async fn measure(args: &TelemetryArgs) -> Result<Report, CliError> {
    if !args.compare {
        return measure_feed(args, args.deflate).await.map(|(report, _)| report);
    }
    let (_, plain) = measure_feed(args, false).await?;
    let (mut report, deflated) = measure_feed(args, true).await?;
    feed::compare(&mut report, &plain, &deflated);

    Ok(report)
}

async fn measure_feed(args: &TelemetryArgs, deflates: bool) -> Result<(Report, Watched), CliError> {
    let online = args.online.min(args.modules);
    allow_connections(u64::from(online) + u64::from(args.watchers))?;
    let target = args.target.open(&ROOM).await?;
    let empty = target.usage()?;
    let registering = Instant::now();
    let modules = register_modules(&target.api, args.modules as usize).await?;
    let registration = registering.elapsed();
    let registered = target.usage()?;
    let sockets = connect(&target.destination, &modules[..online as usize]).await?;
    let feed = Feed::open(args, &target, deflates).await?;
    sleep(SETTLE).await;

    feed.begin();
    let before = target.usage()?;
    let counts = Rc::new(Counts::default());
    args.let_report(sockets, &counts).await;
    let after = target.usage()?;
    let watched = feed.end(before.zip(after).map(|(before, after)| (after - before).processor()));
    target.close().await?;

    let mut report = Report::new("telemetry");
    report.count("modules", "modules registered", args.modules.into());
    let per_second = f64::from(args.modules) / registration.as_secs_f64();
    report.figure("registrationsPerSecond", "  registrations per second", per_second, "/s");
    report.count("online", "modules online", online.into());
    args.report_answers(&mut report, &counts, &watched);
    args.report_costs(&mut report, counts.acked.get(), &Readings { empty, registered, before, after });

    Ok((report, watched))
}

/// Opens the socket of each module.
///
/// # Errors
/// [`CliError::Client`] when the hub refuses one of them.
pub async fn connect(destination: &Destination, modules: &[BenchModule]) -> Result<Vec<WireSocket>, CliError> {
    let bar = progress(modules.len(), "connecting modules");
    let connecting = modules.iter().enumerate().map(|(index, module)| {
        let bar = &bar;
        async move {
            let socket = enter(destination, index, "/ws/module", &module.token, None).await?;
            bar.inc(1);
            Ok::<_, ClientError>(socket)
        }
    });
    let sockets = stream::iter(connecting).buffered(AT_ONCE).try_collect().await?;
    bar.finish_and_clear();

    Ok(sockets)
}

impl TelemetryArgs {
    fn report_answers(&self, report: &mut Report, counts: &Counts, watched: &Watched) {
        report.count("readings", "readings acknowledged", counts.acked.get());
        let names = [
            ("ackP50Ms", "acknowledgement p50"),
            ("ackP99Ms", "acknowledgement p99"),
            ("ackMaxMs", "acknowledgement max"),
        ];
        report.latencies(names, &counts.latencies.borrow());
        report.count("watchers", "sessions watching", self.watchers.into());
        watched.report(report);
        let unanswered = counts.sent.get().saturating_sub(counts.acked.get() + counts.refused.get());
        report.must_be_none("refused", "readings refused", counts.refused.get());
        report.must_be_none("unacknowledged", "readings without an answer", unanswered);
        report.must_be_none("closed", "connections closed by the hub", counts.closed.get() + watched.closed);
    }

    fn report_costs(&self, report: &mut Report, readings: u64, usage: &Readings) {
        let Readings { empty: Some(empty), registered: Some(registered), before: Some(before), after: Some(after) } =
            *usage
        else {
            return;
        };
        let work = (after - before).processor().as_secs_f64();
        let kib = |bytes: u64, things: u32| bytes as f64 / 1024.0 / f64::from(things);
        let per_module = kib((registered - empty).resident, self.modules);
        let connections = self.online.min(self.modules) + self.watchers;
        let per_connection = kib((before - registered).resident, connections);
        report.figure("serverCpuPercent", "share of one core", work / self.duration.as_secs_f64() * 100.0, "%");
        report.figure("serverCpuUsPerReading", "server CPU per reading", work * 1e6 / readings.max(1) as f64, "µs");
        report.figure("serverRssKibPerModule", "memory per module (RSS)", per_module, "KiB");
        report.figure("serverRssKibPerConnection", "memory per connection (RSS)", per_connection, "KiB");
        report.figure("serverRssMib", "server memory in all (RSS)", after.resident as f64 / f64::from(1 << 20), "MiB");
    }

    /// What the readings of a module are like, by their number.
    fn reading_of(&self, module: u64) -> impl Fn(u64) -> String + use<> {
        let values = self.values;
        move |number| values.map_or_else(|| reading(number), |values| feed::reading(module, number, values))
    }

    /// Ends when the time is over and every reading has its answer, or a little later.
    async fn let_report(&self, sockets: Vec<WireSocket>, counts: &Rc<Counts>) {
        let senders = sockets.len() as u64;
        let start = Instant::now();
        let tasks: Vec<_> = sockets
            .into_iter()
            .zip(0..)
            .map(|(socket, number)| {
                let schedule = Schedule::new(self.rate * senders as f64, self.duration, senders, number);
                let reading = self.reading_of(number);
                spawn_local(report_on_time(socket, schedule, start, Rc::clone(counts), reading))
            })
            .collect();
        let bar = progress(self.duration.as_secs() as usize, "reporting");
        for _ in 0..self.duration.as_secs() {
            sleep(Duration::from_secs(1)).await;
            bar.inc(1);
        }
        bar.finish_and_clear();
        let deadline = start + self.duration + LAST_ACKS;
        while Instant::now() < deadline && tasks.iter().any(|task| !task.is_finished()) {
            sleep(Duration::from_millis(10)).await;
        }
        tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Sends each reading when it is due and ends when the last has its answer.
async fn report_on_time(
    mut socket: WireSocket,
    schedule: Schedule,
    start: Instant,
    counts: Rc<Counts>,
    reading: impl Fn(u64) -> String,
) {
    let mut waiting = VecDeque::new();
    let mut number = 0;
    while number < schedule.count() || !waiting.is_empty() {
        let due = start + schedule.due(number);
        let done = select! {
            () = sleep_until(due), if number < schedule.count() => {
                let telemetry = reading(number);
                number += 1;
                waiting.push_back(due);
                counts.sent.set(counts.sent.get() + 1);
                socket.send(&format!(r#"{{"type":"telemetry","id":{number},"telemetry":{telemetry}}}"#)).await
            }
            read = socket.read(|frame| hear(frame, &mut waiting, &counts)) => read,
        };
        if done.is_err() {
            counts.closed.set(counts.closed.get() + 1);
            return;
        }
    }
}

fn hear(frame: Frame<'_>, waiting: &mut VecDeque<Instant>, counts: &Counts) {
    let Frame::Text(text) = frame else { return };
    let has = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
    if has(br#""type":"ack""#) {
        if let Some(due) = waiting.pop_front() {
            counts.latencies.borrow_mut().record(due.elapsed());
        }
        counts.acked.set(counts.acked.get() + 1);
    } else if has(br#""type":"error""#) {
        waiting.pop_front();
        counts.refused.set(counts.refused.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_are_counted_by_their_type() {
        let counts = Counts::default();
        let mut waiting = VecDeque::from([Instant::now(), Instant::now()]);

        hear(Frame::Text(br#"{"type":"welcome","moduleId":"A"}"#), &mut waiting, &counts);
        hear(Frame::Text(br#"{"type":"ack","id":1}"#), &mut waiting, &counts);
        hear(Frame::Text(br#"{"type":"error","id":2,"problem":{}}"#), &mut waiting, &counts);

        assert_eq!((counts.acked.get(), counts.refused.get(), waiting.len()), (1, 1, 0));
    }
}
