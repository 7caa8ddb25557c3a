//! How a client comes to wait, and how it catches up: one way for new, resumed, slow and paced clients.

use std::sync::Arc;

use tokio::time::Instant;

use super::client::{Behind, Due, Ticket, Until};
use super::local::{LocalRelay, State};
use super::replica::Gap;
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

    fn wait_until_due(&mut self, number: u32, has: Offset, at: Instant, relay: &LocalRelay) {
        let ticket = self.next_ticket();
        let relay = relay.downgrade();
        let timer = actix_rt::spawn(async move {
            tokio::time::sleep_until(at).await;
            if let Some(relay) = relay.upgrade() {
                relay.wake(number, ticket);
            }
        });
        if let Some(client) = self.client(number) {
            client.behind = Some(Behind { has, until: Until::Due(Due { at, timer }), ticket });
        }
    }

    /// Hands an event to a client that may not take it as it comes.
    pub fn hand_with_care(&mut self, number: u32, event: &Event, relay: &LocalRelay) {
        let Some(client) = self.clients.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let due = client.due(number, event, &self.index);
        let is_latest = !event.what.delivery.is_each();
        let has = event.offset() - 1;
        match (&client.behind, due) {
            (Some(_), None) => self.catch_up(number, relay),
            (Some(behind), Some(at)) => {
                let has = behind.has;
                self.wait_until_due(number, has, at, relay);
            }
            (None, _) if client.seat.outbox.is_high() => {
                client.passed += u64::from(is_latest);
                self.wait_until_low(number, has, relay);
            }
            (None, Some(at)) => {
                client.passed += u64::from(is_latest);
                self.wait_until_due(number, has, at, relay);
            }
            (None, None) => {
                client.send(event);
                self.metrics.delivered(1);
            }
        }
    }

    /// Hands a client everything it missed, until it has all or must wait again.
    pub fn catch_up(&mut self, number: u32, relay: &LocalRelay) {
        let Some(behind) = self.client(number).and_then(|client| client.behind.take()) else { return };
        let is_on_purpose = matches!(behind.until, Until::Due(_));
        self.go_on(number, behind.has, relay);
        self.count_passed(number, is_on_purpose);
    }

    /// Goes on for a client that has everything up to a place.
    pub fn go_on(&mut self, number: u32, has: Offset, relay: &LocalRelay) {
        let cursor = Cursor { offset: has, ..self.replica.cursor() };
        if self.replica.reaches(cursor).is_ok() {
            let missed = self.replica.since(has);
            self.hand_missed(number, &missed, relay);
        } else if self.reads.reach(cursor) {
            self.ask_for_page(number, has, relay);
        } else {
            self.give_up(number, Gap { missed: None });
        }
    }

    /// Hands over what a client listens to of these events; answers whether its outbox took them all.
    pub fn hand_missed(&mut self, number: u32, missed: &[Arc<Event>], relay: &LocalRelay) -> bool {
        let head = self.replica.cursor().offset;
        let Some(client) = self.clients.get_mut(number as usize).and_then(Option::as_mut) else { return false };
        client.seen = client.seen.max(head);
        let mut deliveries = 0;
        let mut full_at = None;
        for event in missed {
            let heard = event.what.audience.iter().filter(|channel| client.may_look_back(event, channel));
            let mut heard = heard.filter_map(|channel| self.index.listens(number, channel));
            if !heard.any(|from| from < event.offset()) {
                continue;
            }
            if client.seat.outbox.is_high() {
                full_at = Some(event.offset() - 1);
                break;
            }
            client.send(event);
            deliveries += 1;
            client.passed = client.passed.saturating_sub(u64::from(!event.what.delivery.is_each()));
        }
        self.metrics.delivered(deliveries);
        if let Some(has) = full_at {
            self.wait_until_low(number, has, relay);
        }
        full_at.is_none()
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

    /// Ends the subscriptions of a client for whom events are lost.
    pub fn give_up(&mut self, number: u32, gap: Gap) {
        self.index.remove_seat(number);
        let Some(client) = self.client(number) else { return };
        client.behind = None;
        client.waiting.clear();
        client.is_paced = false;
        // Rare and one per client; a session that is gone needs no word.
        client.seat.session.do_send(Gapped(gap));
    }
}
