//! How long a module waits for the store, and what becomes of readings then.

use super::*;

#[actix::test]
async fn what_the_store_does_not_begin_to_write_in_time_is_refused_and_taken_back() {
    pause();
    let (bench, first) = Bench::holding(r#"{"speed":1}"#).await;
    let second = bench.report(r#"{"speed":2}"#);
    sleep(ANSWER_TIMEOUT).await;

    assert!(matches!(first.await.unwrap(), Err(ModuleError::Unavailable)));
    assert!(!bench.stored.borrow().offers[0].take(), "it would be stored later");
    sleep(MOMENT).await;
    assert!(bench.stored.borrow().offers[1].take(), "what came later is not taken back with it");
    bench.stored.borrow_mut().held.remove(1).send(Ok(())).unwrap();
    assert!(second.await.unwrap().is_ok());
}

#[actix::test]
async fn what_is_being_written_is_waited_for_and_unknown_if_that_takes_too_long() {
    pause();
    let (bench, stored) = Bench::holding(r#"{"speed":1}"#).await;
    assert!(bench.stored.borrow().offers[0].take());
    sleep(ANSWER_TIMEOUT).await;
    bench.answer_commit(Ok(()));
    assert!(stored.await.unwrap().is_ok());

    let unknown = bench.report(r#"{"speed":2}"#);
    sleep(MOMENT).await;
    assert!(bench.stored.borrow().offers[1].take());
    sleep(ANSWER_TIMEOUT * 2).await;
    assert!(matches!(unknown.await.unwrap(), Err(ModuleError::OutcomeUnknown)));
}

#[actix::test]
async fn what_nobody_waits_for_any_more_is_not_taken_in() {
    let bench = Bench::new();
    let (readings, offer) = (readings(r#"{"speed":1}"#), Offer::default());
    assert!(offer.withdraw());
    let answer = bench.module.send(Ingest::now(readings, None, offer)).await.unwrap();
    assert!(matches!(answer, Err(ModuleError::Busy)));
    assert!(bench.entry.live.load().telemetry.values().is_empty());
}

#[derive(Message)]
#[rtype(result = "()")]
struct BreakOff;

impl Handler<BreakOff> for Module {
    type Result = ();

    fn handle(&mut self, _: BreakOff, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

#[actix::test]
async fn what_an_actor_that_breaks_off_had_not_begun_to_write_is_taken_back() {
    pause();
    let (bench, being_written) = Bench::holding(r#"{"speed":1}"#).await;
    assert!(bench.stored.borrow().offers[0].take());
    let behind = bench.report(r#"{"speed":2}"#);
    sleep(MOMENT).await;

    bench.module.send(BreakOff).await.unwrap();

    assert!(matches!(being_written.await.unwrap(), Err(ModuleError::OutcomeUnknown)));
    assert!(matches!(behind.await.unwrap(), Err(ModuleError::Busy)), "it may be sent again");
    assert_eq!(bench.shared.waiting.load(std::sync::atomic::Ordering::Relaxed), 0);
}
