//! How a client comes to wait, and how it catches up: one way for new, resumed, slow and paced clients.

use std::sync::Arc;

use tokio::time::Instant;

use super::client::{Behind, Due, Halt, Handed, Ticket, Until};
use super::local::{LocalRelay, State};
use super::noted::Noted;
use super::seat::Gapped;
use crate::domain::cursor::{Cursor, Offset};
use crate::domain::event::Event;

impl State {
    /// Makes a client wait; it has everything up to `has`.
    pub fn wait(&mut self, number: u32, has: Offset, until: Until) -> Ticket {
        let ticket = self.next_ticket();
        if let Some(client) = self.client(number) {
            client.behind = Some(Behind { has, until, ticket });
        }
        ticket
    }

    fn wait_until_low(&mut self, number: u32, has: Offset, relay: &LocalRelay) {
        self.metrics.fell_behind();
        let ticket = self.wait(number, has, Until::Low);
        let relay = relay.downgrade();
        let Some(client) = self.client(number) else { return };
        client.seat.outbox.when_low(move || {
            if let Some(relay) = relay.upgrade() {
                relay.wake(number, ticket);
            }
        });
    }

    fn wait_until_due(&mut self, number: u32, has: Offset, at: Instant, noted: Noted, relay: &LocalRelay) {
        let ticket = self.next_ticket();
        let relay = relay.downgrade();
        let timer = actix_rt::spawn(async move {
            tokio::time::sleep_until(at).await;
            if let Some(relay) = relay.upgrade() {
                relay.wake(number, ticket);
            }
        });
        if let Some(client) = self.client(number) {
            client.behind = Some(Behind { has, until: Until::Due(Due { at, timer, noted }), ticket });
        }
    }

    /// Hands an event to a client that may not take it as it comes.
    pub fn hand_with_care(&mut self, number: u32, event: &Arc<Event>, relay: &LocalRelay) {
        let Some(client) = self.clients.get_mut(number as usize).and_then(Option::as_mut) else { return };
        if client.behind.is_some() {
            return self.hand_to_paced(number, event, relay);
        }
        let has = event.offset() - 1;
        let is_boundary = event.what.is_boundary();
        let is_latest = !event.what.delivery.is_each();
        match client.due(number, event, &self.index) {
            _ if client.seat.outbox.is_high() => {
                client.passed += u64::from(is_latest);
                self.wait_until_low(number, has, relay);
            }
            Some(at) => {
                client.passed += 1;
                self.wait_until_due(number, has, at, Noted::one(event.offset()), relay);
            }
            None if is_boundary => self.give_up(number, has),
            None => {
                client.send(event);
                self.metrics.delivered(1);
            }
        }
    }

    /// Lets an event wait with the others of a paced client, or brings them all along with it.
    fn hand_to_paced(&mut self, number: u32, event: &Arc<Event>, relay: &LocalRelay) {
        let Some(client) = self.clients.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let due_at = client.due(number, event, &self.index);
        let Some(Behind { has, until: Until::Due(due), .. }) = &mut client.behind else { return };
        let is_latest = !event.what.delivery.is_each();
        if is_latest {
            due.noted.note(event.offset(), &self.replica);
        }
        match due_at {
            None => self.catch_up_with(number, Some(event).filter(|_| !is_latest), relay),
            Some(at) if at < due.at => {
                let (has, noted) = (*has, std::mem::replace(&mut due.noted, Noted::unknown()));
                self.wait_until_due(number, has, at, noted, relay);
            }
            Some(_) => {}
        }
    }

    /// Hands a client everything it missed, until it has all or must wait again.
    pub fn catch_up(&mut self, number: u32, relay: &LocalRelay) {
        self.catch_up_with(number, None, relay);
    }

    /// The same when this event has just come that a paced client does not wait for.
    fn catch_up_with(&mut self, number: u32, newest: Option<&Arc<Event>>, relay: &LocalRelay) {
        let Some(behind) = self.client(number).and_then(|client| client.behind.take()) else { return };
        let noted = match &behind.until {
            Until::Due(due) => due.noted.values(&self.replica),
            _ => None,
        };
        match noted {
            Some(mut missed) => {
                missed.extend(newest.cloned());
                self.hand_missed(number, &missed, relay);
            }
            None => self.go_on(number, behind.has, relay),
        }
        self.count_passed(number, matches!(behind.until, Until::Due(_)));
    }

    /// Goes on for a client that has everything up to a place.
    pub fn go_on(&mut self, number: u32, has: Offset, relay: &LocalRelay) {
        let cursor = Cursor { offset: has, ..self.replica.cursor() };
        if self.replica.reaches(cursor).is_ok() {
            let State { replica, clients, index, .. } = self;
            let Some(client) = clients.get_mut(number as usize).and_then(Option::as_mut) else { return };
            let handed = client.take_missed(number, replica.since(has), index);
            self.note_handed(number, &handed, relay);
        } else if self.reads.reach(cursor) {
            self.ask_for_page(number, has, relay);
        } else {
            self.give_up(number, has);
        }
    }

    /// Hands over what a client listens to of these events; answers whether it took them all, and may go on.
    pub fn hand_missed(&mut self, number: u32, missed: &[Arc<Event>], relay: &LocalRelay) -> bool {
        let Some(client) = self.clients.get_mut(number as usize).and_then(Option::as_mut) else { return false };
        let handed = client.take_missed(number, missed, &self.index);
        self.note_handed(number, &handed, relay);
        handed.halt.is_none()
    }

    fn note_handed(&mut self, number: u32, handed: &Handed, relay: &LocalRelay) {
        let head = self.replica.cursor().offset;
        if let Some(client) = self.client(number) {
            client.seen = client.seen.max(head);
        }
        self.looked_through += handed.looked_through;
        self.metrics.delivered(handed.deliveries);
        match handed.halt {
            Some(Halt::Full(has)) => self.wait_until_low(number, has, relay),
            Some(Halt::Boundary(has)) => self.give_up(number, has),
            None => {}
        }
    }

    /// Counts what was replaced by newer values while a client was behind, once it is not any more.
    pub fn count_passed(&mut self, number: u32, is_on_purpose: bool) {
        let Some(client) = self.client(number).filter(|client| client.behind.is_none()) else { return };
        client.waiting.clear();
        let passed = std::mem::take(&mut client.passed);
        client.conflated += passed;
        if is_on_purpose {
            self.metrics.paced(passed);
        } else {
            self.metrics.dropped(passed);
        }
    }

    /// Events are lost behind what a client has.
    pub fn lose(&mut self, number: u32) {
        let head = self.replica.cursor().offset;
        let Some(client) = self.client(number) else { return };
        let has = client.behind.as_ref().map_or(head, |behind| behind.has);
        self.give_up(number, has);
    }

    /// Ends the subscriptions of a client for whom events behind a place are lost, until its session mends that.
    pub fn give_up(&mut self, number: u32, has: Offset) {
        self.index.remove_seat(number);
        self.wait(number, has, Until::Mended);
        let Some(client) = self.client(number) else { return };
        client.waiting.clear();
        client.is_paced = false;
        // Rare and one per client; a session that is gone needs no word.
        if let Some(session) = client.seat.session.upgrade() {
            session.do_send(Gapped);
        }
    }
}
