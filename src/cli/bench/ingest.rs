use std::{path::PathBuf, rc::Rc, time::Duration};

use clap::{Args, ValueEnum};
use tokio::time::{Instant, sleep};

use super::{
    floor::{Floor, OwnFloor},
    limits::{ROOM, allow_connections},
    modules::{BenchModule, register_modules},
    own_hub::{OwnHub, free_port},
    process::Usage,
    report::Report,
    scratch::Scratch,
    target::{Target, TargetArgs},
    wire::Destination,
};
use crate::cli::{CliError, duration::parse_duration, rate::parse_rate};

pub(super) mod line;
mod load;
mod meter;
mod outcome;
mod watch;

use line::Line;
use load::{Counts, Plan};
use meter::Meter;
use outcome::Outcome;
use watch::Watch;

const SETTLE: Duration = Duration::from_secs(2);
/// The setting of where a hub takes MQTT.
pub const MQTT_LISTEN: &str = "CARILLON__MQTT__LISTEN";
/// The setting of how large a message by MQTT may be: here as large as a request.
const MQTT_PACKET: &str = "CARILLON__MQTT__MAX_PACKET";

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
    /// A bare HTTP server that parses the same requests into the same types gets the same load afterwards
    #[arg(long, value_enum, value_name = "FLOOR", conflicts_with = "peer", num_args = 0..=1, default_missing_value = "bare")]
    floor: Option<HttpFloor>,
    /// Runs hub and floor under callgrind (of valgrind) and counts their instructions, which no other load of this machine
    /// changes
    #[arg(long, conflicts_with_all = ["url", "peer"])]
    count_instructions: bool,
    /// Keeps what the hub's were done for in this file, for `callgrind_annotate`
    #[arg(long, requires = "count_instructions")]
    profile: Option<PathBuf>,
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

/// What a bare HTTP server does with what it has parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HttpFloor {
    /// Nothing
    Bare,
    /// Commits it to a table, with all that waits at that moment, before it answers
    Storing,
}

/// Lets modules report, to the hub and then to its peer or to the floor.
pub async fn measure(args: &IngestArgs) -> Result<Report, CliError> {
    args.check()?;
    allow_connections(u64::from(args.modules) + u64::from(args.watchers))?;
    let (target, mqtt) = args.open().await?;
    let meter = args.meter(&target);
    let empty = meter.usage()?;
    let modules = register_modules(&target.api, args.modules as usize).await?;
    let places = Places { http: Some(&target.destination), mqtt: &mqtt };
    let lines = line::connect_all(&places, args.door, &modules).await?;
    let memory = empty.zip(meter.usage()?);
    let watch = Watch::of_hub(&target.destination, &target.session.access_token, args.watchers as usize).await?;
    let hub = args.load(lines, watch, memory, &meter).await?;
    target.close().await?;

    let mut report = Report::new("ingest");
    report.count("modules", "modules", args.modules.into());
    report.count("batch", "readings in a message", args.batch.into());
    report.count("watchers", "dashboards", args.watchers.into());
    let cost = hub.report(&mut report, args);
    if let Some(peer) = &args.peer {
        let outcome = args.measure_peer(peer, &modules).await?;
        let peer_cost = outcome.report_beside(&mut report, "peer", args);
        let pace = hub.per_second() / outcome.per_second();
        report.figure("messagesRatio", "messages per second, times the peer's", pace, "");
        if let (Some(cost), Some(peer_cost)) = (cost, peer_cost) {
            report.figure("cpuRatio", "CPU per reading, times the peer's", cost / peer_cost, "");
        }
    }
    if let Some(floor) = args.floor {
        let floor_cost = args.measure_floor(floor, &modules).await?.report_beside(&mut report, "floor", args);
        if let (Some(cost), Some(floor_cost)) = (cost, floor_cost) {
            report.figure("floorRatio", "price of a reading, times the floor's", cost / floor_cost, "");
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
    /// Refuses what a door does not take.
    fn check(&self) -> Result<(), CliError> {
        if self.floor.is_some() && self.door != Door::Http {
            return Err(CliError::Usage("the floor has one door only; add `--door http`".to_owned()));
        }
        if self.batch > 1 && self.door == Door::Websocket {
            let detail = "a frame of `/ws/module` holds one reading; leave out `--batch`, or take another `--door`";
            return Err(CliError::Usage(detail.to_owned()));
        }
        Ok(())
    }

    async fn open(&self) -> Result<(Target, Destination), CliError> {
        if self.target.url.is_some() {
            return Ok((self.target.open(&ROOM).await?, Destination::of_server(&self.mqtt).await?));
        }
        let address = format!("127.0.0.1:{}", free_port()?);
        let hub = OwnHub::prepare(&ROOM)?.with(MQTT_LISTEN, &address).with(MQTT_PACKET, "1048576");
        let hub = if self.count_instructions { hub.under_callgrind() } else { hub };

        Ok((Target::start(hub).await?, Destination::of_server(&address).await?))
    }

    fn meter(&self, target: &Target) -> Meter {
        let Some((pid, folder)) = target.own().filter(|_| self.count_instructions) else {
            return Meter::of(target.pid());
        };
        Meter::counting(pid, folder, self.profile.clone())
    }

    async fn measure_peer(&self, peer: &str, modules: &[BenchModule]) -> Result<Outcome, CliError> {
        let destination = Destination::of_server(peer).await?;
        let meter = Meter::of(self.peer_pid);
        let empty = meter.usage()?;
        let places = Places { http: None, mqtt: &destination };
        let lines = line::connect_all(&places, Door::Mqtt, modules).await?;
        let memory = empty.zip(meter.usage()?);
        let watch = Watch::of_peer(&destination, self.watchers as usize).await?;

        self.load(lines, watch, memory, &meter).await
    }

    async fn measure_floor(&self, floor: HttpFloor, modules: &[BenchModule]) -> Result<Outcome, CliError> {
        let profiles = self.count_instructions.then(Scratch::make).transpose()?;
        let folder = profiles.as_ref().map(Scratch::path);
        let data = (floor == HttpFloor::Storing).then(Scratch::make).transpose()?;
        let floor = OwnFloor::start(Floor::Http, data, folder).await?;
        let meter =
            folder.map_or_else(|| Meter::of(Some(floor.pid())), |folder| Meter::counting(floor.pid(), folder, None));
        let empty = meter.usage()?;
        let destination = Destination::of(&floor.address()).await?;
        let places = Places { http: Some(&destination), mqtt: &destination };
        let lines = line::connect_all(&places, Door::Http, modules).await?;
        let memory = empty.zip(meter.usage()?);

        self.load(lines, Watch::of_nobody(), memory, &meter).await
    }

    async fn load(
        &self,
        lines: Vec<Line>,
        watch: Watch,
        memory: Option<(Usage, Usage)>,
        meter: &Meter,
    ) -> Result<Outcome, CliError> {
        sleep(SETTLE).await;
        let (counts, seen) = (Rc::new(Counts::default()), watch.frames());
        let plan = Plan {
            batch: self.batch,
            rate: self.rate,
            in_flight: self.in_flight as usize,
            duration: self.duration,
            senders: lines.len() as u64,
        };
        let begun = meter.begin()?;
        let start = Instant::now();
        plan.report_all(lines, &counts).await;
        let seconds = start.elapsed().as_secs_f64();
        let spent = meter.end(begun)?;

        Ok(Outcome { seconds, counts, watched: watch.frames() - seen, watchers_closed: watch.closed(), memory, spent })
    }
}
