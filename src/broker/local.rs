//! The relay of one thread: what it knows of the order, who sits at it, and how an event reaches them.

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use std::time::Instant;
use tokio::sync::oneshot;

use super::archive::Archive;
use super::client::{Client, Ticket, Until};
use super::head::Head;
use super::index::{ChannelId, Index};
use super::pages::Reads;
use super::replica::Replica;
use super::seat::{Seat, SeatOptions};
use super::walk::Step;
use crate::domain::cursor::{Cursor, Offset};
use crate::domain::event::Event;
use crate::domain::topic::Channel;
use crate::observe::Metrics;
use crate::pipe::Flusher;

/// How many deliveries are made before other work of the thread gets its turn. Few in tests.
///
/// A delivery only queues a frame, 70 ns each on a busy two-core machine; the flusher, which writes, has slices of its own.
const SLICE: u64 = if cfg!(test) { 1 } else { 16_384 };

/// How long a client waits for a place that this relay does not know yet.
const ARRIVAL: Duration = Duration::from_secs(1);

/// The relay of this thread; cloning it gives the same one.
#[derive(Clone)]
pub struct LocalRelay(Rc<RefCell<State>>);

pub(super) struct State {
    pub replica: Replica,
    pub index: Index,
    pub clients: Vec<Option<Client>>,
    pub free: Vec<u32>,
    pub reads: Reads,
    pub metrics: Metrics,
    /// When somebody last asked what goes on here.
    pub inspected: Instant,
    /// Clients that may not take the event at hand as it comes.
    called_back: Vec<u32>,
    tickets: Ticket,
    /// Whether more events are about to come.
    expects_more: bool,
    /// Who waits with its writes for them.
    held: Option<Flusher>,
    /// How many walks are under way.
    pub walks: usize,
    /// How many events clients that catch up were looked through in this turn.
    pub looked_through: usize,
    /// How far the order goes.
    head: Head,
    /// Who waits for this relay to know a place that another one knows already.
    arrivals: Vec<(Offset, oneshot::Sender<()>)>,
}

/// A relay that may be gone, for those who come back to it.
pub(super) struct WeakRelay(Weak<RefCell<State>>);

impl WeakRelay {
    pub fn upgrade(&self) -> Option<LocalRelay> {
        self.0.upgrade().map(LocalRelay)
    }
}

impl LocalRelay {
    /// A relay that follows a replica.
    #[must_use]
    pub fn new(replica: Replica, metrics: Metrics) -> Self {
        let head = Head::at(replica.cursor().offset);
        Self(Rc::new(RefCell::new(State {
            replica,
            index: Index::default(),
            clients: Vec::new(),
            free: Vec::new(),
            reads: Reads::default(),
            metrics,
            inspected: Instant::now(),
            called_back: Vec::new(),
            tickets: 0,
            expects_more: false,
            held: None,
            walks: 0,
            looked_through: 0,
            head,
            arrivals: Vec::new(),
        })))
    }

    /// Has what is older than the ring read from the journal.
    pub(super) fn read_from(&self, archive: Archive) {
        self.state().reads = Reads::of(archive);
    }

    /// Has it see how far the order goes.
    pub(super) fn see(&self, head: Head) {
        self.state().head = head;
    }

    /// Gives a client its seat; it listens to nothing yet.
    #[must_use]
    pub fn join(&self, seat: SeatOptions) -> Seat {
        let number = self.state().add(seat);
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

    /// Whether everything after the cursor can still be told.
    #[must_use]
    pub fn reaches(&self, cursor: Cursor) -> bool {
        self.state().reaches(cursor)
    }

    /// Waits until this relay knows the place of a cursor that another one may have given; not for long, as it may be a
    /// place that never comes.
    pub async fn arrive(&self, cursor: Cursor) {
        let known = self.cursor();
        if cursor.epoch != known.epoch || cursor.offset <= known.offset {
            return;
        }
        let arrival = self.state().expect(cursor.offset);
        // Late or gone: the cursor is then judged by what is known.
        let _ = tokio::time::timeout(ARRIVAL, arrival).await;
    }

    /// Ends when this relay knows every event that is published now, or after a second; none if it does already.
    #[must_use]
    pub fn reach_head(&self) -> Option<impl Future<Output = ()> + use<>> {
        let known = self.cursor();
        let head = Cursor { offset: self.state().head.place(), ..known };
        let relay = self.clone();
        (head.offset > known.offset).then_some(async move { relay.arrive(head).await })
    }

    /// Notes whether more events are about to come behind the next ones, so that they are written together.
    pub(super) fn expect_more(&self, does: bool) {
        let mut state = self.state();
        state.expects_more = does;
        if let Some(held) = state.held.take_if(|_| !does) {
            held.release();
        }
    }

    /// Takes the next events and hands them to whoever listens; answers how many it took, the others want another turn.
    ///
    /// One event goes to all in one turn, and as many as fit into it: each client gets those of one turn in one write.
    pub(super) fn deliver(&self, events: &[Arc<Event>], head: Offset) -> usize {
        let mut state = self.state();
        let (mut taken, mut deliveries) = (0, 0);
        while taken < events.len() && deliveries < SLICE {
            state.replica.apply(&events[taken]);
            deliveries += state.hand_out(&events[taken], self);
            taken += 1;
        }
        if taken == events.len() {
            state.replica.advance(head);
        }
        state.metrics.delivered(deliveries);
        state.tell_arrivals();
        taken
    }

    /// The same with all of them, in as many turns as it takes. Whatever follows them in the order must wait.
    pub(super) async fn deliver_all(self, events: Arc<[Arc<Event>]>, mut taken: usize, head: Offset) {
        while taken < events.len() {
            tokio::task::yield_now().await;
            taken += self.deliver(&events[taken..], head);
        }
    }

    /// Goes on behind a gap that the broker could not fill: who misses something there catches up from the journal.
    ///
    /// `events` are everything behind `after` that the broker keeps, and the latest values.
    pub(super) fn reset(&self, after: Offset, events: &[Arc<Event>], head: Cursor) {
        let mut state = self.state();
        let known = state.replica.cursor();
        state.replica.reset(head.epoch, after);
        for event in events {
            state.replica.apply(event);
        }
        state.replica.advance(head.offset);
        state.tell_arrivals();
        let waiting = state.wait_all(known.offset);
        if head.epoch == known.epoch {
            return state.walk(waiting, Step::CatchUp, self);
        }
        // A relay meets another order only when it joins, before anybody sits here.
        waiting.into_iter().for_each(|(number, _)| state.lose(number));
    }

    /// A client's wait is over, if it still waits for what the ticket names.
    pub(super) fn wake(&self, number: u32, ticket: Ticket) {
        let mut state = self.state();
        if state.client(number).is_some_and(|client| client.waits_with(ticket)) {
            state.catch_up(number, self);
        }
    }

    pub(super) fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    pub(super) fn downgrade(&self) -> WeakRelay {
        WeakRelay(Rc::downgrade(&self.0))
    }
}

impl State {
    pub fn client(&mut self, number: u32) -> Option<&mut Client> {
        self.clients.get_mut(number as usize).and_then(Option::as_mut)
    }

    fn add(&mut self, seat: SeatOptions) -> u32 {
        let seen = self.replica.cursor().offset;
        let number = self.free.pop().unwrap_or_else(|| {
            self.clients.push(None);
            u32::try_from(self.clients.len() - 1).unwrap_or(u32::MAX)
        });
        self.clients[number as usize] = Some(Client::new(seat, seen));
        number
    }

    pub fn remove(&mut self, number: u32) {
        self.index.remove_seat(number);
        self.clients[number as usize] = None;
        self.free.push(number);
    }

    /// Ends when this place is known.
    fn expect(&mut self, place: Offset) -> oneshot::Receiver<()> {
        // Who has waited too long is not there any more.
        self.arrivals.retain(|(_, arrived)| !arrived.is_closed());
        let (arrived, arrival) = oneshot::channel();
        self.arrivals.push((place, arrived));
        arrival
    }

    fn tell_arrivals(&mut self) {
        let head = self.replica.cursor().offset;
        for (_, arrived) in self.arrivals.extract_if(.., |(place, arrived)| *place <= head || arrived.is_closed()) {
            // Who has waited too long is not there any more.
            let _ = arrived.send(());
        }
    }

    pub fn next_ticket(&mut self) -> Ticket {
        self.tickets += 1;
        self.tickets
    }

    /// Keeps in mind whether a client wants some values less often than they come.
    pub fn note_pace(&mut self, number: u32) {
        let is_paced = self.index.is_paced(number);
        if let Some(client) = self.client(number) {
            client.is_paced = is_paced;
            client.told_at = client.told_at.filter(|_| is_paced);
        }
    }

    /// Counts what the listeners of a channel were handed, and has all writes of this thread wait for what is about to come,
    /// unless it is a newest value, which goes out at once; one of the listeners knows who writes.
    fn handed_out(&mut self, id: ChannelId, deliveries: u64, is_latest: bool) {
        self.index.count(id, deliveries);
        if !self.expects_more || is_latest || deliveries == 0 || self.held.is_some() {
            return;
        }
        let seats = self.index.listeners_at(id).iter().map(|listener| listener.seat as usize);
        let client = seats.filter_map(|seat| self.clients.get(seat).and_then(Option::as_ref)).next();
        self.held = client.map(|client| client.seat.outbox.flusher().clone());
        if let Some(flusher) = &self.held {
            flusher.hold();
        }
    }

    /// Hands one event to its listeners; answers how many got it.
    fn hand_out(&mut self, event: &Arc<Event>, relay: &LocalRelay) -> u64 {
        let offset = event.offset();
        let is_boundary = event.what.is_boundary();
        let is_latest = !event.what.delivery.is_each();
        let mut deliveries = 0;
        for channel in &event.what.audience {
            let Some(id) = self.index.id(channel) else { continue };
            // On its way while the module got another owner, it may meet one who had it only before, or has it only since.
            let is_guarded = matches!(channel, Channel::Module(_)) && event.what.custom_of().is_some();
            let before = deliveries;
            for listener in self.index.listeners_at(id) {
                let Some(client) = self.clients[listener.seat as usize].as_mut() else { continue };
                if client.seen >= offset || listener.from >= offset {
                    continue;
                }
                if is_guarded && !client.may_look_back(event, channel) {
                    continue;
                }
                client.seen = offset;
                if let Some(behind) = &client.behind {
                    client.passed += u64::from(is_latest);
                    if matches!(behind.until, Until::Due(_)) {
                        self.called_back.push(listener.seat);
                    }
                } else if client.is_paced || is_boundary || client.seat.outbox.is_high() {
                    // Rare: looked at again when nobody walks the index.
                    self.called_back.push(listener.seat);
                } else {
                    client.send(event);
                    deliveries += 1;
                }
            }
            self.handed_out(id, deliveries - before, is_latest);
        }
        while let Some(number) = self.called_back.pop() {
            self.hand_with_care(number, event, relay);
        }
        deliveries
    }
}

impl fmt::Debug for LocalRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRelay").field("clients", &self.clients()).finish()
    }
}

#[cfg(test)]
mod tests;
