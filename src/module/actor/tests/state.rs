//! How the newest state is written.

use super::*;

#[actix::test]
async fn the_state_is_that_of_the_last_reading_if_it_has_every_value_and_of_all_if_not() {
    pause();
    let bench = Bench::new();
    let report = |texts: &[&str]| {
        let readings: Arc<[Reading]> = texts.iter().map(|text| readings(text)[0].clone()).collect();
        bench.module.send(Ingest::now(readings, Some(TokenHash::of("cm_good")), Offer::default()))
    };
    let state = || bench.entry.live.load().telemetry.as_json().to_owned();

    report(&[r#"{"speed":1}"#, r#"{"speed":2}"#]).await.unwrap().unwrap();
    assert_eq!(state(), r#"{"speed":2}"#);
    report(&[r#"{"b":1,"speed":3}"#, r#"{"a":"x"}"#]).await.unwrap().unwrap();
    assert_eq!(state(), r#"{"a":"x","b":1,"speed":3}"#);
    report(&[r#"{"speed":5}"#, r#"{"speed":4,"b":2,"a":null}"#]).await.unwrap().unwrap();
    assert_eq!(state(), r#"{"a":null,"b":2,"speed":4}"#);
    assert_eq!(bench.stored.borrow().states.last().unwrap(), &state());
}
