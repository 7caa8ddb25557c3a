//! The relay as the sessions of its thread see it: seats, subscriptions, and one way to catch up.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Message, Recipient};

use super::index::Index;
use super::replica::{Gap, Replica};
use crate::domain::cursor::{Cursor, Offset};
use crate::domain::event::{Dialect, Event};
use crate::domain::topic::Channel;
use crate::observe::Metrics;
use crate::pipe::Outbox;

/// Events were lost for this seat: its subscriptions have ended and need snapshots.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Gapped(pub Gap);

/// What a client brings to its seat.
pub struct SeatOptions {
    /// Where its frames go.
    pub outbox: Outbox,
    /// How its events are written.
    pub dialect: &'static Dialect,
    /// Who is told of a gap.
    pub session: Recipient<Gapped>,
}

/// One client at a relay; dropping it ends its subscriptions.
pub struct Seat {
    relay: LocalRelay,
    number: u32,
}

/// The relay of this thread; cloning it gives the same one.
#[derive(Clone)]
pub struct LocalRelay(Rc<RefCell<State>>);

struct State {
    replica: Replica,
    index: Index,
    clients: Vec<Option<Client>>,
    free: Vec<u32>,
    metrics: Metrics,
}

/// Invariant: while `behind` is none, the client has been handed every event of its channels up to the replica's head.
struct Client {
    seat: SeatOptions,
    /// The last event handed over or skipped; an event of several channels comes once.
    seen: Offset,
    /// The client has everything up to here and is handed nothing until it catches up.
    behind: Option<Offset>,
    /// It waits for a snapshot and catches up only when that is there.
    is_held: bool,
    /// Latest values that passed while it was behind; all but the newest of each key are dropped.
    passed: u64,
    generation: u64,
}

impl LocalRelay {
    /// A relay that follows a replica.
    #[must_use]
    pub fn new(replica: Replica, metrics: Metrics) -> Self {
        let state = State { replica, index: Index::default(), clients: Vec::new(), free: Vec::new(), metrics };
        Self(Rc::new(RefCell::new(state)))
    }

    /// Gives a client its seat; it listens to nothing yet.
    #[must_use]
    pub fn join(&self, seat: SeatOptions) -> Seat {
        let mut state = self.0.borrow_mut();
        let seen = state.replica.cursor().offset;
        let number = state.free.pop().unwrap_or_else(|| {
            state.clients.push(None);
            u32::try_from(state.clients.len() - 1).unwrap_or(u32::MAX)
        });
        let generation = rand::random();
        state.clients[number as usize] =
            Some(Client { seat, seen, behind: None, is_held: false, passed: 0, generation });
        Seat { relay: self.clone(), number }
    }

    /// How many clients sit here.
    #[must_use]
    pub fn clients(&self) -> usize {
        let state = self.0.borrow();
        state.clients.len() - state.free.len()
    }

    /// The place of the last event this relay knows.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.0.borrow().replica.cursor()
    }

    /// Whether everything after the cursor is still known.
    #[must_use]
    pub fn reaches(&self, cursor: Cursor) -> bool {
        self.0.borrow().replica.reaches(cursor).is_ok()
    }

    /// Takes the next events and hands them to whoever listens.
    pub(super) fn deliver(&self, events: &[Arc<Event>], head: Offset) {
        let mut state = self.0.borrow_mut();
        let mut deliveries = 0;
        for event in events {
            state.replica.apply(event);
            deliveries += state.hand_out(event, self);
        }
        state.replica.advance(head);
        state.metrics.delivered(deliveries);
    }

    /// Starts anew with all that the broker keeps, which is everything behind `after` and the latest values.
    pub(super) fn reset(&self, after: Offset, events: &[Arc<Event>], head: Cursor) {
        let mut state = self.0.borrow_mut();
        state.replica.reset(head.epoch, after);
        for event in events {
            state.replica.apply(event);
        }
        state.replica.advance(head.offset);
        for number in 0..state.clients.len() {
            state.give_up(u32::try_from(number).unwrap_or(u32::MAX), Gap { missed: None });
        }
    }

    fn catch_up(&self, number: u32, generation: u64) {
        let mut state = self.0.borrow_mut();
        let is_same = state.client(number).is_some_and(|client| client.generation == generation);
        if is_same {
            state.catch_up(number, self);
        }
    }
}

impl State {
    fn client(&mut self, number: u32) -> Option<&mut Client> {
        self.clients.get_mut(number as usize).and_then(Option::as_mut)
    }

    /// Hands one event to its listeners; answers how many got it.
    fn hand_out(&mut self, event: &Arc<Event>, relay: &LocalRelay) -> u64 {
        let offset = event.offset();
        let mut deliveries = 0;
        for channel in &event.what.audience {
            for listener in self.index.listeners(channel) {
                let Some(client) = self.clients[listener.seat as usize].as_mut() else { continue };
                if client.seen >= offset || listener.from >= offset {
                    continue;
                }
                client.seen = offset;
                if client.behind.is_some() {
                    client.passed += u64::from(!event.what.delivery.is_each());
                    continue;
                }
                if client.seat.outbox.is_high() {
                    client.fall_behind(offset - 1, listener.seat, relay);
                    self.metrics.fell_behind();
                    continue;
                }
                client.seat.outbox.send_event(event, client.seat.dialect);
                deliveries += 1;
            }
        }
        deliveries
    }

    /// Hands a client everything it missed, until it has all or its outbox is high again.
    fn catch_up(&mut self, number: u32, relay: &LocalRelay) {
        let Some(client) = self.client(number) else { return };
        if client.is_held {
            return;
        }
        let Some(offset) = client.behind.take() else { return };
        let passed = std::mem::take(&mut client.passed);
        let cursor = Cursor { offset, ..self.replica.cursor() };
        if let Err(gap) = self.replica.reaches(cursor) {
            self.metrics.gap();
            self.give_up(number, gap);
            return;
        }
        let head = self.replica.cursor().offset;
        let (mut deliveries, mut latest) = (0, 0);
        for event in self.replica.since(offset) {
            let listens = event
                .what
                .audience
                .iter()
                .any(|channel| self.index.listens(number, channel).is_some_and(|from| from < event.offset()));
            let Some(client) = self.clients[number as usize].as_mut().filter(|_| listens) else { continue };
            if client.seat.outbox.is_high() {
                client.fall_behind(event.offset() - 1, number, relay);
                break;
            }
            client.seat.outbox.send_event(&event, client.seat.dialect);
            client.seen = event.offset();
            deliveries += 1;
            latest += u64::from(!event.what.delivery.is_each());
        }
        self.metrics.delivered(deliveries);
        self.metrics.dropped(passed.saturating_sub(latest));
        if let Some(client) = self.client(number) {
            client.seen = head;
        }
    }

    fn give_up(&mut self, number: u32, gap: Gap) {
        self.index.remove_seat(number);
        let Some(client) = self.client(number) else { return };
        client.behind = None;
        // Rare and one per client; a session that is gone needs no word.
        client.seat.session.do_send(Gapped(gap));
    }
}

impl Client {
    fn fall_behind(&mut self, has: Offset, number: u32, relay: &LocalRelay) {
        self.behind = Some(has);
        let (relay, generation) = (Rc::downgrade(&relay.0), self.generation);
        self.seat.outbox.when_low(move || {
            if let Some(state) = relay.upgrade() {
                LocalRelay(state).catch_up(number, generation);
            }
        });
    }
}

impl Seat {
    /// Stops delivery until [`Seat::release`]; answers what the client has seen so far.
    ///
    /// State read after this call and told with this cursor is never older than the cursor.
    #[must_use]
    pub fn hold(&self) -> Cursor {
        let mut state = self.relay.0.borrow_mut();
        let head = state.replica.cursor();
        let Some(client) = state.client(self.number) else { return head };
        client.is_held = true;
        Cursor { offset: *client.behind.get_or_insert(head.offset), ..head }
    }

    /// Goes on after [`Seat::hold`], listening to these channels too, and catches up.
    pub fn release(&self, channels: &[Channel]) {
        let mut state = self.relay.0.borrow_mut();
        let Some(client) = state.client(self.number) else { return };
        client.is_held = false;
        let from = client.behind.unwrap_or(client.seen);
        for channel in channels {
            state.index.add(self.number, channel, from);
        }
        state.catch_up(self.number, &self.relay);
    }

    /// Whether everything after the cursor is still known.
    #[must_use]
    pub fn can_resume(&self, cursor: Cursor) -> bool {
        self.relay.0.borrow().replica.reaches(cursor).is_ok()
    }

    /// Goes on after [`Seat::hold`] from a cursor of an earlier connection, listening to these channels too.
    ///
    /// Ask [`Seat::can_resume`] first, in the same turn; a cursor that cannot be used ends in [`Gapped`].
    pub fn resume(&self, channels: &[Channel], cursor: Cursor) {
        if let Some(client) = self.relay.0.borrow_mut().client(self.number) {
            client.behind = Some(cursor.offset);
        }
        self.release(channels);
    }

    /// Listens to a channel no more.
    pub fn leave(&self, channel: &Channel) {
        self.relay.0.borrow_mut().index.remove(self.number, channel);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.relay.0.borrow_mut();
        state.index.remove_seat(self.number);
        state.clients[self.number as usize] = None;
        state.free.push(self.number);
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seat").field(&self.number).finish()
    }
}

impl fmt::Debug for LocalRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRelay").field("clients", &self.clients()).finish()
    }
}
