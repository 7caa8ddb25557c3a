use super::*;

#[actix::test]
async fn a_module_that_comes_back_with_nothing_new_is_told_online() {
    pause();
    let bench = Bench::new();
    assert!(bench.report(r#"{"speed":1}"#).await.unwrap().is_ok());
    sleep(PRESENCE + MOMENT).await;

    assert!(bench.report(r#"{"speed":1}"#).await.unwrap().is_ok());
    sleep(MOMENT).await;

    assert_eq!(bench.names()[2..], ["rt_module_offline", "rt_module_online"]);
}

#[actix::test]
async fn what_the_store_refused_is_stored_before_the_actor_rests() {
    pause();
    let bench = Bench::new();
    bench.hold_commits();
    let failed = bench.report(r#"{"speed":1}"#);
    sleep(MOMENT).await;
    bench.answer_commit(Err(CommitError::Busy));
    assert!(failed.await.unwrap().is_err());
    bench.stored.borrow_mut().is_held = false;

    sleep(PRESENCE + REST).await;

    assert!(!bench.module.connected());
    assert_eq!(bench.stored.borrow().states.len(), 2);
}
