use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::domain::cursor::Offset;
use crate::domain::event::{Delivery, NewEvent, json};
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::testing::Scratch;

mod commits;

async fn broker(scratch: &Scratch) -> Addr<Broker> {
    broker_on(&scratch.store()).await
}

async fn broker_on(store: &Store) -> Addr<Broker> {
    let order = OpenOrder::load(store, Vec::new(), 100).await.unwrap();
    Broker::new(order, BrokerOptions { ring: 100, mailbox: 100 }, Metrics::default()).start()
}

const BUSY_FOR: Duration = Duration::from_secs(1);

/// A relay whose thread is busy with other things at first; notes where the order stood with each batch.
struct BusyRelay(Rc<RefCell<Vec<Offset>>>);

impl Actor for BusyRelay {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(1);
        ctx.wait(tokio::time::sleep(BUSY_FOR).into_actor(self));
    }
}

impl Handler<Deliver> for BusyRelay {
    type Result = ();

    fn handle(&mut self, batch: Deliver, _: &mut Self::Context) {
        self.0.borrow_mut().push(batch.head.offset);
    }
}

#[actix::test]
async fn a_relay_that_missed_the_end_of_a_burst_learns_of_it_without_another_event() {
    let scratch = Scratch::new();
    let broker = broker(&scratch).await;
    tokio::time::pause();
    let mut last = 0;
    let heads = Rc::<RefCell<Vec<Offset>>>::default();
    broker.send(Follow(BusyRelay(Rc::clone(&heads)).start().recipient())).await.unwrap();
    for _ in 0..10 {
        let (name, at) = ("rt_test".parse().unwrap(), Timestamp::from_millis(0));
        let event = NewEvent { name, delivery: Delivery::Each, audience: Vec::new(), data: json(&0), at };
        last = broker.send(Publish(event)).await.unwrap().unwrap();
    }

    tokio::time::sleep(BUSY_FOR * 2).await;

    let heads = heads.borrow();
    assert!(heads.len() < 10, "the mailbox was not full: {heads:?}");
    assert_eq!(heads.last(), Some(&last));
}
