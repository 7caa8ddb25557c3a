//! Which session of Engine.IO lives where.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use actix::Addr;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::actor::Engine;
use super::messages::Shut;

/// The sessions of all threads; clones share them.
#[derive(Clone, Default)]
pub struct Engines(Arc<RwLock<HashMap<String, Addr<Engine>>>>);

impl Engines {
    /// A name that nobody can guess; who knows it may speak for the session.
    #[must_use]
    pub fn new_sid() -> String {
        BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 15]>())
    }

    /// The session of this name.
    #[must_use]
    pub fn find(&self, sid: &str) -> Option<Addr<Engine>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(sid).cloned()
    }

    /// Ends those on which nobody sits; the others are ended by whoever sits there.
    pub fn shut(&self) {
        for engine in self.0.read().unwrap_or_else(PoisonError::into_inner).values() {
            // Once, when the hub stops.
            engine.do_send(Shut);
        }
    }

    pub(super) fn add(&self, sid: &str, engine: Addr<Engine>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(sid.to_owned(), engine);
    }

    pub(super) fn remove(&self, sid: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(sid);
    }
}
