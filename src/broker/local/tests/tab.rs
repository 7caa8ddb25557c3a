//! One client of a model: what it must get, what it may get, and what it got.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix::{Actor, Addr, Handler};

use super::super::*;
use crate::broker::{Gapped, Wanted};
use crate::domain::event::{Delivery, Dialect};
use crate::domain::ids::SessionId;
use crate::domain::pace::Pace;
use crate::domain::topic::Channel;
use crate::pipe::{Flusher, Framing, Outbox, OutboxOptions};

/// How many channels there are.
pub const CHANNELS: u8 = 4;
/// A set of channels, a bit each.
pub type Mask = u8;

/// A frame is the place of its event, ten bytes long.
static PLACES: Dialect = Dialect { slot: 0, encode: |event| format!("{:>9} ", event.offset()).into() };
/// Few frames make an outbox high.
const MARKS: OutboxOptions = OutboxOptions { high_water: 40, low_water: 10 };
/// A paced client gets a value a second.
const RATE: f64 = 1.0;

/// A client with its seat.
pub struct Tab {
    seat: Seat,
    outbox: Outbox,
    has_gap: Rc<Cell<bool>>,
    /// Lives as long as its tab.
    _session: Addr<Session>,
    is_held: bool,
    began_at: Offset,
    /// Where it was told that it stands when it was held.
    held_at: Offset,
    heard: Vec<Heard>,
    received: Vec<Offset>,
}

/// A channel, from behind one place up to another.
struct Heard {
    channel: Channel,
    from: Offset,
    until: Option<Offset>,
    is_paced: bool,
}

struct Session(Rc<Cell<bool>>);

impl Actor for Session {
    type Context = actix::Context<Self>;
}

impl Handler<Gapped> for Session {
    type Result = ();

    fn handle(&mut self, _: Gapped, _: &mut Self::Context) {
        self.0.set(true);
    }
}

pub fn channels_of(mask: Mask) -> Vec<Channel> {
    (0..CHANNELS).filter(|number| mask & (1 << number) != 0).map(channel).collect()
}

fn channel(number: u8) -> Channel {
    Channel::Custom(number.to_string().into())
}

fn pace(is_paced: bool) -> Option<Pace> {
    is_paced.then(|| Pace::of_rate(RATE).unwrap())
}

fn wanted(mask: Mask, is_paced: bool) -> Vec<Wanted> {
    channels_of(mask).into_iter().map(|channel| Wanted { channel, pace: pace(is_paced) }).collect()
}

impl Tab {
    pub fn new(relay: &LocalRelay) -> Self {
        let has_gap = Rc::new(Cell::new(false));
        let flusher = Flusher::start(Duration::ZERO, |_| {});
        let outbox = Outbox::taken(Framing::Text, flusher, MARKS);
        let session = Session(Rc::clone(&has_gap)).start();
        let seat = relay.join(SeatOptions {
            id: SessionId::generate(),
            outbox: outbox.clone(),
            dialect: &PLACES,
            owner: None,
            session: session.downgrade().recipient(),
        });
        let (heard, received) = (Vec::new(), Vec::new());
        Self {
            seat,
            outbox,
            has_gap,
            _session: session,
            is_held: false,
            began_at: relay.cursor().offset,
            held_at: 0,
            heard,
            received,
        }
    }

    /// The place of an event received a while ago, or where the client began.
    pub fn cursor(&self, back: usize) -> Offset {
        self.received.iter().rev().nth(back).copied().unwrap_or(self.began_at)
    }

    pub fn hold(&mut self) {
        self.held_at = self.seat.hold().offset;
        self.is_held = true;
    }

    pub fn release(&mut self, mask: Mask, is_paced: bool) {
        let from = self.seat.hold().offset;
        self.held_at = from;
        self.is_held = false;
        self.listen(mask, is_paced, from);
        self.seat.release(&wanted(mask, is_paced));
    }

    /// Goes on from a cursor if that can be; else begins anew. Answers whether it could.
    pub fn come_back(&mut self, cursor: Cursor, mask: Mask, is_paced: bool) -> bool {
        self.hold();
        if !self.seat.can_resume(cursor) {
            self.release(mask, is_paced);
            return false;
        }
        self.is_held = false;
        self.began_at = cursor.offset;
        self.held_at = cursor.offset;
        self.listen(mask, is_paced, cursor.offset);
        self.seat.resume(&wanted(mask, is_paced), cursor);
        true
    }

    fn listen(&mut self, mask: Mask, is_paced: bool, from: Offset) {
        for channel in channels_of(mask) {
            let known = self.heard.iter_mut().find(|heard| heard.channel == channel && heard.until.is_none());
            match known {
                Some(known) => known.is_paced = is_paced,
                None => self.heard.push(Heard { channel, from, until: None, is_paced }),
            }
        }
    }

    pub fn leave(&mut self, number: u8, head: Offset) {
        let channel = channel(number);
        self.seat.leave(&channel);
        let heard = self.heard.iter_mut().filter(|heard| heard.channel == channel && heard.until.is_none());
        heard.for_each(|heard| heard.until = Some(head));
    }

    /// What the session does when events are lost: it begins anew with snapshots.
    pub fn mend(&mut self, head: Offset, log: &[Arc<Event>]) {
        if !self.has_gap.take() {
            return;
        }
        self.read(usize::MAX, log);
        self.check_all_received(log, self.held_at);
        let from = self.seat.start_over().offset;
        let (mut again, mut fresh) = (Vec::new(), Vec::new());
        for heard in self.heard.iter_mut().filter(|heard| heard.until.is_none()) {
            heard.until = Some(head);
            let (channel, is_paced) = (heard.channel.clone(), heard.is_paced);
            again.push(Wanted { channel: channel.clone(), pace: pace(is_paced) });
            fresh.push(Heard { channel, from, until: None, is_paced });
        }
        self.heard.extend(fresh);
        self.is_held = false;
        self.seat.release(&again);
    }

    /// Takes so many frames, each checked against what must have come before it; answers how many there were.
    pub fn read(&mut self, frames: usize, log: &[Arc<Event>]) -> usize {
        let mut cx = Context::from_waker(Waker::noop());
        let mut count = 0;
        while count < frames {
            let Poll::Ready(Some(taken)) = self.outbox.poll_take(&mut cx, 0) else { break };
            for frame in taken {
                let place = std::str::from_utf8(&frame).unwrap().trim().parse().unwrap();
                self.receive(place, log);
                count += 1;
            }
        }
        count
    }

    fn receive(&mut self, place: Offset, log: &[Arc<Event>]) {
        let last = self.cursor(0);
        assert!(self.received.is_empty() || place > last, "{place} came after {last}");
        let event = log.iter().find(|event| event.offset() == place).expect("the event happened");
        assert!(self.heard.iter().any(|heard| heard.covers(event)), "{event:?} was not for this client");
        for skipped in log.iter().filter(|event| event.offset() > last && event.offset() < place) {
            let is_missed = self.must_get(skipped) && !is_replaced(skipped, log);
            assert!(!is_missed, "{skipped:?} is lost before {place}");
        }
        self.received.push(place);
    }

    /// Whatever must come up to a place has come: a state told with that place hides nothing that is lost.
    fn check_all_received(&self, log: &[Arc<Event>], until: Offset) {
        for event in log.iter().filter(|event| event.offset() > self.cursor(0) && event.offset() <= until) {
            let is_missed = self.must_get(event) && !is_replaced(event, log);
            assert!(!is_missed, "{event:?} is lost, and hidden by a state of {until}");
        }
    }

    /// Nothing may wait that must come at once: events, and the newest values of what is not paced.
    pub fn check_nothing_waits(&self, log: &[Arc<Event>], head: Offset) {
        if self.is_held {
            return;
        }
        let known: Vec<_> = log.iter().filter(|event| event.offset() <= head).cloned().collect();
        for event in known.iter().filter(|event| event.offset() > self.cursor(0)) {
            let is_unpaced = self.heard.iter().any(|heard| heard.must(event) && !heard.is_paced);
            let comes_at_once = event.what.delivery.is_each() || is_unpaced;
            let waits = comes_at_once && self.must_get(event) && !is_replaced(event, &known);
            assert!(!waits, "{event:?} waits for nothing");
        }
    }

    fn must_get(&self, event: &Event) -> bool {
        self.heard.iter().any(|heard| heard.must(event))
    }
}

impl Heard {
    fn covers(&self, event: &Event) -> bool {
        event.what.audience.contains(&self.channel)
            && event.offset() > self.from
            && self.until.is_none_or(|until| event.offset() <= until)
    }

    fn must(&self, event: &Event) -> bool {
        self.until.is_none() && self.covers(event)
    }
}

/// Whether a newer value, or the end of its key, made this value worthless.
fn is_replaced(event: &Event, log: &[Arc<Event>]) -> bool {
    let Delivery::Latest(key) = &event.what.delivery else { return false };
    let newer = log.iter().filter(|other| other.offset() > event.offset());
    let mut keys = newer.filter_map(|other| match &other.what.delivery {
        Delivery::Latest(other) | Delivery::EachEnding(other) => Some(other),
        Delivery::Each => None,
    });
    keys.any(|other| other == key)
}
