//! Gathers what the actors of a thread publish: each message to another thread costs a wake-up, also of a thread that has
//! little to do.

use std::time::Duration;

use actix::prelude::*;
use tokio::time::Instant;

use super::actor::{Broker, BrokerError, Publish, PublishAll};
use crate::domain::cursor::Offset;
use crate::domain::event::NewEvent;
use crate::reply::{Promise, Reply, promise};

/// How long states gather for one message while they come thick and fast.
const INTERVAL: Duration = Duration::from_millis(5);
/// From so many on they wait no longer.
const MANY: usize = 256;

/// Publishes for the actors of a thread: a state at once after a quiet moment, else with those of the next milliseconds;
/// what each subscriber must get, at once.
///
/// Invariant: what was published first goes first.
pub struct Forwarder {
    broker: Addr<Broker>,
    waiting: Vec<(NewEvent, Promise<Offset, BrokerError>)>,
    last: Instant,
    turn: Option<SpawnHandle>,
}

impl Forwarder {
    /// A forwarder to the broker.
    #[must_use]
    pub fn new(broker: Addr<Broker>) -> Self {
        Self { broker, waiting: Vec::new(), last: Instant::now(), turn: None }
    }

    fn forward(&mut self, ctx: &mut Context<Self>) {
        if let Some(turn) = self.turn.take() {
            ctx.cancel_future(turn);
        }
        self.last = Instant::now();
        let (events, answers): (Vec<_>, Vec<_>) = self.waiting.drain(..).unzip();
        let published = self.broker.send(PublishAll(events)).into_actor(self);
        ctx.spawn(published.map(move |results, _, _| {
            // A broker that is gone answers nobody, and then everybody knows.
            for (answer, result) in answers.into_iter().zip(results.unwrap_or_default()) {
                answer.keep(result);
            }
        }));
    }
}

impl Actor for Forwarder {
    type Context = Context<Self>;
}

impl Handler<Publish> for Forwarder {
    type Result = Reply<Offset, BrokerError>;

    fn handle(&mut self, Publish(event): Publish, ctx: &mut Self::Context) -> Self::Result {
        let is_each = event.delivery.is_each();
        let (answer, reply) = promise(|| BrokerError::Stopped);
        self.waiting.push((event, answer));
        let left = (self.last + INTERVAL).saturating_duration_since(Instant::now());
        if is_each || left.is_zero() || self.waiting.len() >= MANY {
            self.forward(ctx);
        } else if self.turn.is_none() {
            self.turn = Some(ctx.run_later(left, Self::forward));
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::broker::{BrokerOptions, Deliver, Follow, OpenOrder};
    use crate::domain::event::{Delivery, LatestKey, json};
    use crate::domain::time::Timestamp;
    use crate::observe::Metrics;
    use crate::store::testing::Scratch;

    /// Counts how many batches came, and how many events.
    #[derive(Default)]
    struct Counting(usize, usize);

    #[derive(Message)]
    #[rtype(result = "(usize, usize)")]
    struct Count;

    impl Actor for Counting {
        type Context = Context<Self>;
    }

    impl Handler<Deliver> for Counting {
        type Result = ();

        fn handle(&mut self, batch: Deliver, _: &mut Self::Context) {
            self.0 += usize::from(!batch.events.is_empty());
            self.1 += batch.events.len();
        }
    }

    impl Handler<Count> for Counting {
        type Result = MessageResult<Count>;

        fn handle(&mut self, _: Count, _: &mut Self::Context) -> Self::Result {
            MessageResult((self.0, self.1))
        }
    }

    fn event(delivery: Delivery) -> Publish {
        let (name, at) = ("rt_test".parse().unwrap(), Timestamp::from_millis(0));
        Publish(NewEvent { name, delivery, audience: Vec::new(), data: json(&0), at })
    }

    #[actix::test]
    async fn states_that_come_together_are_published_together_and_in_order() {
        let scratch = Scratch::new();
        let order = OpenOrder::load(&scratch.store(), Vec::new(), 100).await.unwrap();
        let broker = Broker::new(order, BrokerOptions { ring: 100, mailbox: 1000 }, Metrics::default()).start();
        let relay = Counting::default().start();
        broker.send(Follow(relay.clone().recipient())).await.unwrap();
        let forwarder = Forwarder::new(broker).start();

        let state = || event(Delivery::Latest(LatestKey::Stats));
        let places = join_all((0..200).map(|_| forwarder.send(state()))).await;
        let places: Vec<_> = places.into_iter().map(|place| place.unwrap().unwrap()).collect();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
        let (batches, events) = relay.send(Count).await.unwrap();
        assert_eq!(events, 200);
        assert!(batches <= 3, "{batches}");

        let (state, last) = tokio::join!(forwarder.send(state()), forwarder.send(event(Delivery::Each)));
        assert!(state.unwrap().unwrap() < last.unwrap().unwrap());
    }
}
