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
    let (bench, failed) = Bench::holding(r#"{"speed":1}"#).await;
    bench.answer_commit(Err(CommitError::Busy));
    assert!(failed.await.unwrap().is_err());
    bench.stored.borrow_mut().is_held = false;

    sleep(PRESENCE + REST).await;

    assert!(!bench.module.connected());
    assert_eq!(bench.stored.borrow().states.len(), 2);
}

#[actix::test]
async fn readings_without_a_time_have_later_ones_after_a_rest() {
    pause();
    let bench = Bench::new();
    let many: Arc<[Reading]> = vec![readings(r#"{"speed":1}"#)[0].clone(); 1000].into();
    let report = |module: &Addr<Module>| {
        module.send(Ingest::now(Arc::clone(&many), Some(TokenHash::of("cm_good")), Offer::default()))
    };
    assert!(report(&bench.module).await.unwrap().is_ok());
    sleep(PRESENCE + REST + MOMENT).await;
    assert!(!bench.module.connected());

    let back = Module::new(Arc::clone(&bench.entry), Arc::clone(&bench.shared)).start();
    assert!(report(&back).await.unwrap().is_ok());

    let stored = bench.stored.borrow();
    assert_eq!(stored.times.len(), 2000);
    assert!(stored.times.is_sorted_by(|before, after| before < after), "{:?}", stored.times);
    assert_eq!(stored.clock, stored.times.last().copied(), "what goes on after a restart is stored with them");
}
