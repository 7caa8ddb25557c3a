//! Catching up with what is older than the ring: pages of the journal, a few at a time.
//!
//! Clients that have the same and want the next page share one read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::archive::Archive;
use super::client::{Ticket, Until};
use super::local::{LocalRelay, State};
use super::walk::Step;
use crate::domain::cursor::{Cursor, Offset};
use crate::domain::event::Event;

/// Events on a page.
const PAGE: usize = 256;

/// Pages that one relay reads at once; who wants another waits.
const READS_MAX: usize = 4;

/// How long a page may take.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

type Page = Vec<Arc<Event>>;

/// The pages that clients of a relay wait for.
///
/// Invariant: the first `under_way` of `reads`, at most `READS_MAX`, are being read; no two of `reads` begin at the same
/// place.
#[derive(Default)]
pub(super) struct Reads {
    archive: Option<Archive>,
    reads: VecDeque<Read>,
    under_way: usize,
}

struct Read {
    /// The page begins behind this place.
    after: Offset,
    readers: Vec<(u32, Ticket)>,
}

impl Reads {
    pub const fn of(archive: Archive) -> Self {
        Self { archive: Some(archive), reads: VecDeque::new(), under_way: 0 }
    }

    /// Whether nobody waits for a page.
    #[cfg(test)]
    pub fn is_idle(&self) -> bool {
        self.reads.is_empty()
    }

    /// Whether everything after the cursor is in the journal.
    pub fn reach(&self, cursor: Cursor) -> bool {
        let Some(archive) = &self.archive else { return false };
        cursor.epoch == archive.epoch() && cursor.offset >= archive.floor()
    }
}

impl State {
    /// Whether everything after the cursor can still be told.
    pub fn reaches(&self, cursor: Cursor) -> bool {
        let head = self.replica.cursor();
        let is_known = cursor.epoch == head.epoch && cursor.offset <= head.offset;
        is_known && (self.replica.reaches(cursor).is_ok() || self.reads.reach(cursor))
    }

    /// Makes a client wait for the events behind what it has.
    pub fn ask_for_page(&mut self, number: u32, has: Offset, relay: &LocalRelay) {
        let ticket = self.wait(number, has, Until::Page);
        match self.reads.reads.iter_mut().find(|read| read.after == has) {
            Some(read) => read.readers.push((number, ticket)),
            None => self.reads.reads.push_back(Read { after: has, readers: vec![(number, ticket)] }),
        }
        self.read_on(relay);
    }

    /// Begins to read as many pages as may be read at once.
    fn read_on(&mut self, relay: &LocalRelay) {
        while self.reads.under_way < READS_MAX {
            let Some(next) = self.reads.reads.get_mut(self.reads.under_way) else { return };
            next.readers.retain(|(number, ticket)| {
                let client = self.clients.get(*number as usize).and_then(Option::as_ref);
                client.is_some_and(|client| client.waits_with(*ticket))
            });
            let (after, is_wanted) = (next.after, !next.readers.is_empty());
            let Some(archive) = self.reads.archive.clone().filter(|_| is_wanted) else {
                self.reads.reads.remove(self.reads.under_way);
                continue;
            };
            self.reads.under_way += 1;
            // What lies up to here has been committed before the page is read, and is on it.
            let (floor, relay) = (self.replica.floor(), relay.downgrade());
            actix_rt::spawn(async move {
                let page = read_page(&archive, after).await;
                if let Some(relay) = relay.upgrade() {
                    relay.state().take_page(after, floor, page, &relay);
                }
            });
        }
    }

    /// Hands a page to those who still wait for it.
    fn take_page(&mut self, after: Offset, floor: Offset, page: Option<Page>, relay: &LocalRelay) {
        let place = self.reads.reads.iter().take(self.reads.under_way).position(|read| read.after == after);
        let Some(read) = place.and_then(|place| self.reads.reads.remove(place)) else { return };
        self.reads.under_way -= 1;
        self.metrics.page_read();
        let step = page.map_or(Step::GiveUp, |page| {
            let (missed, end) = self.span_of(after, floor, page);
            Step::TurnPage(missed, end)
        });
        self.walk(read.readers, step, relay);
        self.read_on(relay);
    }

    /// What happened up to a place that the page reaches and the ring does not pass: its events merged with the latest
    /// values of that span.
    fn span_of(&self, after: Offset, floor: Offset, mut page: Page) -> (Page, Offset) {
        // The ring goes on from its own floor; the journal may be ahead of what this relay has heard.
        let end = page.last().map_or(floor, |last| last.offset()).min(self.replica.floor());
        page.retain(|event| event.offset() <= end);
        page.extend(self.replica.latest_within(after, end).cloned());
        page.sort_unstable_by_key(|event| event.offset());
        (page, end)
    }

    /// Hands a client the events of a page that reaches up to a place, and goes on behind it.
    pub fn turn_page(&mut self, number: u32, missed: &[Arc<Event>], end: Offset, relay: &LocalRelay) {
        let Some(client) = self.client(number) else { return };
        client.behind = None;
        if self.hand_missed(number, missed, relay) {
            self.go_on(number, end, relay);
        }
        self.count_passed(number, false);
    }
}

/// The events behind a place; none if they cannot be had.
async fn read_page(archive: &Archive, after: Offset) -> Option<Page> {
    match tokio::time::timeout(READ_TIMEOUT, archive.after(after, PAGE)).await {
        Ok(Ok(page)) => Some(page),
        Ok(Err(error)) => {
            tracing::warn!(%error, "clients cannot catch up from the journal");
            None
        }
        Err(error) => {
            tracing::error!(%error, "the journal does not answer");
            None
        }
    }
}
