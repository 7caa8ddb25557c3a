use std::rc::Rc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::time::{Instant, sleep};

use super::{
    limits::{ROOM, allow_connections},
    modules::{BenchModule, register_modules},
    own_hub::{OwnHub, free_port},
    process::Usage,
    report::Report,
    target::{Target, TargetArgs},
    wire::Destination,
};
use crate::cli::{CliError, duration::parse_duration, rate::parse_rate};

mod line;
mod load;
mod watch;

use line::Line;
use load::{Counts, Plan};
use watch::Watch;

const SETTLE: Duration = Duration::from_secs(2);
const MQTT_LISTEN: &str = "CARILLON__MQTT__LISTEN";

/// Readings that are acknowledged after their commit: how many a second, how soon, at what price
#[derive(Debug, Clone, Args)]
pub struct IngestArgs {
    /// By which door they come
    #[arg(long, value_enum, default_value_t = Door::Mqtt)]
    door: Door,
    /// Modules that report, each over one connection
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=99_999))]
    modules: u32,
    /// Readings in one message
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=5000))]
    batch: u32,
    /// Messages of one module in a second; without it, as many as are acknowledged
    #[arg(long, value_parser = parse_rate)]
    rate: Option<f64>,
    /// Messages of one module that may wait for their acknowledgement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    in_flight: u32,
    /// Dashboards that watch all modules meanwhile, at most ten times a second
    #[arg(long, default_value_t = 100)]
    watchers: u32,
    /// How long they report
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    /// Where the hub of `--url` takes MQTT
    #[arg(long, requires = "url", default_value = "127.0.0.1:1883")]
    mqtt: String,
    /// An MQTT broker, as `host:port`, that gets the same load by the same client afterwards
    #[arg(long)]
    peer: Option<String>,
    /// Process of that broker on this machine
    #[arg(long, requires = "peer")]
    peer_pid: Option<u32>,
    #[command(flatten)]
    target: TargetArgs,
}

/// How readings come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Door {
    /// MQTT 5, QoS 1.
    Mqtt,
    /// `/ws/module`.
    Websocket,
    /// `POST /api/v1/modules/{moduleId}/telemetry`.
    Http,
}

/// What came of a load.
struct Outcome {
    counts: Rc<Counts>,
    seconds: f64,
    watched: u64,
    watchers_closed: u64,
    /// Before the modules came, and when all of them were connected.
    memory: Option<(Usage, Usage)>,
    before: Option<Usage>,
    after: Option<Usage>,
}

/// What the figures of one side are called.
struct Names {
    messages: [&'static str; 2],
    readings: [&'static str; 2],
    latencies: [(&'static str, &'static str); 3],
    cpu: [&'static str; 2],
    memory: [&'static str; 2],
    frames: [&'static str; 2],
    failed: [&'static str; 2],
}

const HUB: Names = Names {
    messages: ["messagesPerSecond", "messages acknowledged per second"],
    readings: ["readingsPerSecond", "readings acknowledged per second"],
    latencies: [
        ("ackP50Ms", "acknowledgement p50"),
        ("ackP99Ms", "acknowledgement p99"),
        ("ackMaxMs", "acknowledgement max"),
    ],
    cpu: ["serverCpuUsPerReading", "server CPU per reading"],
    memory: ["serverRssKibPerModule", "memory per online module (RSS)"],
    frames: ["frames", "frames to the dashboards"],
    failed: ["failed", "messages refused or not answered, or connections lost"],
};

const PEER: Names = Names {
    messages: ["peerMessagesPerSecond", "peer: messages per second"],
    readings: ["peerReadingsPerSecond", "peer: readings per second"],
    latencies: [
        ("peerAckP50Ms", "peer: acknowledgement p50"),
        ("peerAckP99Ms", "peer: acknowledgement p99"),
        ("peerAckMaxMs", "peer: acknowledgement max"),
    ],
    cpu: ["peerCpuUsPerReading", "peer: CPU per reading"],
    memory: ["peerRssKibPerModule", "peer: memory per client (RSS)"],
    frames: ["peerFrames", "peer: messages to the listeners"],
    failed: ["peerFailed", "peer: messages refused or not answered, or connections lost"],
};

/// Lets modules report, to the hub and then to its peer.
pub async fn measure(args: &IngestArgs) -> Result<Report, CliError> {
    allow_connections(u64::from(args.modules) + u64::from(args.watchers))?;
    let (target, mqtt) = args.open().await?;
    let empty = target.usage()?;
    let modules = register_modules(&target.api, args.modules as usize).await?;
    let places = Places { http: Some(&target.destination), mqtt: &mqtt };
    let lines = line::connect_all(&places, args.door, &modules).await?;
    let connected = target.usage()?;
    let watch = Watch::of_hub(&target.destination, &target.session.access_token, args.watchers as usize).await?;
    let usage = || target.usage();
    let memory = empty.zip(connected);
    let hub = args.load(lines, watch, memory, &usage).await?;
    target.close().await?;

    let mut report = Report::new("ingest");
    report.count("modules", "modules", args.modules.into());
    report.count("batch", "readings in a message", args.batch.into());
    report.count("watchers", "dashboards", args.watchers.into());
    let cpu = args.report(&mut report, &HUB, &hub);
    if let Some(peer) = &args.peer {
        let outcome = args.measure_peer(peer, &modules).await?;
        let peer_cpu = args.report(&mut report, &PEER, &outcome);
        report.figure(
            "messagesRatio",
            "messages per second, times the peer's",
            hub.per_second() / outcome.per_second(),
            "",
        );
        if let (Some(cpu), Some(peer_cpu)) = (cpu, peer_cpu) {
            report.figure("cpuRatio", "CPU per reading, times the peer's", cpu / peer_cpu, "");
        }
    }

    Ok(report)
}

/// Where the doors are; a peer has one only.
pub struct Places<'a> {
    /// Of HTTP and WebSockets.
    pub http: Option<&'a Destination>,
    /// Of MQTT.
    pub mqtt: &'a Destination,
}

impl IngestArgs {
    async fn open(&self) -> Result<(Target, Destination), CliError> {
        if self.target.url.is_some() {
            return Ok((self.target.open(&ROOM).await?, Destination::of_server(&self.mqtt).await?));
        }
        let address = format!("127.0.0.1:{}", free_port()?);
        let hub = OwnHub::prepare(&ROOM)?.with(MQTT_LISTEN, &address);

        Ok((Target::start(hub).await?, Destination::of_server(&address).await?))
    }

    async fn measure_peer(&self, peer: &str, modules: &[BenchModule]) -> Result<Outcome, CliError> {
        let destination = Destination::of_server(peer).await?;
        let usage = || self.peer_pid.map(Usage::of).transpose();
        let empty = usage()?;
        let places = Places { http: None, mqtt: &destination };
        let lines = line::connect_all(&places, Door::Mqtt, modules).await?;
        let memory = empty.zip(usage()?);
        let watch = Watch::of_peer(&destination, self.watchers as usize).await?;

        self.load(lines, watch, memory, &usage).await
    }

    async fn load(
        &self,
        lines: Vec<Line>,
        watch: Watch,
        memory: Option<(Usage, Usage)>,
        usage: &dyn Fn() -> Result<Option<Usage>, CliError>,
    ) -> Result<Outcome, CliError> {
        sleep(SETTLE).await;
        let before = usage()?;
        let (counts, seen) = (Rc::new(Counts::default()), watch.frames());
        let plan = Plan {
            batch: self.batch,
            rate: self.rate,
            in_flight: self.in_flight as usize,
            duration: self.duration,
            senders: lines.len() as u64,
        };
        let start = Instant::now();
        plan.report_all(lines, &counts).await;
        let seconds = start.elapsed().as_secs_f64();
        let after = usage()?;

        Ok(Outcome {
            seconds,
            counts,
            watched: watch.frames() - seen,
            watchers_closed: watch.closed(),
            memory,
            before,
            after,
        })
    }

    /// Adds the figures of one side; answers its processor time per reading in microseconds.
    fn report(&self, report: &mut Report, names: &Names, outcome: &Outcome) -> Option<f64> {
        let readings = outcome.counts.acked() * u64::from(self.batch);
        let mut figure = |[key, label]: [&'static str; 2], value, unit| report.figure(key, label, value, unit);
        figure(names.messages, outcome.per_second(), "/s");
        figure(names.readings, outcome.per_second() * f64::from(self.batch), "/s");
        let cpu = outcome
            .before
            .zip(outcome.after)
            .map(|(before, after)| (after - before).processor().as_secs_f64() * 1e6 / readings.max(1) as f64);
        if let Some(cpu) = cpu {
            figure(names.cpu, cpu, "µs");
        }
        if let Some((empty, connected)) = outcome.memory {
            let memory = (connected - empty).resident as f64 / 1024.0 / f64::from(self.modules);
            figure(names.memory, memory, "KiB");
        }
        report.latencies(names.latencies, &outcome.counts.latencies());
        report.count(names.frames[0], names.frames[1], outcome.watched);
        report.must_be_none(names.failed[0], names.failed[1], outcome.counts.failed() + outcome.watchers_closed);

        cpu
    }
}

impl Outcome {
    fn per_second(&self) -> f64 {
        self.counts.acked() as f64 / self.seconds
    }
}
