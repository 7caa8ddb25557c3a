use std::sync::Arc;

use actix::Actor;
use arc_swap::ArcSwap;

use super::*;
use crate::config;
use crate::domain::retention::{Policy, Spans};
use crate::store::latest::{Commit, NewReading};
use crate::store::modules;
use crate::store::offer::Offer;
use crate::store::testing::{Scratch, module};
use crate::telemetry::recovery::Recovered;

/// Many readings of many keys each.
fn commit(readings: i64) -> Commit {
    let body: Vec<_> = (0..20).map(|key| format!(r#""k{key}":1"#)).collect();
    let body = format!("{{{}}}", body.join(","));
    let reading = |second: i64| {
        let ts = Timestamp::from_millis(1_700_000_000_000 + second * 1000);
        NewReading { ts, received_at: ts, body: body.clone().into(), offer: Offer::default() }
    };
    let readings = (0..readings).map(reading).collect();
    Commit { module: 1, state: None, seen_at: Timestamp::from_millis(1), clock: None, readings }
}

#[actix::test]
async fn one_round_seals_whatever_is_due_of_a_busy_module() {
    let scratch = Scratch::new();
    let store = scratch.store();
    store.write(|conn| modules::insert(conn, &module("MC-1"))).await.unwrap();
    let options = config::Telemetry { seal_after: Duration::from_secs(3600), ..config::Telemetry::default() };
    let collector = Collector::new(store.clone(), options, Metrics::default(), Recovered::default()).start();
    collector.send(commit(2500)).await.unwrap().unwrap();
    let policy = Arc::new(ArcSwap::from_pointee(Policy::of_defaults(Spans::new([Duration::ZERO; 5]))));
    let hour = Duration::from_secs(3600);
    let options =
        KeeperOptions { max_bytes: None, seal_after: hour, tidy_interval: hour, quiet: QuietHours::new(0, 0) };
    let keeper = Keeper::new(store.clone(), collector.clone(), policy, options, Metrics::default());

    assert_eq!(keeper.seal().await.unwrap(), Sealing::Done);

    let left = collector.send(TailOf(1)).await.unwrap();
    assert_eq!(count(&left), 2500 - 2 * MANY, "what is fewer waits for others");
    let stored = store.read(move |conn| readings::load(conn, &left)).await.unwrap();
    assert_eq!(stored.iter().map(|row| row.readings.len()).sum::<usize>(), 2500 - 2 * MANY);
}

fn keeper_of(store: &Store, collector: &Addr<Collector>, seal_after: Duration) -> Keeper {
    let policy = Arc::new(ArcSwap::from_pointee(Policy::of_defaults(Spans::new([Duration::ZERO; 5]))));
    let options =
        KeeperOptions { max_bytes: None, seal_after, tidy_interval: Duration::ZERO, quiet: QuietHours::new(1, 5) };
    Keeper::new(store.clone(), collector.clone(), policy, options, Metrics::default())
}

/// A reading that was written when nobody knew whether it was.
fn write_unknown(scratch: &Scratch, id: i64, module: ModuleNumber) {
    scratch.say(&format!("INSERT INTO readings VALUES ({id}, {module}, {id}, {id}, '{{\"a\":1}}', {id}, 1)"));
}

async fn rows_and_gone(store: &Store) -> (usize, Vec<ModuleNumber>) {
    store.read(|conn| Ok((readings::places_after(conn, 0, 100)?.len(), retention::gone(conn)?))).await.unwrap()
}

#[actix::test]
async fn what_was_written_of_a_removed_module_unknown_to_the_collector_goes_with_its_history() {
    let scratch = Scratch::new();
    let store = scratch.store();
    for id in ["MC-1", "MC-2"] {
        store.write(move |conn| modules::insert(conn, &module(id))).await.unwrap();
    }
    let options = config::Telemetry { seal_after: Duration::ZERO, ..config::Telemetry::default() };
    let collector = Collector::new(store.clone(), options, Metrics::default(), Recovered::default()).start();
    let mut keeper = keeper_of(&store, &collector, Duration::ZERO);
    collector.send(commit(3)).await.unwrap().unwrap();
    keeper.round().await.unwrap();
    collector.send(commit(4)).await.unwrap().unwrap();
    write_unknown(&scratch, 70, 1);
    write_unknown(&scratch, 71, 2);

    store.write(|conn| modules::delete(conn, &module("MC-1").id)).await.unwrap();
    keeper.round().await.unwrap();

    assert_eq!(rows_and_gone(&store).await, (1, vec![]), "of a module that is there it is kept for the next start");
    let series = store.read(|conn| series::of_module(conn, 1)).await.unwrap();
    assert!(series.is_empty(), "{series:?}");
}

#[actix::test]
async fn what_is_left_of_a_forgotten_module_gets_no_history_at_the_next_start() {
    let scratch = Scratch::new();
    let store = scratch.store();
    write_unknown(&scratch, 70, 5);
    scratch.say("INSERT INTO series (module, key, raw_from) VALUES (6, 'a', 0)");
    let found = crate::telemetry::recover(&store).await.unwrap();
    let options = config::Telemetry { seal_after: Duration::ZERO, ..config::Telemetry::default() };
    let collector = Collector::new(store.clone(), options, Metrics::default(), found).start();
    let keeper = keeper_of(&store, &collector, Duration::ZERO);

    assert_eq!(keeper.seal().await.unwrap(), Sealing::Done);
    assert!(collector.send(TailOf(5)).await.unwrap().is_empty());
    assert_eq!(rows_and_gone(&store).await, (0, vec![6]));
    assert!(keeper.remove_gone().await.unwrap());
    assert_eq!(rows_and_gone(&store).await, (0, vec![]));

    write_unknown(&scratch, 72, 5);
    keeper_of(&store, &collector, Duration::ZERO).round().await.unwrap();
    assert_eq!(rows_and_gone(&store).await.0, 0, "those that the collector does not know go at the first round");
}

/// An hour of a day many years later.
fn at(hour: i64) -> Timestamp {
    Timestamp::from_millis((24_000 * 24 + hour) * 3_600_000)
}

/// A keeper of some samples that are years old.
async fn keeper_of_the_past(scratch: &Scratch) -> (Store, Keeper) {
    let store = scratch.store();
    store.write(|conn| modules::insert(conn, &module("MC-1"))).await.unwrap();
    let options = config::Telemetry { seal_after: Duration::ZERO, ..config::Telemetry::default() };
    let collector = Collector::new(store.clone(), options, Metrics::default(), Recovered::default()).start();
    collector.send(commit(300)).await.unwrap().unwrap();
    let mut keeper = keeper_of(&store, &collector, Duration::ZERO);
    keeper.policy = Arc::new(ArcSwap::from_pointee(Policy::of_defaults(Spans::new([KEEP_MIN; 5]))));
    (store, keeper)
}

async fn samples(store: &Store) -> i64 {
    let kept = store.read(retention::kept).await.unwrap();
    kept.iter().map(|(_, kept)| kept.samples).sum()
}

#[actix::test]
async fn what_is_too_old_waits_for_the_quiet_hours() {
    let scratch = Scratch::new();
    let (store, mut keeper) = keeper_of_the_past(&scratch).await;
    let loud: [fn() -> Timestamp; 3] = [|| at(0), || at(5), || at(23)];
    for clock in loud {
        keeper.clock = clock;
        keeper.round().await.unwrap();
        assert!(samples(&store).await > 0, "{}", clock());
    }

    keeper.clock = || at(1);
    keeper.round().await.unwrap();
    assert_eq!(samples(&store).await, 0);
}

#[actix::test]
async fn what_is_too_much_goes_at_any_hour() {
    let scratch = Scratch::new();
    let (store, mut keeper) = keeper_of_the_past(&scratch).await;
    keeper.clock = || at(12);
    keeper.round().await.unwrap();
    assert!(samples(&store).await > 0);

    keeper.options.max_bytes = Some(1);
    keeper.round().await.unwrap();
    assert_eq!(samples(&store).await, 0);
}
