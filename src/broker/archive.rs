//! The journal as relays read it: what is older than a ring, a page at a time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::cursor::{Epoch, Offset};
use crate::domain::event::Event;
use crate::store::events::{self, Page};
use crate::store::{Store, StoreError, order};

/// Payload of one page in bytes, but for its last event.
const PAGE_BYTES: usize = 1024 * 1024;

/// Why the journal does not tell what came after a place.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Events after the place were pruned.
    #[error("the events after the cursor are not kept any more")]
    Pruned,
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The journal of `Each` events, read on the store's threads; clones share it.
///
/// What was committed is found here a moment before relays hear of it: who pages from it goes no further than the relay.
#[derive(Clone)]
pub struct Archive {
    store: Store,
    epoch: Epoch,
    floor: Arc<AtomicU64>,
}

impl Archive {
    /// The journal of a database, of which events up to `floor` are gone.
    #[must_use]
    pub fn new(store: Store, epoch: Epoch, floor: Offset) -> Self {
        Self { store, epoch, floor: Arc::new(AtomicU64::new(floor)) }
    }

    /// Which order it holds.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Events up to this place were pruned; whatever came after it is told by [`Archive::after`].
    #[must_use]
    pub fn floor(&self) -> Offset {
        self.floor.load(Ordering::Acquire)
    }

    /// The `Each` events behind a place, oldest first: at most `limit` of them, and no more than a page holds; none
    /// when nothing follows.
    ///
    /// # Errors
    /// [`ArchiveError::Pruned`] when some of them are gone, [`ArchiveError::Store`] when the database does not answer.
    pub async fn after(&self, offset: Offset, limit: usize) -> Result<Vec<Arc<Event>>, ArchiveError> {
        if offset < self.floor() {
            return Err(ArchiveError::Pruned);
        }
        let (epoch, page) = (self.epoch, Page { events: limit, bytes: PAGE_BYTES });
        let reading = self.store.read(move |conn| {
            let found = events::after(conn, epoch, offset, page)?;
            // Read last: what was pruned while the page was read may be missing on it.
            Ok((found, order::pruned(conn)?))
        });
        let (found, pruned) = reading.await?;
        if offset < pruned { Err(ArchiveError::Pruned) } else { Ok(found) }
    }

    /// Tells all who share it that events up to this place were pruned.
    pub fn raise_floor(&self, floor: Offset) {
        self.floor.fetch_max(floor, Ordering::AcqRel);
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("epoch", &self.epoch).field("floor", &self.floor()).finish_non_exhaustive()
    }
}
