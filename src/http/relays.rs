//! The relays of all worker threads, for whoever asks after their health.

use std::sync::{Arc, Mutex, PoisonError};

use actix::Addr;
use tokio::sync::Notify;

use crate::broker::Relay;

/// A list that workers add their relay to when they start.
#[derive(Clone, Default)]
pub struct RelayList(Arc<Inner>);

#[derive(Default)]
struct Inner {
    relays: Mutex<Vec<Addr<Relay>>>,
    added: Notify,
}

impl RelayList {
    /// Adds the relay of a worker that starts; those of workers that ended leave.
    pub fn add(&self, relay: Addr<Relay>) {
        {
            let mut relays = self.0.relays.lock().unwrap_or_else(PoisonError::into_inner);
            relays.retain(Addr::connected);
            relays.push(relay);
        }
        self.0.added.notify_waiters();
    }

    /// The relays that run.
    #[must_use]
    pub fn all(&self) -> Vec<Addr<Relay>> {
        self.0.relays.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many relays have started.
    pub async fn wait_for(&self, count: usize) {
        loop {
            let added = self.0.added.notified();
            tokio::pin!(added);
            added.as_mut().enable();
            if self.all().len() >= count {
                return;
            }
            added.await;
        }
    }
}
