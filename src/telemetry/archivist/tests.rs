use super::*;
use crate::domain::retention::Spans;
use crate::domain::rollup::Level;
use crate::store::chunks::{self, Chunk};
use crate::store::retention::on_disk;
use crate::store::rollups::{self, Block};
use crate::store::testing::{Scratch, module};
use crate::store::{modules, series};
use crate::telemetry::block::length_of;

const MANY: i64 = 10_050;
const DAY: Duration = Duration::from_secs(86_400);

#[actix::test]
async fn a_preview_counts_all_chunks_and_blocks_of_a_long_series() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let length = length_of(Level::Minutes);
    let fill = move |conn: &mut Connection| {
        modules::insert(conn, &module("MC-1"))?;
        let series = series::insert(conn, 1, &["a".to_owned()])?[0];
        let chunk = |number: i64| {
            let first_ts = number * 1000;
            Chunk { series, first_ts, last_ts: first_ts + 9, samples: 3, data: vec![0; 5] }
        };
        chunks::insert(conn, &(0..MANY).map(chunk).collect::<Vec<_>>())?;
        let level = Level::Minutes.number();
        let block = |number: i64| Block { series, level, start: number * length, windows: 2, data: vec![0; 7] };
        rollups::put(conn, &(0..MANY).map(block).collect::<Vec<_>>())
    };
    store.write(fill).await.unwrap();
    let policy = Policy::of_defaults(Spans::new([DAY; 5]));

    let losses = store.read(move |conn| Ok(losses(conn, &policy))).await.unwrap().unwrap();

    let at = |millis| Some(Timestamp::from_millis(millis));
    let raw =
        Loss { tier: Tier::Raw, rows: 3 * MANY, bytes: on_disk(5 * MANY), from: at(0), to: at((MANY - 1) * 1000 + 9) };
    assert_eq!(losses[0], raw);
    let to = at(MANY * length - 1);
    assert_eq!(losses[1], Loss { tier: Tier::Minutes, rows: 2 * MANY, bytes: on_disk(7 * MANY), from: at(0), to });
    assert_eq!(losses[2], Loss { tier: Tier::Quarters, rows: 0, bytes: 0, from: None, to: None });
}
