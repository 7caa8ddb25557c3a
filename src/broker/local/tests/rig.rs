//! A relay with its broker's memory, perhaps a journal, and clients.

use std::sync::Arc;
use std::time::Duration;

use super::super::*;
use super::tab::{CHANNELS, Mask, Tab, channels_of};
use super::{Kind, TABS};
use crate::broker::Archive;
use crate::domain::cursor::Epoch;
use crate::domain::event::{Delivery, LatestKey, NewEvent, json};
use crate::domain::time::Timestamp;
use crate::store::testing::Scratch;
use crate::store::{Store, events, order};

/// The relay under test, and all that ever happened.
pub struct Rig {
    relay: LocalRelay,
    broker: Replica,
    log: Vec<Arc<Event>>,
    tabs: Vec<Tab>,
    journal: Option<Journal>,
    /// The relay hears nothing.
    pub is_lost: bool,
}

struct Journal {
    store: Store,
    archive: Archive,
    /// How many events it holds.
    events: usize,
    _scratch: Scratch,
}

impl Rig {
    /// One without a journal.
    pub fn new(ring: usize) -> Self {
        Self::of(Epoch::generate(), ring, None)
    }

    /// One whose `Each` events are in a journal.
    pub async fn with_journal(ring: usize) -> Self {
        let scratch = Scratch::new();
        let store = scratch.store();
        let epoch = store.write(order::open).await.unwrap().epoch;
        let archive = Archive::new(store.clone(), epoch, 0);
        Self::of(epoch, ring, Some(Journal { store, archive, events: 0, _scratch: scratch }))
    }

    fn of(epoch: Epoch, ring: usize, journal: Option<Journal>) -> Self {
        let relay = LocalRelay::new(Replica::new(epoch, ring), Metrics::default());
        if let Some(journal) = &journal {
            relay.read_from(journal.archive.clone());
        }
        let tabs = (0..TABS).map(|_| Tab::new(&relay)).collect();
        Self { relay, broker: Replica::new(epoch, ring), log: Vec::new(), tabs, journal, is_lost: false }
    }

    pub async fn publish(&mut self, kinds: &[(Kind, Mask)]) {
        let first = self.log.len();
        for (kind, mask) in kinds {
            let key = |key: u8| LatestKey::Telemetry(format!("m{key}").parse().unwrap());
            let delivery = match *kind {
                Kind::Each => Delivery::Each,
                Kind::Latest(number) => Delivery::Latest(key(number)),
                Kind::Ending(number) => Delivery::EachEnding(key(number)),
            };
            let (name, at) = ("rt_test".parse().unwrap(), Timestamp::from_millis(0));
            let new = NewEvent { name, delivery, audience: channels_of(*mask), data: json(&0), at };
            let head = self.broker.cursor();
            // Some places stay empty, as after a restart.
            let event = Arc::new(new.stamped(head.epoch, head.offset + 1 + u64::from(mask % 3 == 0)));
            self.broker.apply(&event);
            self.log.push(event);
        }
        let events = self.log[first..].to_vec();
        if let Some(journal) = &mut self.journal {
            let each: Vec<_> = events.iter().filter(|event| event.what.delivery.is_each()).cloned().collect();
            journal.events += each.len();
            let append = move |conn: &mut _| events::append(conn, each.iter().map(|event| &**event));
            journal.store.write(append).await.unwrap();
        }
        if !self.is_lost {
            self.relay.clone().deliver_all(events.into(), 0, self.broker.cursor().offset).await;
        }
    }

    /// More is said to come behind what is published next.
    pub fn expect_more(&self, does: bool) {
        self.relay.expect_more(does);
    }

    /// Whether what was published waits for what is to come.
    pub fn is_holding(&self) -> bool {
        self.relay.state().held.is_some()
    }

    pub fn reset(&mut self) {
        self.is_lost = false;
        let kept: Vec<_> = self.broker.since(0).cloned().collect();
        self.relay.reset(self.broker.floor(), &kept, self.broker.cursor());
    }

    pub async fn prune(&mut self, keep: usize) {
        let Some(journal) = &mut self.journal else { return };
        let excess = journal.events.saturating_sub(keep);
        let pruning = move |conn: &mut _| events::prune(conn, excess, Timestamp::from_millis(0), 1000);
        if let Some(pruned) = journal.store.write(pruning).await.unwrap() {
            journal.events -= pruned.events;
            journal.archive.raise_floor(pruned.floor);
        }
    }

    pub fn hold(&mut self, tab: usize) {
        self.tabs[tab].hold();
    }

    pub fn release(&mut self, tab: usize, mask: Mask, is_paced: bool) {
        self.tabs[tab].release(mask, is_paced);
    }

    pub fn leave(&mut self, tab: usize, channel: u8) {
        let head = self.relay.cursor().offset;
        self.tabs[tab].leave(channel, head);
    }

    pub fn read(&mut self, tab: usize, frames: usize) {
        self.tabs[tab].read(frames, &self.log);
    }

    /// Comes back with the cursor of an event that was received, or with where the client began.
    pub fn come_back(&mut self, tab: usize, back: usize, mask: Mask, is_paced: bool) {
        let cursor = Cursor { offset: self.tabs[tab].cursor(back), ..self.relay.cursor() };
        self.tabs[tab] = Tab::new(&self.relay);
        let can_resume = self.tabs[tab].come_back(cursor, mask, is_paced);
        let floor = self.journal.as_ref().map_or(u64::MAX, |journal| journal.archive.floor());
        let is_kept = cursor.offset >= floor && cursor.offset <= self.relay.cursor().offset;
        assert!(can_resume || !is_kept, "the journal has everything after {cursor:?}");
    }

    /// How many events the relay looked through for clients that catch up.
    pub fn looked_through(&self) -> usize {
        self.relay.state().looked_through
    }

    /// Lets time pass; with a journal, whose pages take real time, it does by itself.
    pub async fn wait(&mut self, span: Duration) {
        if self.journal.is_none() {
            tokio::time::advance(span).await;
        }
    }

    /// Waits until nothing is under way, and mends gaps as sessions do.
    pub async fn settle(&mut self) {
        loop {
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            let head = self.relay.cursor().offset;
            self.tabs.iter_mut().for_each(|tab| tab.mend(head, &self.log));
            let is_idle = self.relay.state().reads.is_idle() && self.relay.state().walks == 0;
            if is_idle {
                return;
            }
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
    }

    /// Reads until nothing comes any more; a client that is not held has then been told of everything that must come at
    /// once.
    pub async fn read_all(&mut self, tab: usize) {
        loop {
            self.settle().await;
            if self.tabs[tab].read(usize::MAX, &self.log) == 0 {
                break;
            }
        }
        let head = self.relay.cursor().offset;
        self.tabs[tab].check_nothing_waits(&self.log, head);
    }

    /// Something that comes at once reaches everybody, and everything before it.
    pub async fn finish(&mut self) {
        if self.is_lost {
            self.reset();
        }
        for tab in 0..TABS {
            self.release(tab, 1, false);
            self.read_all(tab).await;
        }
        self.publish(&[(Kind::Each, (1 << CHANNELS) - 1)]).await;
        let last = self.broker.cursor().offset;
        for tab in 0..TABS {
            self.read_all(tab).await;
            assert_eq!(self.tabs[tab].cursor(0), last);
        }
    }
}
