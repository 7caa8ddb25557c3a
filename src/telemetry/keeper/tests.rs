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
use crate::telemetry::tail::Tail;

/// Many readings of many keys each.
fn commit(readings: i64) -> Commit {
    let body: Vec<_> = (0..20).map(|key| format!(r#""k{key}":1"#)).collect();
    let body = format!("{{{}}}", body.join(","));
    let reading = |second: i64| {
        let ts = Timestamp::from_millis(1_700_000_000_000 + second * 1000);
        NewReading { ts, received_at: Timestamp::now(), body: body.clone().into(), offer: Offer::default() }
    };
    let readings = (0..readings).map(reading).collect();
    Commit { module_id: module("MC-1").id, state: None, seen_at: Timestamp::from_millis(1), readings }
}

#[actix::test]
async fn one_round_seals_whatever_is_due_of_a_busy_module() {
    let scratch = Scratch::new();
    let store = scratch.store();
    store.write(|conn| modules::insert(conn, &module("MC-1"))).await.unwrap();
    let options = config::Telemetry { seal_after: Duration::from_secs(3600), ..config::Telemetry::default() };
    let collector = Collector::new(store.clone(), options, Metrics::default(), Tail::default()).start();
    collector.send(commit(2500)).await.unwrap().unwrap();
    let policy = Arc::new(ArcSwap::from_pointee(Policy::of_defaults(Spans::new([Duration::ZERO; 5]))));
    let hour = Duration::from_secs(3600);
    let options = KeeperOptions { max_bytes: None, seal_after: hour, tidy_interval: hour };
    let keeper = Keeper::new(store.clone(), collector.clone(), policy, options, Metrics::default());

    assert_eq!(keeper.seal().await.unwrap(), Sealing::Done);

    let left = collector.send(TailOf(1)).await.unwrap();
    assert_eq!(count(&left), 2500 - 2 * MANY, "what is fewer waits for others");
    let stored = store.read(move |conn| readings::load(conn, &left)).await.unwrap();
    assert_eq!(stored.len(), 2500 - 2 * MANY);
}
