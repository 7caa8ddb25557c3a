use proptest::prelude::*;

use super::*;
use crate::domain::telemetry::Telemetry;
use crate::store::Store;
use crate::store::latest::{Commit, NewReading};
use crate::store::modules::{self, StoredModule};
use crate::store::offer::Offer;
use crate::store::testing::{Scratch, module};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn values(json: &str) -> Telemetry {
    serde_json::from_str(json).unwrap()
}

/// Stores readings of module 1 as one commit, from a row on: when each was measured, when it came, what it says.
async fn append(store: &Store, first: RowId, readings: &[(i64, i64, String)]) {
    let new = |(ts, came, body): &(i64, i64, String)| NewReading {
        ts: at(*ts),
        received_at: at(*came),
        body: body.as_str().into(),
        offer: Offer::default(),
    };
    let readings = readings.iter().map(new).collect();
    let commit = Commit { module: 1, state: None, seen_at: at(0), clock: None, readings };
    store.write(move |conn| readings::append(conn, &[commit], first)).await.unwrap();
}

/// A state with these values, which know the rows before one.
fn state(seen_at: i64, newest: impl Into<Newest>, until: RowId) -> ModuleState {
    let telemetry = Arc::new(LatestState::new(newest));
    let said = Some(Said { telemetry, at: at(seen_at), until });
    ModuleState { module: 1, said, seen_at: at(seen_at), clock: None }
}

/// Saves what the state of module 1 comes to after rows.
async fn follow(store: &Store, rows: Vec<Range<RowId>>) {
    let states = store.read(move |conn| followed(conn, &[(1, rows)])).await.unwrap();
    store.write(move |conn| save(conn, states)).await.unwrap();
}

async fn stored(store: &Store) -> StoredModule {
    store.read(modules::load_all).await.unwrap().remove(0)
}

#[actix::test]
async fn a_state_follows_the_readings_that_it_does_not_know() {
    let scratch = Scratch::new();
    let store = scratch.store();
    store.write(|conn| modules::insert(conn, &module("MC-1"))).await.unwrap();
    let mut newest = Newest::default();
    newest.take(&values(r#"{"a":1,"b":1}"#), at(100), at(100)).unwrap();
    let state = ModuleState { clock: Some(at(150)), ..state(100, newest, 4) };
    store.write(move |conn| save(conn, [state])).await.unwrap();
    assert_eq!(store.read(saved_to).await.unwrap(), HashMap::from([(1, 4)]));
    // One that is late, some that came together, one of a clock that runs ahead.
    append(&store, 4, &[(90, 200, r#"{"a":2,"c":2}"#.into())]).await;
    append(&store, 5, &[(205, 210, r#"{"b":3}"#.into()), (206, 210, r#"{"b":4}"#.into())]).await;
    append(&store, 7, &[(900, 220, r#"{"d":5}"#.into())]).await;

    follow(&store, vec![4..5, 5..7, 7..8]).await;

    let found = stored(&store).await;
    assert_eq!(serde_json::to_string(found.telemetry.values()).unwrap(), r#"{"a":1,"b":4,"c":2,"d":5}"#);
    assert_eq!(
        ["a", "b", "c", "d"].map(|key| found.telemetry.time_of(key)),
        [100, 206, 90, 900].map(|ts| Some(at(ts)))
    );
    assert_eq!((found.telemetry_at, found.last_seen, found.clock), (Some(at(220)), Some(at(220)), Some(at(220))));
    assert_eq!(store.read(saved_to).await.unwrap(), HashMap::from([(1, 8)]));

    // It came back after its last reading and said nothing.
    let seen = ModuleState { module: 1, said: None, seen_at: at(300), clock: None };
    append(&store, 8, &[(230, 230, r#"{"a":9}"#.into())]).await;
    store.write(move |conn| save(conn, [seen])).await.unwrap();
    follow(&store, std::iter::once(8..9).collect()).await;
    let found = stored(&store).await;
    assert_eq!((found.telemetry_at, found.last_seen, found.clock), (Some(at(230)), Some(at(300)), Some(at(230))));
}

#[actix::test]
async fn of_several_states_of_a_module_the_last_is_saved_and_none_of_one_that_is_gone() {
    let scratch = Scratch::new();
    let store = scratch.store();
    store.write(|conn| modules::insert(conn, &module("MC-1"))).await.unwrap();
    let first = ModuleState { clock: Some(at(6)), ..state(5, values(r#"{"a":0.1}"#), 3) };
    let seen = ModuleState { said: None, ..state(7, values("{}"), 9) };
    let states = [first, seen, ModuleState { module: 2, ..state(9, values("{}"), 9) }];
    store.write(move |conn| save(conn, states)).await.unwrap();

    let found = stored(&store).await;
    assert_eq!(serde_json::to_string(found.telemetry.values()).unwrap(), r#"{"a":0.1}"#);
    assert_eq!((found.last_seen, found.telemetry_at, found.clock), (Some(at(7)), Some(at(5)), Some(at(6))));
    assert_eq!(store.read(saved_to).await.unwrap(), HashMap::from([(1, 3)]), "what was only seen knows no rows");

    store.write(|conn| modules::delete(conn, &"MC-1".parse().unwrap())).await.unwrap();
    let number = store.write(|conn| modules::insert(conn, &module("MC-1"))).await.unwrap();
    assert_ne!(number, 1, "another module of that id begins anew");
    let late = state(11, values(r#"{"a":2}"#), 9);
    append(&store, 3, &[(5, 5, r#"{"a":3}"#.into())]).await;
    store.write(move |conn| save(conn, [late])).await.unwrap();
    follow(&store, std::iter::once(3..4).collect()).await;
    assert_eq!((stored(&store).await.last_seen, stored(&store).await.number), (None, number));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn wherever_a_state_was_saved_it_comes_to_the_same(
        readings in prop::collection::vec((0..20_i64, prop::collection::btree_map("[a-c]", 0..9_i64, 0..3)), 1..12),
        saved in 0..12_usize,
    ) {
        let readings: Vec<_> = readings.into_iter().enumerate().map(|(place, (ts, values))| {
            (ts, place as i64, serde_json::to_string(&values).unwrap())
        }).collect();
        let fold = |readings: &[(i64, i64, String)]| {
            let mut newest = Newest::default();
            for (ts, came, body) in readings {
                newest.take(&values(body), at(*ts), at(*came)).unwrap();
            }
            newest
        };
        let saved = saved.min(readings.len());
        let (known, all) = (fold(&readings[..saved]), fold(&readings));
        let found = actix::System::new().block_on(async {
            let scratch = Scratch::new();
            let store = scratch.store();
            store.write(|conn| modules::insert(conn, &module("MC-1"))).await.unwrap();
            for (place, reading) in readings.iter().enumerate() {
                append(&store, place as RowId, std::slice::from_ref(reading)).await;
            }
            let (state, rows) = (state(0, known, saved as RowId), saved as RowId..readings.len() as RowId);
            store.write(move |conn| save(conn, [state])).await.unwrap();
            follow(&store, std::iter::once(rows).collect()).await;
            stored(&store).await.telemetry
        });
        prop_assert_eq!(found, all);
    }
}
