use std::sync::Arc;
use std::time::Duration;

use actix::Actor;

use super::*;
use crate::config;
use crate::domain::telemetry::LatestState;
use crate::observe::Metrics;
use crate::store::latest::{Commit, NewReading};
use crate::store::modules::{self, load_all};
use crate::store::offer::Offer;
use crate::store::testing::{Scratch, module, saved_states as saved};
use crate::telemetry::collector::{Collector, Due, SaveStates};

/// Modules that have said something of which no state is saved, the first in row 1, the second in row 2.
async fn killed(scratch: &Scratch) -> Store {
    let store = scratch.store();
    let commit = |module| {
        let at = Timestamp::from_millis(module);
        let body = format!(r#"{{"speed":{module}}}"#).into();
        let readings = vec![NewReading { ts: at, received_at: at, body, offer: Offer::default() }];
        Commit { module, state: Some(Arc::new(LatestState::default())), seen_at: at, clock: None, readings }
    };
    let commits = [commit(1), commit(2)];
    let stored = store.write(move |conn| {
        for id in ["MC-1", "MC-2"] {
            modules::insert(conn, &module(id))?;
        }
        readings::append(conn, &commits, 1)
    });
    stored.await.unwrap();
    store
}

#[actix::test]
async fn what_cannot_be_saved_at_the_start_is_known_all_the_same() {
    let scratch = Scratch::new();
    drop(killed(&scratch).await);
    let store = scratch.store_that_waits(Duration::from_millis(50));
    let lock = scratch.lock();

    let found = recover(&store).await.unwrap();

    assert_eq!((found.tail.rows(), saved(&store).await), (2, vec!["{}".to_owned(); 2]));
    let mut stored = store.read(load_all).await.unwrap();
    for (module, (state, first)) in stored.iter_mut().zip(&found.unsaved) {
        module.follow(state);
        assert_eq!((module.number, *first), (state.module, state.module));
        assert_eq!(module.telemetry.values().get("speed").and_then(|speed| speed.as_whole()), Some(module.number));
        assert_eq!(module.last_seen, Some(Timestamp::from_millis(module.number)));
    }
    let options = config::Telemetry { seal_after: Duration::ZERO, ..config::Telemetry::default() };
    let collector = Collector::new(store.clone(), options, Metrics::default(), found).start();
    assert_eq!(collector.send(Due).await.unwrap(), [], "the readings stay until the states are saved");
    drop(lock);
    collector.send(SaveStates).await.unwrap();
    assert_eq!(saved(&store).await, [r#"{"speed":1}"#, r#"{"speed":2}"#]);
    assert_eq!(collector.send(Due).await.unwrap().len(), 2);
    assert!(recover(&store).await.unwrap().unsaved.is_empty());
}

#[actix::test]
async fn a_row_that_cannot_be_read_is_passed_over() {
    let scratch = Scratch::new();
    let store = killed(&scratch).await;
    scratch.say("INSERT INTO readings VALUES (3, 1, 3, 3, '{\"speed\":3}', 3, 1)");
    scratch.say("INSERT INTO readings VALUES (4, 2, 4, 4, '{\"speed\":4}', 4, 1)");
    scratch.say("UPDATE readings SET body = 'nonsense' WHERE id IN (1, 4)");

    let found = recover(&store).await.unwrap();

    assert_eq!((found.tail.rows(), found.unsaved.len()), (4, 0));
    assert_eq!(saved(&store).await, [r#"{"speed":3}"#, r#"{"speed":2}"#]);
}
