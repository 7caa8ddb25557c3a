//! Many clients that go on for the same reason: one slice after the other, so that other work of the thread gets its turn.

use std::sync::Arc;
use std::vec::IntoIter;

use super::client::{Ticket, Until};
use super::local::{LocalRelay, State};
use crate::domain::cursor::Offset;
use crate::domain::event::Event;

/// How many clients go on in one turn. Few in tests, so that much happens between two turns.
const SLICE: usize = if cfg!(test) { 1 } else { 256 };

/// How many events are looked through in one turn, but for those of its last client.
const EVENTS: usize = 16_384;

/// What clients go on with.
pub(super) enum Step {
    /// Each with what it missed.
    CatchUp,
    /// All with the same events, which reach up to a place.
    TurnPage(Vec<Arc<Event>>, Offset),
    /// With nothing: events are lost.
    GiveUp,
}

impl State {
    /// Makes all clients wait for their turn that had everything up to a place, or wait for a moment of their own; answers
    /// who is to have a turn.
    pub fn wait_all(&mut self, has: Offset) -> Vec<(u32, Ticket)> {
        let mut waiting = Vec::new();
        for number in 0..u32::try_from(self.clients.len()).unwrap_or(u32::MAX) {
            let Some(client) = self.client(number) else { continue };
            match &mut client.behind {
                None => waiting.push((number, self.wait(number, has, Until::Turn))),
                // Something that must come at once may be among what was not heard of here.
                Some(behind) if matches!(behind.until, Until::Due(_)) => {
                    behind.until.forget_noted();
                    waiting.push((number, behind.ticket));
                }
                Some(_) => {}
            }
        }
        waiting
    }

    /// Lets clients go on that still wait for what their tickets name.
    ///
    /// Between two slices anything may happen to those who wait: they are handed nothing, and whoever lets them go on, or
    /// wait for something else, takes them out of this walk by a new ticket.
    pub fn walk(&mut self, clients: Vec<(u32, Ticket)>, step: Step, relay: &LocalRelay) {
        let mut clients = clients.into_iter();
        self.go_on_with_slice(&mut clients, &step, relay);
        if clients.as_slice().is_empty() {
            return;
        }
        self.walks += 1;
        let relay = relay.downgrade();
        actix_rt::spawn(async move {
            while !clients.as_slice().is_empty() {
                tokio::task::yield_now().await;
                let Some(relay) = relay.upgrade() else { return };
                relay.state().go_on_with_slice(&mut clients, &step, &relay);
            }
            if let Some(relay) = relay.upgrade() {
                relay.state().walks -= 1;
            }
        });
    }

    fn go_on_with_slice(&mut self, clients: &mut IntoIter<(u32, Ticket)>, step: &Step, relay: &LocalRelay) {
        self.looked_through = 0;
        for (number, ticket) in clients.by_ref().take(SLICE) {
            if !self.client(number).is_some_and(|client| client.waits_with(ticket)) {
                continue;
            }
            match step {
                Step::CatchUp => self.catch_up(number, relay),
                Step::TurnPage(missed, end) => self.turn_page(number, missed, *end, relay),
                Step::GiveUp => self.lose(number),
            }
            if self.looked_through >= EVENTS {
                return;
            }
        }
    }
}
