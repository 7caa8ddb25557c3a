use std::{rc::Rc, time::Duration};

use clap::Args;
use futures_util::future::join_all;
use tokio::{
    select,
    sync::watch,
    task::{JoinSet, spawn_local},
    time::{Instant, sleep, sleep_until},
};

use super::{
    ingest::MQTT_LISTEN,
    limits::{ROOM, allow_connections},
    modules::{BenchModule, register_modules},
    own_hub::{OwnHub, free_port},
    progress,
    report::Report,
    target::{Target, TargetArgs},
    wire::Destination,
};
use crate::cli::{CliError, client::Api, duration::parse_duration, rate::parse_rate};

mod crowd;
mod devices;
mod follow;
mod keys;
mod note;
mod people;

use crowd::Crowd;
use devices::Habits;
use keys::Keys;
use note::{Note, report_notes};
use people::People;

const TOPIC: &str = "custom:bench";
/// What a session that comes says first.
const TOPICS: &str = r#"{"type":"subscribe","id":1,"topics":["custom:bench","modules"]}"#;
/// Nothing takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long what was used may take to be given back.
const SETTLE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(500);
/// A round of events is shorter than an access token lives.
const LONGEST_ROUND: Duration = Duration::from_secs(300);
/// There are so many rounds at least.
const ROUNDS: u32 = 10;
/// Between logins: often enough for the access tokens, and seldom enough for the limit of an account.
const TURNS: (Duration, Duration) = (Duration::from_secs(8), Duration::from_secs(60));
/// The hub is warm after so long at most.
const WARM_UP: Duration = Duration::from_secs(30);
/// Events go on for so long while everybody leaves.
const LEAVING: Duration = Duration::from_secs(2);

/// Everything comes and goes for a long time: what the hub keeps of it, and whether anything is lost
#[derive(Debug, Clone, Args)]
pub struct SoakArgs {
    /// How long everything comes and goes
    #[arg(long, default_value = "30m", value_parser = parse_duration)]
    duration: Duration,
    /// How often the hub is looked at, at most every 5m and ten times at least
    #[arg(long, default_value = "1m", value_parser = parse_duration)]
    every: Duration,
    /// Sessions that come in a second: some close, some are cut off, some read nothing, some of which catch up
    #[arg(long, default_value_t = 20.0, value_parser = parse_rate)]
    arrivals: f64,
    /// How long a session, or a module's connection, stays at most; much shorter than an access token lives
    #[arg(long, default_value = "20s", value_parser = parse_duration)]
    stay: Duration,
    /// Sessions that listen all the time
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    listeners: u32,
    /// Modules that come and go, a third each by WebSocket, HTTP and MQTT
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    modules: u32,
    /// Readings of one module in a second, while it is there
    #[arg(long, default_value_t = 1.0, value_parser = parse_rate)]
    readings: f64,
    /// Custom events in a second
    #[arg(long, default_value_t = 50.0, value_parser = parse_rate)]
    rate: f64,
    /// Bytes of an event's data; who reads nothing is to fall behind
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(64..=60_000))]
    size: u32,
    /// Where the hub of `--url` takes MQTT
    #[arg(long, requires = "url", default_value = "127.0.0.1:1883")]
    mqtt: String,
    #[command(flatten)]
    target: TargetArgs,
}

/// Where everything comes and goes.
struct Place {
    target: Target,
    mqtt: Destination,
    modules: Vec<BenchModule>,
    keys: Rc<Keys>,
}

/// Lets everything come and go, and looks at the hub meanwhile and when all have gone.
pub async fn measure(args: &SoakArgs) -> Result<Report, CliError> {
    let at_once = args.arrivals * (args.stay + PATIENCE).as_secs_f64();
    allow_connections(u64::from(args.listeners + args.modules) + at_once as u64)?;
    let place = args.open().await?;

    // What the hub opens when it is first needed, it keeps.
    let (warm, _) = args.live(&place, (args.duration / ROUNDS).min(WARM_UP), 1).await?;
    let before = place.settled(|since, now, earlier| since > SETTLE || now.files() == earlier.files()).await?;
    let rounds = (args.duration.as_secs_f64() / args.round().as_secs_f64()).round() as usize;
    let (crowd, notes) = args.live(&place, args.round(), rounds).await?;
    let after = place.settled(|since, now, _| since > SETTLE || now.left_over(&before).is_empty()).await?;
    place.target.close().await?;

    let mut first = Report::new("");
    warm.report_faults(&mut first);
    let mut report = crowd.report(args.duration);
    report.figure("filesBefore", "open files before", before.files(), "");
    report.figure("filesAfter", "  after", after.files(), "");
    report.add_faults("while it warmed up", &first);
    crowd.report_faults(&mut report);
    let left = after.left_over(&before);
    report.count("leftOver", "things not given back", left.len() as u64);
    left.into_iter().for_each(|what| report.fault_of(what));
    report_notes(&mut report, &notes);

    Ok(report)
}

/// Lets sessions come at an even rate until it is over, and waits until they have gone.
async fn arrive(people: Rc<People>, rate: f64, mut over: watch::Receiver<bool>) {
    let (start, mut there) = (Instant::now(), JoinSet::new());
    for number in 0_u64.. {
        let due = start + Duration::from_secs_f64(number as f64 / rate);
        select! {
            () = sleep_until(due) => {}
            () = until_over(&mut over) => break,
        }
        there.spawn_local(Rc::clone(&people).visit(number, over.clone()));
        while there.try_join_next().is_some() {}
    }
    there.join_all().await;
}

/// Whether everybody is to go.
fn is_over(over: &watch::Receiver<bool>) -> bool {
    *over.borrow()
}

/// Waits until everybody is to go.
async fn until_over(over: &mut watch::Receiver<bool>) {
    // Who would have told it is gone: then it is over, too.
    let _ = over.wait_for(|over| *over).await;
}

impl Place {
    /// Looks at the hub until it is as wanted: by the time since the first look, this look and the one before.
    async fn settled(&self, wanted: impl Fn(Duration, &Note, &Note) -> bool) -> Result<Note, CliError> {
        let (start, mut earlier) = (Instant::now(), None);
        loop {
            let now = Note::take(&self.target, &self.keys.token(), start.elapsed()).await?;
            if earlier.is_some_and(|earlier| wanted(start.elapsed(), &now, &earlier)) {
                return Ok(now);
            }
            earlier = Some(now);
            sleep(LOOK).await;
        }
    }
}

impl SoakArgs {
    async fn open(&self) -> Result<Place, CliError> {
        let (target, mqtt) = match &self.target.url {
            Some(_) => (self.target.open(&[]).await?, self.mqtt.clone()),
            None => {
                let address = format!("127.0.0.1:{}", free_port()?);
                (Target::start(OwnHub::prepare(&ROOM)?.with(MQTT_LISTEN, &address)).await?, address)
            }
        };
        let mqtt = Destination::of_server(&mqtt).await?;
        // An API of its own, whose connections are gone afterwards.
        let api = Api::new(target.account().0).as_module(&target.session.access_token);
        let modules = register_modules(&api, self.modules as usize).await?;
        let keys = Rc::new(Keys::log_in(&target).await?);

        Ok(Place { target, mqtt, modules, keys })
    }

    /// Lets everything come and go for so many rounds, and everybody leave; what became of it, and a note of each round.
    async fn live(&self, place: &Place, round: Duration, rounds: usize) -> Result<(Crowd, Vec<Note>), CliError> {
        let mut crowd = Crowd::gather(self, place, round).await?;
        let (end, over) = watch::channel(false);
        let habits = Rc::new(Habits {
            http: place.target.destination.clone(),
            mqtt: place.mqtt.clone(),
            stay: self.stay,
            pace: Duration::from_secs_f64(1.0 / self.readings),
        });
        let mut leaving = vec![spawn_local(arrive(Rc::clone(&crowd.people), self.arrivals, over.clone()))];
        for (index, module) in place.modules.iter().cloned().enumerate() {
            let (devices, habits) = (Rc::clone(&crowd.devices), Rc::clone(&habits));
            leaving.push(spawn_local(devices.run(index, module, habits, over.clone())));
        }
        let (keys, every) = (Rc::clone(&place.keys), (self.duration / ROUNDS).clamp(TURNS.0, TURNS.1));
        leaving.push(spawn_local(async move { keys.turn(every, over).await }));

        let notes = self.go_round(place, &mut crowd, round, rounds).await?;
        end.send_replace(true);
        crowd.round(self, place, LEAVING).await;
        join_all(leaving).await;
        crowd.leave();

        Ok((crowd, notes))
    }

    /// How long a round is.
    fn round(&self) -> Duration {
        self.every.min(self.duration / ROUNDS).min(LONGEST_ROUND)
    }

    /// Publishes round after round, and looks at the hub after each.
    async fn go_round(
        &self,
        place: &Place,
        crowd: &mut Crowd,
        round: Duration,
        rounds: usize,
    ) -> Result<Vec<Note>, CliError> {
        let start = Instant::now();
        let bar = progress(rounds, "coming and going");
        let mut notes = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            crowd.round(self, place, round).await;
            notes.push(Note::take(&place.target, &place.keys.token(), start.elapsed()).await?);
            bar.inc(1);
        }
        bar.finish_and_clear();

        Ok(notes)
    }
}
