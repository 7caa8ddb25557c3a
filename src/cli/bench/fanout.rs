use std::{fs, path::PathBuf, rc::Rc, time::Duration};

use clap::Args;
use tokio::{task::spawn_local, time::sleep};

use super::{
    audience::Audience,
    callgrind,
    limits::{ROOM, allow_connections},
    process::Usage,
    progress,
    publish::{Published, Stream},
    report::Report,
    schedule::Schedule,
    target::TargetArgs,
    wire::WireSocket,
};
use crate::cli::{CliError, duration::parse_duration, rate::parse_rate};

mod dialect;
mod probe;
mod stage;

use dialect::Kind;
use probe::Probe;
use stage::Stage;

const TOPIC: &str = "custom:bench";
/// The hub may still be tidying up after the connections when memory is read.
const SETTLE: Duration = Duration::from_secs(1);
/// All deliveries have come, or nothing has come for so long.
const SILENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

/// Events to many sessions: deliveries, order, latency, processor time and memory
#[derive(Debug, Clone, Args)]
pub struct FanoutArgs {
    /// Sessions that listen
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    sessions: u32,
    /// Events published in a second, over all topics
    #[arg(long, default_value_t = 100.0, value_parser = parse_rate)]
    rate: f64,
    /// Bytes of an event's data
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(64..=60_000))]
    size: u32,
    /// How long events are published
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    /// Topics; sessions and events are spread over them evenly
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    topics: u32,
    /// Each session listens to every topic
    #[arg(long)]
    all_topics: bool,
    /// Connections that publish; each keeps its own order
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    publishers: u32,
    /// Sessions offer to inflate what the hub compresses
    #[arg(long)]
    deflate: bool,
    /// Events that are due at once; then none for as long as the rate wants
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    burst: u32,
    /// How often the hub is asked for something else meanwhile, such as `20ms`
    #[arg(long, value_parser = parse_duration)]
    probe: Option<Duration>,
    /// What kind of server it is; others than a hub are to be running at `--url`, but for the floor
    #[arg(long = "target", value_enum, default_value = "carillon")]
    kind: Kind,
    /// Runs a hub under callgrind (of valgrind) and counts its instructions, which no other load of this machine changes
    #[arg(long, conflicts_with = "url")]
    count_instructions: bool,
    /// Keeps what they were done for in this file, for `callgrind_annotate`
    #[arg(long, requires = "count_instructions")]
    profile: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
}

/// What was read of the hub's process at the turning points.
struct Readings {
    empty: Option<Usage>,
    connected: Option<Usage>,
    done: Option<Usage>,
    instructions: Option<u64>,
}

/// Publishes at a fixed rate and watches every delivery.
pub async fn measure(args: &FanoutArgs) -> Result<Report, CliError> {
    args.check()?;
    allow_connections(u64::from(args.sessions) + args.streams())?;
    let stage = Stage::open(args, &ROOM).await?;
    let empty = stage.usage()?;
    let sockets = stage.sessions(args).await?;
    let audience = Audience::new(sockets.len());
    let listeners = listen(sockets, &audience);
    sleep(SETTLE).await;

    let connected = stage.usage()?;
    args.begin_count(&stage)?;
    let probe = args.probe.zip(stage.hub()).map(|(every, hub)| Probe::start(hub.clone(), every)).transpose()?;
    let published = args.publish(&stage, &audience).await?;
    audience.silent(args.expected(&published), SILENCE).await;
    let probed = probe.map(Probe::end).transpose()?;
    let instructions = args.end_count(&stage)?;
    let done = stage.usage()?;
    listeners.iter().for_each(tokio::task::JoinHandle::abort);
    stage.close().await?;

    let mut report = args.report(&audience, &published, &Readings { empty, connected, done, instructions });
    report.latencies(probe::NAMES, &probed.unwrap_or_default());

    Ok(report)
}

fn listen(sockets: Vec<WireSocket>, audience: &Rc<Audience>) -> Vec<tokio::task::JoinHandle<()>> {
    sockets
        .into_iter()
        .enumerate()
        .map(|(index, socket)| spawn_local(Rc::clone(audience).listen(index, socket)))
        .collect()
}

impl FanoutArgs {
    /// Refuses what only a hub can be asked for.
    fn check(&self) -> Result<(), CliError> {
        let asked = [
            ("--topics", self.topics > 1),
            ("--all-topics", self.all_topics),
            ("--deflate", self.deflate),
            ("--probe", self.probe.is_some()),
            ("--count-instructions", self.count_instructions),
        ];
        match asked.into_iter().find(|(_, is_asked)| *is_asked && self.kind != Kind::Carillon) {
            Some((name, _)) => Err(CliError::Usage(format!("`{name}` is for a hub; leave it out, or `--target`"))),
            None => Ok(()),
        }
    }

    /// Every topic has a stream at least, every publisher too.
    fn streams(&self) -> u64 {
        u64::from(self.publishers.max(self.topics))
    }

    fn topic(&self, index: u64) -> String {
        match self.topics {
            1 => TOPIC.to_owned(),
            topics => format!("{TOPIC}-{}", index % u64::from(topics)),
        }
    }

    /// What a session subscribes to.
    fn topics_of(&self, index: usize) -> Vec<String> {
        let index = index as u64;
        let count = if self.all_topics { u64::from(self.topics) } else { 1 };

        (index..index + count).map(|index| self.topic(index)).collect()
    }

    /// Whether a session is to get the events of a stream.
    fn hears(&self, session: u64, stream: u64) -> bool {
        let topics = u64::from(self.topics);
        self.all_topics || session % topics == stream % topics
    }

    async fn publish(&self, stage: &Stage, audience: &Rc<Audience>) -> Result<Vec<Published>, CliError> {
        let streams = (0..self.streams())
            .map(|number| Stream {
                number,
                topic: self.topic(number),
                size: self.size as usize,
                schedule: Schedule::new(self.rate, self.duration, self.streams(), number)
                    .in_bursts_of(self.burst.into()),
            })
            .collect();
        let bar = progress(self.duration.as_millis() as usize, "publishing");
        let shown = bar.clone();
        let showing = spawn_local(async move {
            loop {
                sleep(LOOK).await;
                shown.inc(LOOK.as_millis() as u64);
            }
        });
        let published = stage.publish(streams, audience).await;
        showing.abort();
        bar.finish_and_clear();

        published
    }

    fn begin_count(&self, stage: &Stage) -> Result<(), CliError> {
        match stage.own_hub().filter(|_| self.count_instructions) {
            Some((pid, _)) => callgrind::begin(pid),
            None => Ok(()),
        }
    }

    fn end_count(&self, stage: &Stage) -> Result<Option<u64>, CliError> {
        let Some((pid, folder)) = stage.own_hub().filter(|_| self.count_instructions) else { return Ok(None) };
        let (count, found) = callgrind::end(pid, folder)?;
        if let Some(profile) = &self.profile {
            fs::copy(found, profile).map_err(CliError::io(format!("cannot write `{}`", profile.display())))?;
        }
        Ok(Some(count))
    }

    fn sessions_of(&self, stream: u64) -> u64 {
        (0..u64::from(self.sessions)).filter(|session| self.hears(*session, stream)).count() as u64
    }

    /// Deliveries that are due for what the hub accepted.
    fn expected(&self, published: &[Published]) -> u64 {
        published.iter().map(|stream| stream.accepted * self.sessions_of(stream.number)).sum()
    }

    fn report(&self, audience: &Audience, published: &[Published], readings: &Readings) -> Report {
        let mut report = Report::new("fanout");
        let delivered = audience.delivered();
        report.count("sessions", "sessions", self.sessions.into());
        report.count("published", "events published", published.iter().map(|stream| stream.accepted).sum());
        report.count("deliveries", "deliveries", delivered);
        report.figure("deliveriesPerSecond", "deliveries per second", delivered as f64 / audience.seconds(), "/s");
        let each = audience.bytes() as f64 / delivered.max(1) as f64;
        report.figure("bytesPerDelivery", "bytes per delivery", each, "B");
        let names = [("latencyP50Ms", "latency p50"), ("latencyP99Ms", "latency p99"), ("latencyMaxMs", "latency max")];
        report.latencies(names, &audience.latencies());
        let names = [
            ("publishP50Ms", "publish answer p50"),
            ("publishP99Ms", "publish answer p99"),
            ("publishMaxMs", "publish answer max"),
        ];
        report.latencies(names, &Published::latencies(published));
        self.report_costs(&mut report, delivered, readings);
        self.report_order(&mut report, audience, published);

        report
    }

    fn report_costs(&self, report: &mut Report, delivered: u64, readings: &Readings) {
        if let Some(instructions) = readings.instructions {
            let each = instructions as f64 / delivered.max(1) as f64;
            return report.figure("instructionsPerDelivery", "instructions of the hub per delivery", each, "");
        }
        let Readings { empty: Some(empty), connected: Some(connected), done: Some(done), .. } = *readings else {
            return;
        };
        let work = done - connected;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / delivered.max(1) as f64;
        report.figure("serverCpuUsPerDelivery", "server CPU per delivery", each(work.processor()), "µs");
        report.figure("serverUserUsPerDelivery", "  in the hub's code", each(work.user), "µs");
        report.figure("serverSystemUsPerDelivery", "  in the kernel", each(work.system), "µs");
        let of_a_session = |bytes: u64| bytes as f64 / 1024.0 / f64::from(self.sessions);
        report.figure(
            "serverRssKibPerSession",
            "server memory per session (RSS)",
            of_a_session((connected - empty).resident),
            "KiB",
        );
        report.figure(
            "serverPssKibPerSession",
            "server memory per session (PSS)",
            of_a_session((connected - empty).proportional),
            "KiB",
        );
        report.figure(
            "serverRssKibPerSessionAfter",
            "  after the traffic (RSS)",
            of_a_session((done - empty).resident),
            "KiB",
        );
        report.figure("serverRssMib", "server memory in all (RSS)", done.resident as f64 / f64::from(1 << 20), "MiB");
    }

    fn report_order(&self, report: &mut Report, audience: &Audience, published: &[Published]) {
        let of = |stream: &Published| {
            let listening = (0..u64::from(self.sessions)).filter(|session| self.hears(*session, stream.number));
            audience.lost(listening, stream)
        };
        let lost = published.iter().map(of).sum();
        let groups = if self.all_topics { 1 } else { self.topics as usize };
        report.must_be_none("refused", "publications refused", published.iter().map(|stream| stream.refused).sum());
        report.must_be_none("lost", "lost", lost);
        report.must_be_none("doubled", "doubled", audience.doubled());
        report.must_be_none("reordered", "reordered", audience.reordered());
        report.must_be_none("orders", "sessions with an order of their own", audience.other_orders(groups));
        report.must_be_none("gaps", "gaps told", audience.gaps());
        report.must_be_none("closed", "sessions closed by the hub", audience.closed());
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: FanoutArgs,
    }

    fn args(line: &[&str]) -> FanoutArgs {
        Line::parse_from([&["fanout"], line].concat()).args
    }

    #[test]
    fn one_topic_has_the_plain_name() {
        assert_eq!(args(&[]).topic(7), "custom:bench");
        assert_eq!(args(&["--topics", "3"]).topic(7), "custom:bench-1");
    }

    #[test]
    fn deliveries_are_expected_on_the_sessions_of_each_topic() {
        let args = args(&["--sessions", "10", "--topics", "3"]);
        let published: Vec<_> =
            (0..3).map(|number| Published { number, accepted: 5, ..Published::default() }).collect();

        assert_eq!(args.expected(&published), 50);
    }

    #[test]
    fn deliveries_are_expected_on_all_sessions_where_each_listens_to_every_topic() {
        let args = args(&["--sessions", "10", "--topics", "3", "--all-topics"]);
        let published: Vec<_> =
            (0..3).map(|number| Published { number, accepted: 5, ..Published::default() }).collect();

        assert_eq!(args.topics_of(1), ["custom:bench-1", "custom:bench-2", "custom:bench-0"]);
        assert_eq!(args.expected(&published), 150);
    }
}
