use super::*;
use crate::domain::rollup::Level;
use crate::store::chunks::{self, Chunk};
use crate::store::rollups::{self, Block};
use crate::store::testing::{Scratch, counting, module};
use crate::store::{modules, readings, retention, series};

/// Modules with two series each, and in each of these four chunks of two samples and three hours, at 0, 10, 20, … .
async fn filled(scratch: &Scratch, count: usize) -> crate::store::Store {
    let store = scratch.store();
    let fill = move |conn: &mut Connection| {
        for number in 0..count {
            let module = module(&format!("MC-{number}"));
            modules::insert(conn, &module)?;
            let number = readings::number_of(conn, &module.id)?.expect("it has one");
            for id in series::insert(conn, number, &["a".to_owned(), "b".to_owned()])? {
                let chunk = |at: i64| Chunk {
                    series: id,
                    first_ts: at * 10,
                    last_ts: at * 10 + 5,
                    samples: 2,
                    data: vec![0; 5],
                };
                chunks::insert(conn, &(0..4).map(chunk).collect::<Vec<_>>())?;
                let level = Level::Hours.number();
                let block = |at: i64| Block { series: id, level, start: at * 10, windows: 7, data: vec![0; 3] };
                rollups::put(conn, &(0..3).map(block).collect::<Vec<_>>())?;
            }
        }
        Ok(())
    };
    store.write(fill).await.unwrap();
    store
}

#[actix::test]
async fn what_lies_before_the_moment_of_each_module_is_found_and_summed() {
    let scratch = Scratch::new();
    let store = filled(&scratch, 3).await;
    let found = |tier, cutoffs: &'static [Cutoff]| {
        let look = move |conn: &mut Connection| {
            Ok((
                before(conn, tier, cutoffs, 100)?,
                before(conn, tier, cutoffs, 3)?.len(),
                sum_before(conn, tier, cutoffs)?,
            ))
        };
        store.read(look)
    };

    let (parts, some, sum) = found(Tier::Raw, &[(1, 16), (3, 25)]).await.unwrap();
    let places: Vec<_> = parts.iter().map(|part| (part.series, part.first, part.last)).collect();
    let of = |series| [(series, 0, 5), (series, 10, 15)];
    assert_eq!(places, [of(1), of(2), of(5), of(6)].concat(), "one that ends at the moment stays");
    assert_eq!((parts[0].count, parts[0].bytes, some), (2, 5, 3));
    assert_eq!(sum, Sum { first: Some(0), last: Some(15), count: 16, bytes: 40 });
    let (parts, _, sum) = found(Tier::Hours, &[(2, 11)]).await.unwrap();
    assert_eq!(parts.iter().map(|part| part.first).collect::<Vec<_>>(), [0, 10, 0, 10]);
    assert_eq!(sum, Sum { first: Some(0), last: Some(10), count: 28, bytes: 12 });
    let (parts, _, sum) = found(Tier::Days, &[(2, i64::MAX)]).await.unwrap();
    assert_eq!((parts.len(), sum), (0, Sum::default()), "another level is not looked at");
}

#[actix::test]
async fn the_beginning_of_each_module_is_known() {
    let scratch = Scratch::new();
    let store = filled(&scratch, 2).await;
    store.write(|conn| chunks::remove(conn, &[(1, 0), (1, 10), (2, 0)])).await.unwrap();

    let firsts = store.read(|conn| first_of_modules(conn, Tier::Raw)).await.unwrap();
    assert_eq!(firsts, [(1, 10), (2, 0)].into());
    assert!(store.read(|conn| first_of_modules(conn, Tier::Days)).await.unwrap().is_empty());
}

#[actix::test]
async fn many_series_are_looked_at_in_one_statement() {
    let scratch = Scratch::new();
    let store = filled(&scratch, 100).await;
    let cutoffs: Vec<Cutoff> = (1..=100).map(|module| (module, 16)).collect();
    let look = move |conn: &mut Connection| {
        let (parts, once) = counting(conn, |conn| before(conn, Tier::Raw, &cutoffs, 1000));
        let (sum, again) = counting(conn, |conn| sum_before(conn, Tier::Raw, &cutoffs));
        let (kept, at_last) = counting(conn, |conn| (retention::kept(conn), first_of_modules(conn, Tier::Raw)));
        Ok((parts?.len(), sum?.count, kept.0?.len(), kept.1?.len(), [once, again, at_last]))
    };
    assert_eq!(store.read(look).await.unwrap(), (400, 800, 100, 100, [1, 1, 2]));
}
