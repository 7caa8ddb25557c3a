use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::telemetry::Value;
use crate::store::latest::{Commit, NewReading};
use crate::store::offer::Offer;
use crate::store::readings::{self, RowId};
use crate::store::testing::{Scratch, module};
use crate::store::{Store, modules};
use crate::telemetry::seal::prepare;

/// Values by time and key.
type Model = BTreeMap<(i64, String), Value>;

async fn report(store: &Store, first: RowId, readings: Vec<(i64, BTreeMap<String, i64>)>) {
    let new = |(ts, body): (i64, BTreeMap<String, i64>)| NewReading {
        ts: Timestamp::from_millis(ts),
        received_at: Timestamp::from_millis(ts),
        body: serde_json::to_string(&body).unwrap().into(),
        offer: Offer::default(),
    };
    let readings = readings.into_iter().map(new).collect();
    let commit = Commit { module: 1, state: None, seen_at: Timestamp::from_millis(1), clock: None, readings };
    store.write(move |conn| readings::append(conn, &[commit], first)).await.unwrap();
}

async fn seal(store: &Store, mut rows: std::ops::Range<RowId>) {
    while !rows.is_empty() {
        let part = rows.clone();
        let sealing = store.snapshot(move |conn| prepare(conn, 1, &[part])).await.unwrap();
        rows.start = sealing.until;
        store.write(move |conn| sealing.store(conn)).await.unwrap();
    }
}

fn query(limit: usize, order: Order) -> Query {
    let (from, to) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
    Query { module: module("MC-1").id, keys: vec![], from, to, order, limit, after: None }
}

async fn all_pages(store: &Store, tail: std::ops::Range<RowId>, mut query: Query) -> Vec<Sample> {
    let mut all = Vec::new();
    loop {
        let (place, asked) = (Whereabouts { module: 1, tail: vec![tail.clone()] }, query.clone());
        let read = move |conn: &mut Connection| Ok(page(conn, &place, &asked, &mut Budget::default()));
        let page = store.snapshot(read).await.unwrap().unwrap();
        assert!(page.items.len() == query.limit || page.next.is_none());
        all.extend(page.items);
        query.after = page.next;
        if query.after.is_none() {
            return all;
        }
    }
}

fn readings() -> impl Strategy<Value = Vec<(i64, BTreeMap<String, i64>)>> {
    let values = prop::collection::btree_map("[a-d]", any::<i64>(), 1..4);
    prop::collection::vec((0..2000_i64, values), 1..1200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn pages_of_chunks_and_tail_are_what_was_reported(
        sealed in readings(),
        tail in readings(),
        limit in prop_oneof![1..20_usize, 100..3000_usize],
        from in 0..1000_i64,
    ) {
        actix_rt::System::new().block_on(async {
            let scratch = Scratch::new();
            let store = scratch.store();
            store.write(|conn| modules::insert(conn, &module("MC-1"))).await.unwrap();
            let mut model = Model::new();
            for (ts, values) in sealed.iter().chain(&tail) {
                model.extend(values.iter().map(|(key, value)| ((*ts, key.clone()), Value::Number((*value).into()))));
            }
            let expected: Vec<_> = model.into_iter().filter(|((ts, _), _)| *ts >= from).collect();
            let (end, last) = (1 + sealed.len() as i64, 1 + (sealed.len() + tail.len()) as i64);
            report(&store, 1, sealed).await;
            seal(&store, 1..end).await;
            report(&store, end, tail).await;
            for order in [Order::Forward, Order::Backward] {
                let asked = Query { from: Timestamp::from_millis(from), ..query(limit.max(expected.len() / 20).max(1), order) };
                let mut told = all_pages(&store, end..last, asked).await;
                if order == Order::Backward {
                    told.reverse();
                }
                let told: Vec<_> =
                    told.into_iter().map(|one| ((one.ts.as_millis(), one.key.to_string()), one.value)).collect();
                assert!(told == expected, "{} of {}", told.len(), expected.len());
            }
        });
    }
}

#[actix::test]
async fn no_more_is_read_than_a_page_takes_however_many_keys_there_are() {
    let scratch = Scratch::new();
    let store = scratch.store();
    store.write(|conn| modules::insert(conn, &module("MC-1"))).await.unwrap();
    let keys: BTreeMap<String, i64> = (0..64).map(|key| (format!("k{key:02}"), key)).collect();
    report(&store, 1, (0..1000).map(|second| (second * 1000, keys.clone())).collect()).await;
    seal(&store, 1..1001).await;

    for order in [Order::Forward, Order::Backward] {
        let read = move |conn: &mut Connection| {
            let mut budget = Budget::default();
            let page = page(conn, &Whereabouts { module: 1, tail: vec![] }, &query(10_000, order), &mut budget);
            Ok((page, budget.spent()))
        };
        let (page, spent) = store.snapshot(read).await.unwrap();
        assert_eq!(page.unwrap().items.len(), 10_000);
        assert!(spent <= 10_000 + 64 * SAMPLES_MAX, "{spent} samples for a page of 10,000");
    }
}
