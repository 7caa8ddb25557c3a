use std::time::Duration;

use futures_util::future::join_all;

use super::saving::{LOOK_MAX, SAVE_AFTER};
use super::*;
use crate::domain::telemetry::{LatestState, Telemetry};
use crate::domain::time::Timestamp;
use crate::store::latest::NewReading;
use crate::store::modules::{self, load_all};
use crate::store::offer::Offer;
use crate::store::testing::{Scratch, module, saved_states as saved};
use crate::telemetry::recovery::recover;

async fn store_with(scratch: &Scratch, ids: &[&'static str]) -> Store {
    let store = scratch.store();
    for id in ids {
        let record = module(id);
        store.write(move |conn| modules::insert(conn, &record)).await.unwrap();
    }
    store
}

fn commit(module: ModuleNumber, speed: u64) -> Commit {
    let body = format!(r#"{{"speed":{speed}}}"#);
    let values: Telemetry = serde_json::from_str(&body).unwrap();
    let state = Some(Arc::new(LatestState::new(values)));
    let at = Timestamp::from_millis(5);
    let readings = vec![NewReading { ts: at, received_at: at, body: body.into(), offer: Offer::default() }];
    Commit { module, state, seen_at: at, clock: None, readings }
}

#[actix::test]
async fn many_share_few_commits_and_the_newest_state_wins() {
    let scratch = Scratch::new();
    let store = store_with(&scratch, &["MC-1", "MC-2"]).await;
    let writes_before = store.counts().writes;
    let collector =
        Collector::new(store.clone(), config::Telemetry::default(), Metrics::default(), Recovered::default()).start();

    let asked = (0..100).map(|speed| collector.send(commit(1 + speed as ModuleNumber % 2, speed)));
    let answers = join_all(asked).await;

    assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
    assert!(store.counts().writes - writes_before <= 3);
    collector.send(SaveStates).await.unwrap();
    assert_eq!(saved(&store).await, [r#"{"speed":98}"#, r#"{"speed":99}"#]);
}

#[actix::test]
async fn a_state_is_saved_a_while_after_its_readings_and_a_crash_before_that_loses_nothing() {
    let scratch = Scratch::new();
    let store = store_with(&scratch, &["MC-1", "MC-2"]).await;
    let collector =
        Collector::new(store.clone(), config::Telemetry::default(), Metrics::default(), Recovered::default()).start();
    tokio::time::pause();
    let began = Instant::now();
    collector.send(commit(1, 1)).await.unwrap().unwrap();
    collector.send(commit(1, 2)).await.unwrap().unwrap();
    assert_eq!(saved(&store).await, ["{}", "{}"]);
    let writes_before = store.counts().writes;

    while saved(&store).await[0] == "{}" {
        assert!(began.elapsed() < 2 * SAVE_AFTER, "it is never saved");
        tokio::time::sleep(LOOK_MAX).await;
    }
    assert_eq!((saved(&store).await[0].as_str(), store.counts().writes - writes_before), (r#"{"speed":2}"#, 1));

    collector.send(commit(1, 3)).await.unwrap().unwrap();
    collector.send(commit(2, 4)).await.unwrap().unwrap();
    assert_eq!(saved(&store).await, [r#"{"speed":2}"#, "{}"]);
    let Recovered { tail, .. } = recover(&store).await.unwrap();
    assert_eq!(saved(&store).await, [r#"{"speed":3}"#, r#"{"speed":4}"#]);
    assert_eq!((tail.rows_of(1), tail.rows_of(2)), (3, 1));
}

#[actix::test]
async fn what_no_reading_tells_is_saved_at_once() {
    let scratch = Scratch::new();
    let store = store_with(&scratch, &["MC-1"]).await;
    let collector =
        Collector::new(store.clone(), config::Telemetry::default(), Metrics::default(), Recovered::default()).start();
    let stored = async || store.read(load_all).await.unwrap().remove(0);

    let seen = Commit { state: None, readings: vec![], seen_at: Timestamp::from_millis(7), ..commit(1, 0) };
    collector.send(seen).await.unwrap().unwrap();
    assert_eq!(stored().await.last_seen, Some(Timestamp::from_millis(7)));
    collector.send(Commit { readings: vec![], ..commit(1, 1) }).await.unwrap().unwrap();
    assert_eq!(saved(&store).await, [r#"{"speed":1}"#]);
    let ahead = Some(Timestamp::from_millis(6));
    collector.send(Commit { clock: ahead, ..commit(1, 2) }).await.unwrap().unwrap();
    assert_eq!((stored().await.clock, saved(&store).await), (ahead, vec![r#"{"speed":2}"#.to_owned()]));
}

#[actix::test]
async fn a_state_that_holds_what_was_refused_or_taken_back_is_saved_at_once() {
    let scratch = Scratch::new();
    drop(store_with(&scratch, &["MC-1", "MC-2"]).await);
    let store = scratch.store_that_waits(Duration::from_millis(50));
    let collector =
        Collector::new(store.clone(), config::Telemetry::default(), Metrics::default(), Recovered::default()).start();
    let lock = scratch.lock();
    assert!(collector.send(commit(1, 1)).await.unwrap().is_err());
    drop(lock);

    collector.send(commit(1, 2)).await.unwrap().unwrap();
    assert_eq!(saved(&store).await, [r#"{"speed":2}"#, "{}"]);
    let taken_back = commit(2, 3);
    assert!(taken_back.readings[0].offer.withdraw());
    collector.send(taken_back).await.unwrap().unwrap();
    collector.send(commit(1, 4)).await.unwrap().unwrap();
    assert_eq!(saved(&store).await, [r#"{"speed":2}"#, r#"{"speed":3}"#], "the next one waits again");
}

#[actix::test]
async fn what_is_refused_while_a_state_is_being_saved_is_not_forgotten_with_it() {
    let scratch = Scratch::new();
    drop(store_with(&scratch, &["MC-1", "MC-2"]).await);
    let store = scratch.store_that_waits(Duration::from_secs(60));
    let options = config::Telemetry { max_waiting: 1, max_batch: 1, ..config::Telemetry::default() };
    let collector = Collector::new(store.clone(), options, Metrics::default(), Recovered::default()).start();
    let lock = scratch.lock();
    let taken_back = commit(1, 1);
    assert!(taken_back.readings[0].offer.withdraw());
    let (first, second) = (collector.send(taken_back), collector.send(commit(2, 2)));
    assert!(matches!(collector.send(commit(1, 3)).await.unwrap(), Err(CommitError::Busy)));
    drop(lock);
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();

    collector.send(commit(1, 4)).await.unwrap().unwrap();

    assert_eq!(saved(&store).await, [r#"{"speed":4}"#, "{}"]);
}

#[actix::test]
async fn no_reading_is_sealed_before_a_state_that_knows_it_is_saved() {
    let scratch = Scratch::new();
    let store = store_with(&scratch, &["MC-1"]).await;
    let options = config::Telemetry { seal_after: Duration::ZERO, ..config::Telemetry::default() };
    let collector = Collector::new(store.clone(), options, Metrics::default(), Recovered::default()).start();
    tokio::time::pause();

    collector.send(commit(1, 1)).await.unwrap().unwrap();
    assert_eq!(collector.send(Due).await.unwrap(), []);
    collector.send(SaveStates).await.unwrap();

    assert_eq!(saved(&store).await, [r#"{"speed":1}"#]);
    assert_eq!(collector.send(Due).await.unwrap().len(), 1);
}

#[actix::test]
async fn rows_are_never_given_twice_also_when_all_of_them_are_sealed() {
    let scratch = Scratch::new();
    let store = store_with(&scratch, &["MC-1"]).await;
    let collector =
        Collector::new(store.clone(), config::Telemetry::default(), Metrics::default(), Recovered::default()).start();
    collector.send(commit(1, 1)).await.unwrap().unwrap();
    collector.send(SaveStates).await.unwrap();
    let rows = collector.send(TailOf(1)).await.unwrap();
    let sealed = rows.clone();
    store.write(move |conn| readings::remove(conn, &sealed)).await.unwrap();

    let Recovered { tail, .. } = recover(&store).await.unwrap();
    assert_eq!((tail.rows(), tail.next()), (0, rows[0].end));
}

#[actix::test]
async fn a_full_waiting_line_refuses_and_a_flush_stores_what_waits() {
    let scratch = Scratch::new();
    let store = store_with(&scratch, &["MC-1"]).await;
    let options = config::Telemetry {
        max_waiting: 2,
        max_batch: 10,
        commit_interval: Duration::from_secs(1000),
        ..config::Telemetry::default()
    };
    let collector = Collector::new(store.clone(), options, Metrics::default(), Recovered::default()).start();

    let (first, second) = (collector.send(commit(1, 1)), collector.send(commit(1, 2)));
    let refused = collector.send(commit(1, 3));
    let (first, second, refused) = {
        let waiting = tokio::spawn(async { tokio::join!(first, second) });
        let refused = refused.await.unwrap();
        collector.send(Flush).await.unwrap();
        let (first, second) = waiting.await.unwrap();
        (first.unwrap(), second.unwrap(), refused)
    };

    assert!(first.is_ok() && second.is_ok());
    assert!(matches!(refused, Err(CommitError::Busy)));
}

#[actix::test]
async fn a_commit_waits_while_readings_come_but_not_for_ever() {
    let scratch = Scratch::new();
    let store = store_with(&scratch, &["MC-1"]).await;
    let options = config::Telemetry { commit_interval: Duration::from_secs(20), ..config::Telemetry::default() };
    let collector = Collector::new(store.clone(), options, Metrics::default(), Recovered::default()).start();
    let writes_before = store.counts().writes;
    tokio::time::pause();

    let began = Instant::now();
    let asked = (0..30).map(|second| {
        let collector = collector.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(second)).await;
            collector.send(commit(1, second)).await.unwrap().unwrap();
            began.elapsed().as_secs()
        }
    });
    let answered = join_all(asked).await;

    // The first twenty seconds share one commit; the others end two seconds after the last of them.
    assert!(answered[..20].iter().all(|at| *at == 20), "{answered:?}");
    assert!(answered[21..].iter().all(|at| *at == 31), "{answered:?}");
    assert_eq!(store.counts().writes - writes_before, 2);
}

#[actix::test]
async fn what_is_taken_back_before_it_is_written_is_not_stored() {
    let scratch = Scratch::new();
    let store = store_with(&scratch, &["MC-1"]).await;
    let collector =
        Collector::new(store, config::Telemetry::default(), Metrics::default(), Recovered::default()).start();
    let (kept, taken_back) = (commit(1, 1), commit(1, 2));
    let (kept_offer, offer) = (kept.readings[0].offer.clone(), taken_back.readings[0].offer.clone());

    let (kept, taken_back) = (collector.send(kept), collector.send(taken_back));
    assert!(offer.withdraw());
    let (kept, _) = tokio::join!(kept, taken_back);

    assert!(kept.unwrap().is_ok() && !kept_offer.withdraw(), "what is stored is not taken back");
    let rows: i64 = collector.send(TailOf(1)).await.unwrap().iter().map(|rows| rows.end - rows.start).sum();
    assert_eq!(rows, 1);
}

#[actix::test]
async fn a_module_of_which_too_much_is_not_sealed_is_refused_and_others_are_not() {
    let scratch = Scratch::new();
    let store = store_with(&scratch, &["MC-1", "MC-2"]).await;
    let options = config::Telemetry { commit_interval: Duration::from_millis(1), ..config::Telemetry::default() };
    let mut collector = Collector::new(store, options, Metrics::default(), Recovered::default());
    collector.unsealed_of_module_max = 2;
    let collector = collector.start();
    let ask = async |module, speed| collector.send(commit(module, speed)).await.unwrap();

    assert!(ask(1, 1).await.is_ok() && ask(1, 2).await.is_ok());
    assert!(matches!(ask(1, 3).await, Err(CommitError::ModuleBehind)));
    assert!(ask(2, 1).await.is_ok());
    let seen = Commit { readings: vec![], ..commit(1, 3) };
    assert!(collector.send(seen).await.unwrap().is_ok(), "a state needs no room in the tail");

    let first = collector.send(TailOf(1)).await.unwrap()[0].start;
    collector.send(Sealed { module: 1, until: first + 1 }).await.unwrap();
    assert!(ask(1, 4).await.is_ok());
}

#[actix::test]
async fn behind_a_commit_that_hangs_nothing_waits_and_it_goes_on_by_itself() {
    let scratch = Scratch::new();
    drop(store_with(&scratch, &["MC-1"]).await);
    let store = scratch.store_that_waits(Duration::from_secs(60));
    let options = config::Telemetry { commit_interval: Duration::from_millis(1), ..config::Telemetry::default() };
    let mut collector = Collector::new(store, options, Metrics::default(), Recovered::default());
    collector.stuck_after = Duration::from_secs(1);
    let collector = collector.start();
    let lock = scratch.lock();

    let hangs = tokio::spawn(collector.send(commit(1, 1)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let gathered = collector.send(commit(1, 2)).await.unwrap();
    let began = Instant::now();
    let came_later = collector.send(commit(1, 3)).await.unwrap();

    assert!(matches!(gathered, Err(CommitError::Stuck)), "{gathered:?}");
    assert!(matches!(came_later, Err(CommitError::Stuck)) && began.elapsed() < Duration::from_millis(500));
    drop(lock);
    assert!(hangs.await.unwrap().unwrap().is_ok());
    assert!(collector.send(commit(1, 4)).await.unwrap().is_ok());
    let rows: i64 = collector.send(TailOf(1)).await.unwrap().iter().map(|rows| rows.end - rows.start).sum();
    assert_eq!(rows, 2, "what was refused is not stored later");
}
