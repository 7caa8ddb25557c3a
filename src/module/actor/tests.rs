use std::cell::RefCell;
use std::rc::Rc;

use arc_swap::ArcSwap;
use tokio::time::{advance, pause, sleep};

use super::super::alarm::Observed;
use super::super::command::ToDevice;
use super::super::house::ModuleOptions;
use super::*;
use crate::broker::{Announce, BrokerError, Publish};
use crate::domain::cursor::Offset;
use crate::domain::module::TokenHash;
use crate::domain::retention::{Policy, Spans};
use crate::domain::telemetry::Reading;
use crate::observe::Metrics;
use crate::store::StoreError;
use crate::store::latest::{Commit, CommitError};
use crate::store::modules::{ModuleRecord, StoredModule};
use crate::store::offer::Offer;
use crate::store::testing::{self, Scratch};

mod commands;
mod patience;
mod rest;
mod state;

const MOMENT: Duration = Duration::from_millis(1);
const PRESENCE: Duration = Duration::from_secs(60);
const REST: Duration = Duration::from_secs(300);

/// A broker that notes what it gets, and refuses as often as it is told to.
#[derive(Default)]
struct Heard {
    events: Vec<(String, String)>,
    refusals: usize,
}

struct FakeBroker(Rc<RefCell<Heard>>);

impl Actor for FakeBroker {
    type Context = Context<Self>;
}

impl Handler<Publish> for FakeBroker {
    type Result = Result<Offset, BrokerError>;

    fn handle(&mut self, Publish(event): Publish, _: &mut Self::Context) -> Self::Result {
        let mut heard = self.0.borrow_mut();
        if heard.refusals > 0 {
            heard.refusals -= 1;
            return Err(BrokerError::Full);
        }
        heard.events.push((event.name.to_string(), event.data.get().to_owned()));
        Ok(heard.events.len() as Offset)
    }
}

impl Handler<Announce> for FakeBroker {
    type Result = Result<(), BrokerError>;

    fn handle(&mut self, _: Announce, _: &mut Self::Context) -> Self::Result {
        Ok(())
    }
}

/// A collector whose answers the test gives.
#[derive(Default)]
struct Stored {
    states: Vec<String>,
    readings: Vec<usize>,
    offers: Vec<Offer>,
    times: Vec<Timestamp>,
    clock: Option<Timestamp>,
    is_held: bool,
    held: Vec<oneshot::Sender<Result<(), CommitError>>>,
}

struct FakeCollector(Rc<RefCell<Stored>>);

impl Actor for FakeCollector {
    type Context = Context<Self>;
}

impl Handler<Commit> for FakeCollector {
    type Result = ResponseFuture<Result<(), CommitError>>;

    fn handle(&mut self, commit: Commit, _: &mut Self::Context) -> Self::Result {
        let mut stored = self.0.borrow_mut();
        let Some(state) = commit.state else { return Box::pin(std::future::ready(Ok(()))) };
        stored.states.push(state.as_json().to_owned());
        stored.readings.push(commit.readings.len());
        stored.times.extend(commit.readings.iter().map(|reading| reading.ts));
        stored.clock = commit.clock;
        stored.offers.extend(commit.readings.into_iter().map(|reading| reading.offer));
        if !stored.is_held {
            return Box::pin(std::future::ready(Ok(())));
        }
        let (answer, answered) = oneshot::channel();
        stored.held.push(answer);
        Box::pin(async move { answered.await.unwrap() })
    }
}

struct FakeWarden;

impl Actor for FakeWarden {
    type Context = Context<Self>;
}

impl Handler<Observed> for FakeWarden {
    type Result = ();

    fn handle(&mut self, _: Observed, _: &mut Self::Context) {}
}

struct FakeLink;

impl Actor for FakeLink {
    type Context = Context<Self>;
}

impl Handler<EndLink> for FakeLink {
    type Result = ();

    fn handle(&mut self, _: EndLink, _: &mut Self::Context) {}
}

impl Handler<ToDevice> for FakeLink {
    type Result = ();

    fn handle(&mut self, _: ToDevice, _: &mut Self::Context) {}
}

/// What becomes of a reading.
type Answered = JoinHandle<Result<usize, ModuleError>>;

struct Bench {
    entry: Arc<Entry>,
    shared: Arc<Shared>,
    module: Addr<Module>,
    scratch: Scratch,
    heard: Rc<RefCell<Heard>>,
    stored: Rc<RefCell<Stored>>,
}

impl Bench {
    fn new() -> Self {
        let (heard, stored) = (Rc::<RefCell<Heard>>::default(), Rc::<RefCell<Stored>>::default());
        let record = ModuleRecord { token_hash: TokenHash::of("cm_good"), ..testing::module("MC-1001-STN") };
        let entry = Arc::new(Entry::new(StoredModule::new(record, 1)));
        let scratch = Scratch::new();
        let shared = Arc::new(Shared {
            options: ModuleOptions {
                presence_timeout: PRESENCE,
                passivate_after: REST,
                max_waiting: 24,
                max_waiting_each: 3,
                max_commands: 2,
                commands_kept: 10,
                commands_max_age: Duration::from_secs(86_400),
                stop_retry: Duration::from_secs(5),
                max_ahead: PRESENCE,
            },
            store: scratch.store(),
            stops: Default::default(),
            publish: FakeBroker(Rc::clone(&heard)).start().recipient(),
            announce: FakeBroker(Rc::clone(&heard)).start().recipient(),
            commit: FakeCollector(Rc::clone(&stored)).start().recipient(),
            policy: Arc::new(ArcSwap::from_pointee(Policy::of_defaults(Spans::new([Duration::ZERO; 5])))),
            warden: FakeWarden.start().recipient(),
            metrics: Metrics::default(),
            online: Default::default(),
            waiting: Default::default(),
            version: Default::default(),
            stopping: Default::default(),
        });
        let module = Module::new(Arc::clone(&entry), Arc::clone(&shared)).start();
        Self { entry, shared, module, scratch, heard, stored }
    }

    /// Sends a reading; the answer is there at the earliest after a moment.
    fn report(&self, json: &str) -> Answered {
        let ingest = Ingest::now(readings(json), Some(TokenHash::of("cm_good")), Offer::default());
        let sent = self.module.send(ingest);
        actix_rt::spawn(async move { sent.await.unwrap() })
    }

    fn hold_commits(&self) {
        self.stored.borrow_mut().is_held = true;
    }

    /// A bench without commits, and a reading that has come to the collector.
    async fn holding(json: &str) -> (Self, Answered) {
        let bench = Self::new();
        bench.hold_commits();
        let asked = bench.report(json);
        sleep(MOMENT).await;
        (bench, asked)
    }

    fn answer_commit(&self, result: Result<(), CommitError>) {
        let answer = self.stored.borrow_mut().held.remove(0);
        answer.send(result).unwrap();
    }

    fn names(&self) -> Vec<String> {
        self.heard.borrow().events.iter().map(|(name, _)| name.clone()).collect()
    }

    fn told(&self, name: &str) -> Vec<String> {
        let heard = self.heard.borrow();
        heard.events.iter().filter(|(known, _)| known == name).map(|(_, data)| data.clone()).collect()
    }
}

fn readings(json: &str) -> Arc<[Reading]> {
    let telemetry = serde_json::from_str(json).unwrap();
    [Reading::new(None, telemetry)].into()
}

#[actix::test]
async fn a_reading_is_acknowledged_when_it_is_published_and_stored() {
    pause();
    let (bench, asked) = Bench::holding(r#"{"speed":1}"#).await;

    assert!(!asked.is_finished());
    assert_eq!(bench.names(), ["rt_module_online", "rt_telemetry_updated"]);
    assert_eq!(bench.entry.live.load().telemetry.as_json(), r#"{"speed":1}"#);

    bench.answer_commit(Ok(()));
    assert_eq!(asked.await.unwrap().unwrap(), 1);
    assert_eq!(bench.shared.waiting.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[actix::test]
async fn while_a_commit_runs_the_newest_state_waits_for_the_next_one() {
    pause();
    let (bench, first) = Bench::holding(r#"{"speed":1}"#).await;
    let (second, third) = (bench.report(r#"{"speed":2}"#), bench.report(r#"{"speed":3}"#));
    sleep(MOMENT).await;
    let too_many = bench.report(r#"{"speed":4}"#);
    sleep(MOMENT).await;

    bench.answer_commit(Ok(()));
    sleep(MOMENT).await;
    assert!(first.await.unwrap().is_ok());
    assert!(!second.is_finished() && !third.is_finished());
    bench.answer_commit(Ok(()));

    assert!(second.await.unwrap().is_ok() && third.await.unwrap().is_ok());
    assert_eq!(bench.stored.borrow().states, [r#"{"speed":1}"#, r#"{"speed":3}"#]);
    assert!(matches!(too_many.await.unwrap(), Err(ModuleError::Behind)));
    let told = bench.told("rt_telemetry_updated");
    assert_eq!(told.last().unwrap(), r#"{"moduleId":"MC-1001-STN","telemetry":{"speed":3}}"#);
}

#[actix::test]
async fn a_long_reading_counts_as_many_among_those_that_wait() {
    pause();
    let bench = Bench::new();
    bench.hold_commits();
    let long = format!(r#"{{"a":"{0}","b":"{0}","c":"{0}"}}"#, "x".repeat(1000));
    let first = bench.report(&long);
    sleep(MOMENT).await;

    let refused = bench.report(r#"{"speed":1}"#).await.unwrap();

    assert!(matches!(refused, Err(ModuleError::Behind)), "{refused:?}");
    bench.answer_commit(Ok(()));
    assert_eq!(first.await.unwrap().unwrap(), 1);
    assert_eq!(bench.shared.waiting.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[actix::test]
async fn one_request_takes_a_share_of_the_line_however_much_it_brings_and_a_full_line_refuses() {
    pause();
    let bench = Bench::new();
    bench.hold_commits();
    let waiting = || bench.shared.waiting.load(std::sync::atomic::Ordering::Relaxed);
    let many: Arc<[Reading]> = vec![readings("{}")[0].clone(); 100].into();
    let report = |module: &Addr<Module>| {
        let ingest = Ingest::now(Arc::clone(&many), Some(TokenHash::of("cm_good")), Offer::default());
        actix_rt::spawn(module.send(ingest))
    };
    let first = report(&bench.module);
    sleep(MOMENT).await;
    assert_eq!(waiting(), 3);
    assert!(matches!(bench.report(r#"{"speed":1}"#).await.unwrap(), Err(ModuleError::Behind)));

    bench.shared.waiting.fetch_add(20, std::sync::atomic::Ordering::Relaxed);
    let other = Module::new(Arc::clone(&bench.entry), Arc::clone(&bench.shared)).start();
    assert!(matches!(report(&other).await.unwrap().unwrap(), Err(ModuleError::Overloaded)), "of all too many wait");
    bench.shared.waiting.fetch_sub(20, std::sync::atomic::Ordering::Relaxed);
    let second = report(&other);
    sleep(MOMENT).await;
    assert_eq!(waiting(), 6);

    bench.answer_commit(Ok(()));
    bench.answer_commit(Ok(()));
    assert_eq!(first.await.unwrap().unwrap().unwrap() + second.await.unwrap().unwrap().unwrap(), 200);
    assert_eq!(waiting(), 0);
}

#[actix::test]
async fn after_a_failed_commit_even_an_unchanged_reading_is_stored_before_its_answer() {
    pause();
    let (bench, failed) = Bench::holding(r#"{"speed":1}"#).await;
    bench.answer_commit(Err(CommitError::Store(Arc::new(StoreError::Full))));
    assert!(matches!(failed.await.unwrap(), Err(ModuleError::Unavailable)));

    let again = bench.report(r#"{"speed":1}"#);
    sleep(MOMENT).await;
    assert!(!again.is_finished());
    bench.answer_commit(Ok(()));

    assert!(again.await.unwrap().is_ok());
    assert_eq!(bench.told("rt_telemetry_updated").len(), 1);
    bench.stored.borrow_mut().is_held = false;
    assert!(bench.report(r#"{"speed":1}"#).await.unwrap().is_ok());
    assert_eq!(bench.stored.borrow().states.len(), 3);
    assert_eq!(bench.stored.borrow().readings, [1, 1, 1], "what was refused is not stored later");
}

#[actix::test]
async fn a_refused_event_keeps_its_place_and_is_tried_again() {
    pause();
    let bench = Bench::new();
    bench.heard.borrow_mut().refusals = 2;

    let asked = bench.report(r#"{"speed":1}"#);
    sleep(RETRY_AFTER * 3).await;

    assert!(asked.await.unwrap().is_ok());
    assert_eq!(bench.names(), ["rt_module_online", "rt_telemetry_updated"]);
    bench.heard.borrow_mut().refusals = 1;
    let taken = bench.report(r#"{"speed":2}"#).await.unwrap();
    assert!(taken.is_ok(), "who sends it again would have it stored twice: {taken:?}");
    assert_eq!(bench.told("rt_telemetry_updated").len(), 1);
    sleep(RETRY_AFTER * 2).await;
    assert_eq!(bench.told("rt_telemetry_updated").len(), 2, "what was refused is told later");
    assert_eq!(bench.stored.borrow().readings.iter().sum::<usize>(), 2);
}

#[actix::test]
async fn readings_over_http_keep_a_module_online_and_then_it_rests() {
    pause();
    let bench = Bench::new();
    assert!(bench.report(r#"{"speed":1}"#).await.unwrap().is_ok());
    advance(PRESENCE - MOMENT).await;
    assert!(bench.report(r#"{"speed":1}"#).await.unwrap().is_ok());
    sleep(PRESENCE - MOMENT).await;
    assert_eq!(bench.entry.live.load().status, Status::Online);

    sleep(MOMENT * 2).await;
    assert_eq!(bench.entry.live.load().status, Status::Offline);
    assert_eq!(bench.names().last().unwrap(), "rt_module_offline");
    assert!(bench.module.connected());

    sleep(REST).await;
    assert!(!bench.module.connected());
    assert_eq!(bench.entry.live.load().telemetry.as_json(), r#"{"speed":1}"#);
}

#[actix::test]
async fn a_removed_module_ends_when_nothing_is_on_its_way() {
    pause();
    let (bench, asked) = Bench::holding(r#"{"speed":1}"#).await;

    let removed = actix_rt::spawn(bench.module.send(Removed));
    sleep(MOMENT).await;
    assert!(matches!(asked.await.unwrap(), Err(ModuleError::NotFound(_))));
    assert!(matches!(bench.report(r#"{"speed":2}"#).await.unwrap(), Err(ModuleError::NotFound(_))));
    assert!(!removed.is_finished());
    bench.answer_commit(Ok(()));

    removed.await.unwrap().unwrap();
    sleep(MOMENT).await;
    assert!(!bench.module.connected());
    assert_eq!(bench.names(), ["rt_module_online", "rt_telemetry_updated"]);
    assert_eq!(bench.shared.online.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[actix::test]
async fn a_wrong_token_changes_nothing() {
    let bench = Bench::new();
    let ingest = Ingest::now(readings(r#"{"speed":1}"#), Some(TokenHash::of("cm_bad")), Offer::default());

    assert!(matches!(bench.module.send(ingest).await.unwrap(), Err(ModuleError::WrongToken)));
    let (link, token) = (FakeLink.start(), TokenHash::of("cm_replaced"));
    let (end, deliver) = (link.clone().recipient(), link.recipient());
    let attached = bench.module.send(Attach { connection: 1, end, deliver, token }).await.unwrap();
    assert!(matches!(attached, Err(ModuleError::WrongToken)));
    assert!(bench.names().is_empty());
    assert_eq!(bench.entry.live.load().last_seen, None);
}
