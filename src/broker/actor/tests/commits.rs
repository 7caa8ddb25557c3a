use futures_util::future::join_all;

use super::*;
use crate::domain::event::LatestKey;
use crate::store::announcements::{self, Announced};
use crate::store::order;

/// A relay that notes the names of all it hears.
struct Listener(Rc<RefCell<Vec<(Offset, String)>>>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<Deliver> for Listener {
    type Result = ();

    fn handle(&mut self, batch: Deliver, _: &mut Self::Context) {
        let heard = batch.events.iter().map(|event| (event.offset(), event.what.name.to_string()));
        self.0.borrow_mut().extend(heard);
    }
}

async fn listen(broker: &Addr<Broker>) -> Rc<RefCell<Vec<(Offset, String)>>> {
    let heard = Rc::<RefCell<_>>::default();
    broker.send(Follow(Listener(Rc::clone(&heard)).start().recipient())).await.unwrap();
    heard
}

fn names(heard: &RefCell<Vec<(Offset, String)>>) -> Vec<String> {
    assert!(heard.borrow().is_sorted());
    heard.borrow().iter().map(|(_, name)| name.clone()).collect()
}

fn event(name: &str, delivery: Delivery) -> NewEvent {
    NewEvent { name: name.parse().unwrap(), delivery, audience: vec![], data: json(&0), at: Timestamp::now() }
}

async fn announcement(store: &Store, name: &'static str) -> Announced {
    store.write(move |conn| announcements::add(conn, event(name, Delivery::Each))).await.unwrap()
}

async fn say(broker: &Addr<Broker>, name: &str) -> Result<Offset, BrokerError> {
    broker.send(Publish(event(name, Delivery::Each))).await.unwrap()
}

#[actix::test]
async fn what_cannot_be_committed_is_refused_and_seen_by_nobody() {
    let scratch = Scratch::new();
    let broker = broker_on(&scratch.store_that_waits(Duration::from_millis(20))).await;
    let heard = listen(&broker).await;

    let lock = scratch.lock();
    assert_eq!(say(&broker, "rt_lost").await, Err(BrokerError::Journal(JournalError)));
    drop(lock);
    say(&broker, "rt_kept").await.unwrap();

    assert_eq!(names(&heard), ["rt_kept"]);
    let again = OpenOrder::load(&scratch.store(), Vec::new(), 100).await.unwrap();
    assert_eq!(again.replica.since(0).count(), 1);
}

#[actix::test]
async fn of_those_published_together_each_is_told_what_became_of_it() {
    let scratch = Scratch::new();
    let broker = broker(&scratch).await;
    let heard = listen(&broker).await;
    let many = |count: usize| PublishAll((0..count).map(|_| event("rt_one_of_many", Delivery::Each)).collect());

    let (first, second) = tokio::join!(broker.send(many(60)), broker.send(many(60)));
    let told = [first.unwrap(), second.unwrap()].concat();

    assert_eq!(told.iter().filter(|outcome| **outcome == Err(BrokerError::Full)).count(), 20, "{told:?}");
    assert!(told[..100].iter().all(Result::is_ok), "{told:?}");
    let places: Vec<_> = told.into_iter().filter_map(Result::ok).collect();
    assert_eq!(places, heard.borrow().iter().map(|(place, _)| *place).collect::<Vec<_>>());
}

#[actix::test]
async fn behind_the_end_of_the_order_nothing_is_published() {
    let broker = broker(&Scratch::new()).await;
    broker.send(CloseOrder).await.unwrap();

    let late = || event("rt_late", Delivery::Each);
    assert_eq!(broker.send(PublishAll(vec![late(), late()])).await.unwrap(), vec![Err(BrokerError::Stopped); 2]);
    assert_eq!(say(&broker, "rt_late").await, Err(BrokerError::Stopped));
}

#[actix::test]
async fn states_go_out_while_a_commit_is_under_way() {
    let scratch = Scratch::new();
    let broker = broker(&scratch).await;
    let heard = listen(&broker).await;
    let lock = scratch.lock();

    let commit = broker.send(Publish(event("rt_each", Delivery::Each)));
    let mut state = 0;
    for _ in 0..3 {
        state = broker.send(Publish(event("rt_state", Delivery::Latest(LatestKey::Stats)))).await.unwrap().unwrap();
    }
    assert_eq!(names(&heard), ["rt_state", "rt_state", "rt_state"]);
    drop(lock);

    assert!(commit.await.unwrap().unwrap() > state);
    assert_eq!(names(&heard), ["rt_state", "rt_state", "rt_state", "rt_each"]);
}

/// A relay that notes how many events came together, and whether more were about to come.
struct Foresight(Rc<RefCell<Vec<(usize, bool)>>>);

impl Actor for Foresight {
    type Context = Context<Self>;
}

impl Handler<Deliver> for Foresight {
    type Result = ();

    fn handle(&mut self, batch: Deliver, _: &mut Self::Context) {
        self.0.borrow_mut().push((batch.events.len(), batch.has_more));
    }
}

#[actix::test]
async fn a_relay_is_told_whether_more_is_being_committed() {
    let scratch = Scratch::new();
    let broker = broker(&scratch).await;
    let heard = Rc::<RefCell<Vec<_>>>::default();
    broker.send(Follow(Foresight(Rc::clone(&heard)).start().recipient())).await.unwrap();
    let lock = scratch.lock();

    let first = broker.send(Publish(event("rt_first", Delivery::Each)));
    for _ in 0..2 {
        // Answered behind the turn that commits the first one.
        broker.send(BrokerCheck).await.unwrap();
    }
    let others = ["rt_second", "rt_third"].map(|name| broker.send(Publish(event(name, Delivery::Each))));
    broker.send(BrokerCheck).await.unwrap();
    drop(lock);
    first.await.unwrap().unwrap();
    let said = join_all(others).await;

    assert!(said.into_iter().all(|said| said.is_ok_and(|said| said.is_ok())));
    assert_eq!(*heard.borrow(), [(1, true), (2, false)]);
}

#[actix::test]
async fn an_announcement_is_published_once() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let broker = broker_on(&store).await;
    let heard = listen(&broker).await;
    let (one, two) = (announcement(&store, "rt_one").await, announcement(&store, "rt_two").await);

    let both = Announce(vec![one.clone(), two.clone()]);
    let (first, second) = tokio::join!(broker.send(both.clone()), broker.send(both));
    assert_eq!((first.unwrap(), second.unwrap()), (Ok(()), Ok(())));
    broker.send(Announce(vec![two, one])).await.unwrap().unwrap();

    assert_eq!(names(&heard), ["rt_one", "rt_two"]);
}

#[actix::test]
async fn announcements_wait_in_their_order_while_the_journal_takes_nothing() {
    let scratch = Scratch::new();
    let store = scratch.store_that_waits(Duration::from_millis(20));
    let broker = broker_on(&store).await;
    let heard = listen(&broker).await;
    let (one, two) = (announcement(&store, "rt_one").await, announcement(&store, "rt_two").await);

    let lock = scratch.lock();
    let first = broker.send(Announce(vec![one]));
    assert_eq!(say(&broker, "rt_lost").await, Err(BrokerError::Journal(JournalError)));
    drop(lock);
    broker.send(Announce(vec![two])).await.unwrap().unwrap();

    first.await.unwrap().unwrap();
    assert_eq!(names(&heard), ["rt_one", "rt_two"]);
}

#[actix::test]
async fn a_journal_that_takes_nothing_is_tried_once_a_second_whatever_else_comes() {
    let scratch = Scratch::new();
    let store = scratch.store_that_waits(Duration::from_millis(5));
    let broker = broker_on(&store).await;
    let one = announcement(&store, "rt_one").await;
    tokio::time::pause();
    let before = store.counts().writes;

    let lock = scratch.lock();
    let told = actix_rt::spawn(broker.send(Announce(vec![one])));
    let mut own = 0;
    for _ in 0..20 {
        broker.send(Publish(event("rt_state", Delivery::Latest(LatestKey::Stats)))).await.unwrap().unwrap();
        // Behind whatever the broker tries now.
        store.write(|_| Ok(())).await.unwrap_err();
        own += 1;
    }
    let at_once = store.counts().writes - before - own;
    tokio::time::sleep(COMMIT_AGAIN * 10).await;
    let tries = store.counts().writes - before - own;
    drop(lock);
    told.await.unwrap().unwrap().unwrap();

    assert!(at_once <= 2, "{at_once} tries without a pause");
    assert!((5..=12).contains(&tries), "{tries} tries in ten seconds");
}

#[actix::test]
async fn a_closed_order_is_over_and_goes_on_where_it_ended() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let broker = broker_on(&store).await;
    let last = say(&broker, "rt_last").await.unwrap();

    let waiting = broker.send(Publish(event("rt_waiting", Delivery::Each)));
    broker.send(CloseOrder).await.unwrap();

    let last = waiting.await.unwrap().unwrap().max(last);
    assert_eq!(say(&broker, "rt_late").await, Err(BrokerError::Stopped));
    assert_eq!(store.read(order::find).await.unwrap().unwrap().reserved, last);
    let again = OpenOrder::load(&store, Vec::new(), 100).await.unwrap();
    assert_eq!((again.replica.cursor().offset, again.replica.since(0).count()), (last, 2));
}

#[actix::test]
async fn after_a_crash_the_order_goes_on_behind_all_that_may_have_been_given_away() {
    let scratch = Scratch::new();
    let killed = broker(&scratch).await;
    let key = |module: &str| LatestKey::Telemetry(module.parse().unwrap());
    say(&killed, "rt_kept").await.unwrap();
    let seen = killed.send(Publish(event("rt_state", Delivery::Latest(key("MC-1"))))).await.unwrap().unwrap();

    let states =
        vec![event("rt_state", Delivery::Latest(key("MC-1"))), event("rt_state", Delivery::Latest(key("MC-2")))];
    let again = OpenOrder::load(&scratch.store(), states, 100).await.unwrap();

    let told: Vec<_> = again.replica.since(seen).map(|event| event.what.delivery.clone()).collect();
    assert_eq!(told, [Delivery::Latest(key("MC-1")), Delivery::Latest(key("MC-2"))]);
    assert!(again.replica.reaches(Cursor { offset: seen, ..again.replica.cursor() }).is_ok());
}
