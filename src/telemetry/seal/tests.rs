#![expect(clippy::single_range_in_vec_init, reason = "some rows are one run")]

use proptest::prelude::*;

use super::*;
use crate::domain::rollup::{Level, Window, gather, number_of};
use crate::domain::telemetry::Value;
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::latest::{Commit, NewReading};
use crate::store::modules;
use crate::store::offer::Offer;
use crate::store::testing::{Scratch, counting, module};
use crate::telemetry::block;
use crate::telemetry::chunk::unpack;

const START: i64 = 1_700_000_000_000;

/// What should be there: values by key and time.
type Model = BTreeMap<String, BTreeMap<i64, Value>>;

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (-500..500_i64).prop_map(|tenths| serde_json::from_str(&format!("{}", tenths as f64 / 10.0)).unwrap()),
        2 => (-500..500_i64).prop_map(|whole| Value::Number(whole.into())),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ]
}

/// Readings as they come: mostly one after the other, some late, some of the same time.
fn readings() -> impl Strategy<Value = Vec<(i64, Vec<(usize, Value)>)>> {
    let time = prop_oneof![
        4 => (0..20_000_i64).prop_map(|second| second * 1000),
        2 => (0..300_i64).prop_map(|second| second * 1000),
        1 => (0..200_000_i64).prop_map(|minute| minute * 60_000),
    ];
    let values = prop::collection::vec((0..3_usize, value()), 1..3);
    prop::collection::vec((time, values), 1..700)
}

/// A store with module 1, which has reported nothing yet.
async fn store_with_module(scratch: &Scratch) -> Store {
    let store = scratch.store();
    store.write(|conn| modules::insert(conn, &module("MC-1"))).await.unwrap();
    store
}

/// Adds readings of module 1 to the tail, the first as that row; answers which they are.
async fn append(store: &Store, readings: Vec<NewReading>, from: RowId) -> Range<RowId> {
    let seen_at = Timestamp::from_millis(1);
    let commit = Commit { module: 1, state: None, seen_at, clock: None, readings };
    let appended = store.write(move |conn| readings::append(conn, &[commit], from)).await.unwrap();
    appended[0].rows.clone()
}

async fn seal(store: &Store, rows: Vec<Range<RowId>>) -> RowId {
    let module = 1;
    let sealing = store.snapshot(move |conn| prepare(conn, module, &rows)).await.unwrap();
    let until = sealing.until;
    store.write(move |conn| sealing.store(conn)).await.unwrap();
    until
}

async fn check(store: &Store, model: &Model) {
    let series = store.read(|conn| series::of_module(conn, 1)).await.unwrap();
    assert_eq!(series.iter().map(|one| &one.key).collect::<Vec<_>>(), model.keys().collect::<Vec<_>>());
    for one in series {
        let id = one.id;
        let chunks = store.read(move |conn| chunks::forward(conn, id, (i64::MIN, i64::MAX), 10_000)).await.unwrap();
        assert!(chunks.windows(2).all(|pair| pair[0].last_ts < pair[1].first_ts));
        let stored: Vec<_> = chunks.iter().flat_map(|chunk| unpack(&chunk.data).unwrap()).collect();
        let expected = &model[&one.key];
        assert_eq!(stored.len(), expected.len());
        for point in &stored {
            // A whole number may have been sent as a broken one, and the other way round.
            let same =
                (number_of(&point.value), &point.value) == (number_of(&expected[&point.ts]), &expected[&point.ts]);
            assert!(same || number_of(&point.value) == number_of(&expected[&point.ts]), "{point:?}");
        }
        let values = expected.iter().filter_map(|(ts, value)| Some((*ts, Window::of(number_of(value)?))));
        let mut windows = values.collect::<Vec<_>>();
        for level in Level::ALL {
            windows = gather(windows, level.length());
            let blocks =
                store.read(move |conn| rollups::between(conn, id, level, (i64::MIN, i64::MAX), 10_000)).await.unwrap();
            let stored = blocks.iter().flat_map(|stored| block::unpack(stored.start, level, &stored.data).unwrap());
            assert_eq!(stored.collect::<Vec<_>>(), windows, "{level:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn roll_ups_equal_a_recomputation_from_the_readings(
        readings in readings(),
        sizes in prop::collection::vec(1..200_usize, 1..10),
    ) {
        actix_rt::System::new().block_on(async {
            let scratch = Scratch::new();
            let store = store_with_module(&scratch).await;
            let mut model = Model::new();
            let (mut next, mut left, mut sizes) = (1, &readings[..], sizes.iter().cycle());
            while !left.is_empty() {
                let (now, later) = left.split_at((*sizes.next().unwrap()).min(left.len()));
                left = later;
                let from = next;
                let mut new = Vec::new();
                for (time, values) in now {
                    let body: BTreeMap<String, &Value> =
                        values.iter().map(|(key, value)| (format!("k{key}"), value)).collect();
                    let body_text = serde_json::to_string(&body).unwrap();
                    let ts = START + time;
                    for (key, value) in body {
                        model.entry(key).or_default().insert(ts, value.clone());
                    }
                    let received_at = Timestamp::from_millis(START + next);
                    let (ts, offer) = (Timestamp::from_millis(ts), Offer::default());
                    new.push(NewReading { ts, received_at, body: body_text.into(), offer });
                    next += 1;
                }
                append(&store, new, from).await;
                assert_eq!(seal(&store, vec![from..next]).await, next);
            }
            check(&store, &model).await;
        });
    }
}

fn reading(second: i64, received: i64) -> NewReading {
    NewReading {
        ts: Timestamp::from_millis(START + second * 1000),
        received_at: Timestamp::from_millis(START + received * 1000),
        body: r#"{"a":1}"#.into(),
        offer: Offer::default(),
    }
}

#[actix::test]
async fn what_came_together_is_sealed_together_wherever_the_rows_are_cut() {
    let scratch = Scratch::new();
    let store = store_with_module(&scratch).await;
    let readings = (0..30).map(|second| reading(second, second / 10)).collect();
    assert_eq!(append(&store, readings, 1).await, 1..31);

    assert_eq!(seal(&store, vec![1..15]).await, 21);
    let left = store.read(|conn| readings::load(conn, &[1..31])).await.unwrap();
    assert_eq!(left.iter().map(|row| row.rows.clone()).collect::<Vec<_>>(), [21..31]);
    let measured = START + 25_000..=START + 26_000;
    let some = store.read(move |conn| readings::load_measured(conn, &[1..31], &measured)).await.unwrap();
    assert_eq!(some[0].readings.iter().map(|one| one.ts).collect::<Vec<_>>(), [START + 25_000, START + 26_000]);
    assert_eq!(seal(&store, vec![21..31]).await, 31);
    let one = |second: i64| (START + second * 1000, Value::Number(1.into()));
    check(&store, &[("a".to_owned(), (0..30).map(one).collect())].into()).await;
}

#[actix::test]
async fn rows_that_are_sealed_already_are_passed_over() {
    let scratch = Scratch::new();
    let store = store_with_module(&scratch).await;
    append(&store, (0..20).map(|second| reading(second, second)).collect(), 1).await;

    assert_eq!(seal(&store, vec![1..11]).await, 11);
    assert_eq!(seal(&store, vec![1..11]).await, 11, "again");
    assert_eq!(seal(&store, vec![1..16]).await, 16, "in part");
    assert_eq!(seal(&store, vec![1..16, 18..21]).await, 21);
    let left = store.read(|conn| readings::load(conn, &[1..21])).await.unwrap();
    assert_eq!(left.iter().map(|row| row.rows.start).collect::<Vec<_>>(), [16, 17]);
}

#[actix::test]
async fn a_server_is_asked_a_few_questions_however_many_keys_and_rows_are_sealed() {
    let scratch = Scratch::new();
    let store = store_with_module(&scratch).await;
    store.write(|conn| modules::insert(conn, &module("MC-2"))).await.unwrap();
    let keys: BTreeMap<String, i64> = (0..20).map(|key| (format!("k{key}"), key)).collect();
    let body = serde_json::to_string(&keys).unwrap();
    let new = |second: i64| NewReading {
        ts: Timestamp::from_millis(START + second * 1000),
        received_at: Timestamp::from_millis(START),
        body: body.clone().into(),
        offer: Offer::default(),
    };
    // Readings of two modules come by turns, so that none of their rows lie side by side.
    let commit = |module, second| Commit {
        module,
        state: None,
        seen_at: Timestamp::from_millis(1),
        clock: None,
        readings: vec![new(second)],
    };
    let commits: Vec<_> = (0..300).flat_map(|second| [commit(1, second), commit(2, second)]).collect();
    store.write(move |conn| readings::append(conn, &commits, 1)).await.unwrap();
    let mut statements = Vec::new();
    for round in 0..3 {
        let rows: Vec<_> = (0..100).map(|row| 1 + (round * 100 + row) * 2).map(|row| row..row + 1).collect();
        let read = move |conn: &mut Connection| Ok(counting(conn, |conn| prepare(conn, 1, &rows)));
        let (sealing, asked) = store.read(read).await.unwrap();
        let sealing = sealing.unwrap();
        let write = move |conn: &mut Connection| Ok(counting(conn, |conn| sealing.store(conn)));
        let (stored, said) = store.write(write).await.unwrap();
        stored.unwrap();
        let is_server = store.read(|conn| Ok(matches!(conn, Connection::Postgres(_)))).await.unwrap();
        statements.push((asked, said, is_server));
    }
    let left = store.read(|conn| readings::load(conn, &[1..601])).await.unwrap();
    assert_eq!(left.len(), 300, "only rows of the other module are left");
    for (asked, said, is_server) in statements {
        // There a file asks for each chunk and block, which costs it little.
        assert!(!is_server || (asked <= 5 && said <= 9), "{asked} questions, {said} statements");
    }
}
