//! The broker: gives every event its place and hands it to all relays.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::journal::{Journal, JournalError};
use super::relay::Deliver;
use super::replica::Replica;
use crate::domain::cursor::{Cursor, Epoch, Offset};
use crate::domain::event::{Event, NewEvent};
use crate::observe::Metrics;

/// How soon relays are told again where the order stands after one of them was full.
const REMIND_AFTER: Duration = Duration::from_millis(50);

/// Why an event was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// Too many events wait for the journal.
    #[error("too many events wait; send again later")]
    Full,
    /// The event could not be made durable.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The broker is gone.
    #[error("the broker has stopped")]
    Stopped,
}

/// Appends an event to the order and hands it to every relay; answers its offset.
#[derive(Debug, Message)]
#[rtype(result = "Result<Offset, BrokerError>")]
pub struct Publish(pub NewEvent);

/// Makes a relay follow the order from its beginning; answers where the order stands.
#[derive(Debug, Message)]
#[rtype(result = "Cursor")]
pub struct Follow(pub Recipient<Deliver>);

/// A relay missed events after `after` and wants them by [`Deliver`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Resync {
    /// Who missed them.
    pub relay: Recipient<Deliver>,
    /// The last one it has.
    pub after: Offset,
}

/// Asks whether the broker still works; answers where the order stands.
#[derive(Debug, Message)]
#[rtype(result = "Cursor")]
pub struct BrokerCheck;

/// The bounds of a broker.
#[derive(Debug, Clone, Copy)]
pub struct BrokerOptions {
    /// How many `Each` events stay at hand.
    pub ring: usize,
    /// How many messages and events may wait.
    pub mailbox: usize,
}

/// Orders all events of this node.
///
/// Invariant: the broker never awaits a relay; a full mailbox is counted and the relay resynchronises.
/// Invariant: places are given in the order in which events are seen; what waits for the journal holds back all later
/// events, so that nobody sees a place before an earlier one.
pub struct Broker {
    journal: Journal,
    replica: Replica,
    next: Offset,
    waiting: Vec<Waiting>,
    has_turn: bool,
    is_committing: bool,
    is_reminding: bool,
    relays: Vec<Recipient<Deliver>>,
    options: BrokerOptions,
    metrics: Metrics,
}

type Answer = oneshot::Sender<Result<Offset, BrokerError>>;

struct Waiting {
    event: NewEvent,
    answer: Answer,
}

/// Orders what came since the last turn.
#[derive(Message)]
#[rtype(result = "()")]
struct Turn;

impl Broker {
    /// A broker at the beginning of an epoch.
    #[must_use]
    pub fn new(options: BrokerOptions, metrics: Metrics) -> Self {
        let epoch = Epoch::generate();
        Self {
            journal: Journal::default(),
            replica: Replica::new(epoch, options.ring),
            next: 1,
            waiting: Vec::new(),
            has_turn: false,
            is_committing: false,
            is_reminding: false,
            relays: Vec::new(),
            options,
            metrics,
        }
    }

    fn stamp(&mut self, waiting: Vec<Waiting>) -> (Vec<Arc<Event>>, Vec<Answer>) {
        let epoch = self.replica.cursor().epoch;
        waiting
            .into_iter()
            .map(|one| {
                let offset = self.next;
                self.next += 1;
                (Arc::new(one.event.stamped(epoch, offset)), one.answer)
            })
            .unzip()
    }

    fn fan_out(&mut self, events: &[Arc<Event>], ctx: &mut Context<Self>) {
        let after = self.replica.cursor().offset;
        for event in events {
            self.replica.apply(event);
            self.metrics.event_published(event.what.delivery.is_each());
        }
        let head = self.replica.cursor();
        let events: Arc<[Arc<Event>]> = events.into();
        let mut has_full = false;
        for relay in &self.relays {
            let delivery = Deliver { after, head, events: Arc::clone(&events), is_gap: false };
            if let Err(SendError::Full(_)) = relay.try_send(delivery) {
                self.metrics.relay_full();
                has_full = true;
            }
        }
        self.relays.retain(Recipient::connected);
        if has_full {
            self.remind(ctx);
        }
    }

    /// Tells all relays in a moment where the order stands; one that missed something asks for it then, even if no
    /// event follows.
    fn remind(&mut self, ctx: &mut Context<Self>) {
        if self.is_reminding {
            return;
        }
        self.is_reminding = true;
        ctx.run_later(REMIND_AFTER, |broker, ctx| {
            broker.is_reminding = false;
            broker.fan_out(&[], ctx);
        });
    }
}

impl Actor for Broker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.options.mailbox);
    }
}

impl Handler<Publish> for Broker {
    type Result = ResponseFuture<Result<Offset, BrokerError>>;

    fn handle(&mut self, Publish(event): Publish, ctx: &mut Self::Context) -> Self::Result {
        if self.waiting.len() >= self.options.mailbox {
            return Box::pin(std::future::ready(Err(BrokerError::Full)));
        }
        let (answer, answered) = oneshot::channel();
        self.waiting.push(Waiting { event, answer });
        if !self.has_turn && !self.is_committing {
            self.has_turn = true;
            ctx.notify(Turn);
        }
        Box::pin(async move { answered.await.unwrap_or(Err(BrokerError::Stopped)) })
    }
}

impl Handler<Turn> for Broker {
    type Result = ();

    fn handle(&mut self, _: Turn, ctx: &mut Self::Context) {
        self.has_turn = false;
        let waiting = std::mem::take(&mut self.waiting);
        let (events, answers) = self.stamp(waiting);
        let each: Vec<_> = events.iter().filter(|event| event.what.delivery.is_each()).cloned().collect();
        if each.is_empty() {
            self.fan_out(&events, ctx);
            answer_all(events, answers, None);
            return;
        }
        self.is_committing = true;
        let commit = self.journal.append(&each).into_actor(self);
        ctx.spawn(commit.map(move |result, broker, ctx| {
            broker.is_committing = false;
            if result.is_ok() {
                broker.fan_out(&events, ctx);
            }
            answer_all(events, answers, result.err());
            if !broker.waiting.is_empty() {
                broker.has_turn = true;
                ctx.notify(Turn);
            }
        }));
    }
}

fn answer_all(events: Vec<Arc<Event>>, answers: Vec<Answer>, error: Option<JournalError>) {
    for (event, answer) in events.into_iter().zip(answers) {
        let result = error.clone().map_or_else(|| Ok(event.offset()), |error| Err(error.into()));
        // Who published may not wait for the answer.
        let _ = answer.send(result);
    }
}

impl Handler<Follow> for Broker {
    type Result = MessageResult<Follow>;

    fn handle(&mut self, Follow(relay): Follow, _: &mut Self::Context) -> Self::Result {
        self.relays.push(relay);
        MessageResult(self.replica.cursor())
    }
}

impl Handler<Resync> for Broker {
    type Result = ();

    fn handle(&mut self, Resync { relay, after }: Resync, _: &mut Self::Context) {
        self.metrics.relay_resynchronised();
        let head = self.replica.cursor();
        let is_gap = self.replica.reaches(Cursor { offset: after, ..head }).is_err();
        let mut events = self.replica.since(if is_gap { 0 } else { after });
        events.retain(|event| !is_gap || !event.what.delivery.is_each());
        // A relay whose mailbox is full again asks again.
        let _ = relay.try_send(Deliver { after, head, events: events.into(), is_gap });
    }
}

impl Handler<BrokerCheck> for Broker {
    type Result = MessageResult<BrokerCheck>;

    fn handle(&mut self, _: BrokerCheck, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.replica.cursor())
    }
}

#[cfg(test)]
mod tests;
