//! What a module has to tell the broker, in order.

use std::collections::VecDeque;

use crate::domain::event::NewEvent;

/// The most events that wait; a module that comes and goes faster than the broker takes it loses its oldest news.
const WAITING_MAX: usize = 64;

/// One thing to publish.
#[derive(Debug)]
pub enum Outgoing {
    /// An event as it is.
    Event(Box<NewEvent>),
    /// The telemetry as it is when its turn comes.
    Telemetry,
}

/// What waits for its turn.
#[derive(Debug, Default)]
pub struct OutgoingLine(VecDeque<Outgoing>);

impl OutgoingLine {
    /// Puts an event at the end; answers whether an older one had to go.
    pub fn push_event(&mut self, event: NewEvent) -> bool {
        let is_full = self.0.len() >= WAITING_MAX;
        // Telemetry is never lost here: somebody waits until it is told.
        let oldest = self.0.iter().position(|one| matches!(one, Outgoing::Event(_))).filter(|_| is_full);
        if let Some(oldest) = oldest {
            self.0.remove(oldest);
        }
        self.0.push_back(Outgoing::Event(Box::new(event)));
        oldest.is_some()
    }

    /// Telemetry is to be published after all that waits.
    pub fn push_telemetry(&mut self) {
        if !matches!(self.0.back(), Some(Outgoing::Telemetry)) {
            self.0.push_back(Outgoing::Telemetry);
        }
    }

    /// Gives back what was not taken.
    pub fn put_back(&mut self, first: Outgoing) {
        self.0.push_front(first);
    }

    /// The next one.
    pub fn pop(&mut self) -> Option<Outgoing> {
        self.0.pop_front()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
