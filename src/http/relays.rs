//! The relays of all worker threads, for whoever asks after their health.

use std::sync::{Arc, Mutex, PoisonError};

use actix::Recipient;

use crate::broker::RelayCheck;

/// A list that workers add their relay to when they start.
#[derive(Clone, Default)]
pub struct RelayList(Arc<Mutex<Vec<Recipient<RelayCheck>>>>);

impl RelayList {
    /// Adds the relay of a worker that starts; those of workers that ended leave.
    pub fn add(&self, relay: Recipient<RelayCheck>) {
        let mut relays = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        relays.retain(Recipient::connected);
        relays.push(relay);
    }

    /// The relays that run.
    #[must_use]
    pub fn all(&self) -> Vec<Recipient<RelayCheck>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
