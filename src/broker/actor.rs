//! The broker: gives every event its place and hands it to all relays.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::archive::Archive;
use super::head::Head;
use super::journal::{Appended, Entry, Journal, JournalError};
use super::open::OpenOrder;
use super::places::Places;
use super::relay::Deliver;
use super::replica::Replica;
use super::waiting::{Answer, Waiting, WaitingLines};
use crate::domain::cursor::{Cursor, Epoch};
use crate::domain::event::Event;
use crate::observe::Metrics;

mod messages;
mod publish;

use messages::Turn;
pub use messages::{Announce, BrokerCheck, BrokerError, CloseOrder, Follow, Followed, Publish, PublishAll, Resync};

/// How soon relays are told again where the order stands after one of them was full.
const REMIND_AFTER: Duration = Duration::from_millis(50);
/// How soon the journal is tried again with what can wait.
const COMMIT_AGAIN: Duration = Duration::from_secs(1);
/// How soon places are asked for again that the database could not reserve.
const RESERVE_AGAIN: Duration = Duration::from_secs(5);

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
/// Invariant: places are seen in growing order. A batch that is being committed has places some way ahead; only what
/// goes before it goes out meanwhile, so that nobody sees a place before an earlier one.
/// Invariant: an `Each` event is in the database before anyone sees it.
/// Invariant: while announcements wait that the journal did not take (`is_resting`), it is tried again by one timer,
/// whatever else comes.
pub struct Broker {
    journal: Journal,
    archive: Archive,
    replica: Replica,
    head: Head,
    places: Places,
    waiting: WaitingLines,
    has_turn: bool,
    is_committing: bool,
    is_resting: bool,
    is_reserving: bool,
    is_reminding: bool,
    is_closed: bool,
    closing: Vec<oneshot::Sender<()>>,
    relays: Vec<Recipient<Deliver>>,
    options: BrokerOptions,
    metrics: Metrics,
}

impl Broker {
    /// A broker that goes on where the order stands.
    #[must_use]
    pub fn new(order: OpenOrder, options: BrokerOptions, metrics: Metrics) -> Self {
        let OpenOrder { journal, archive, replica, places } = order;
        let head = Head::at(replica.cursor().offset);
        Self {
            journal,
            archive,
            replica,
            head,
            places,
            waiting: WaitingLines::new(options.mailbox),
            has_turn: false,
            is_committing: false,
            is_resting: false,
            is_reserving: false,
            is_reminding: false,
            is_closed: false,
            closing: Vec::new(),
            relays: Vec::new(),
            options,
            metrics,
        }
    }

    fn epoch(&self) -> Epoch {
        self.replica.cursor().epoch
    }

    fn fan_out(&mut self, events: &[Arc<Event>], ctx: &mut Context<Self>) {
        let after = self.replica.cursor().offset;
        for event in events {
            self.replica.apply(event);
            self.metrics.event_published(event.what.delivery.is_each());
        }
        let head = self.replica.cursor();
        self.head.move_to(head.offset);
        let events: Arc<[Arc<Event>]> = events.into();
        let has_more = self.is_committing || self.waiting.has_each();
        let mut has_full = false;
        for relay in &self.relays {
            let delivery = Deliver { after, head, events: Arc::clone(&events), is_gap: false, has_more };
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

    /// All that is kept, for a relay that has nothing or too little.
    fn everything(&self) -> Deliver {
        let (after, head) = (self.replica.floor(), self.replica.cursor());
        Deliver { after, head, events: self.replica.since(0).cloned().collect(), is_gap: true, has_more: false }
    }
}

impl Actor for Broker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.options.mailbox);
        ctx.notify(Turn);
    }
}

impl Handler<Follow> for Broker {
    type Result = MessageResult<Follow>;

    fn handle(&mut self, Follow(relay): Follow, _: &mut Self::Context) -> Self::Result {
        self.relays.push(relay);
        let (archive, head) = (self.archive.clone(), self.head.clone());
        MessageResult(Followed { recent: self.everything(), archive, head })
    }
}

impl Handler<Resync> for Broker {
    type Result = ();

    fn handle(&mut self, Resync { relay, after }: Resync, _: &mut Self::Context) {
        self.metrics.relay_resynchronised();
        let head = self.replica.cursor();
        let missed = match self.replica.reaches(Cursor { offset: after, ..head }) {
            Ok(()) => {
                let events = self.replica.since(after).cloned().collect();
                Deliver { after, head, events, is_gap: false, has_more: false }
            }
            Err(_) => self.everything(),
        };
        // A relay whose mailbox is full again asks again.
        let _ = relay.try_send(missed);
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
