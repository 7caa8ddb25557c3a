//! What a paced client waits for, by name, so that it need not be looked for among everything that happened.

use std::sync::Arc;

use super::replica::Replica;
use crate::domain::cursor::Offset;
use crate::domain::event::Event;

/// How many values are noted; a client that waits for more looks through all. Few in tests, so that some do.
const NOTED_MAX: usize = if cfg!(test) { 4 } else { 64 };

/// The places of the latest values that wait for their moment.
///
/// Invariant: unless it is none, all that the client waits for is there, oldest first, but for what was replaced since.
#[derive(Debug)]
pub(super) struct Noted(Option<Vec<Offset>>);

impl Noted {
    /// The client waits for one value.
    pub fn one(offset: Offset) -> Self {
        Self(Some(vec![offset]))
    }

    /// What the client waits for must be looked for.
    pub const fn unknown() -> Self {
        Self(None)
    }

    /// Notes one more. Those that were replaced are forgotten when there are too many; if too many are left, all are.
    pub fn note(&mut self, offset: Offset, replica: &Replica) {
        let Some(noted) = &mut self.0 else { return };
        if noted.len() >= NOTED_MAX {
            noted.retain(|offset| replica.latest_at(*offset).is_some());
            if noted.len() > NOTED_MAX / 2 {
                self.0 = None;
                return;
            }
        }
        noted.push(offset);
    }

    /// The values that wait, oldest first; none if they must be looked for.
    pub fn values(&self, replica: &Replica) -> Option<Vec<Arc<Event>>> {
        let noted = self.0.as_ref()?;
        Some(noted.iter().filter_map(|offset| replica.latest_at(*offset).cloned()).collect())
    }
}
