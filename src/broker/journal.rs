//! Where `Each` events become durable before anyone sees them.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use crate::domain::event::Event;
use crate::store::announcements::{self, AnnouncementId};
use crate::store::{Connection, Store, StoreError, events, order, presence};

/// An event could not be made durable; nobody saw it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot take events now")]
pub struct JournalError;

/// An event that has its place and is to be made durable.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The event.
    pub event: Arc<Event>,
    /// The announcement it was until now; if that is gone, it is in the journal already.
    pub announcement: Option<AnnouncementId>,
}

/// The journal of `Each` events: the broker appends in order, a batch at a time.
#[derive(Clone)]
pub struct Journal {
    store: Store,
}

impl Journal {
    /// The journal of a database.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Makes the events durable, all or none, in one transaction; answers of each whether it is new.
    ///
    /// # Errors
    /// [`JournalError`] when they are not durable; the broker then lets nobody see them.
    pub fn append(&self, batch: Arc<[Entry]>) -> LocalBoxFuture<'static, Result<Vec<bool>, JournalError>> {
        let store = self.store.clone();
        Box::pin(async move {
            let events = batch.len();
            store.write(move |conn| append(conn, &batch)).await.map_err(|error| {
                tracing::error!(%error, events, "events could not be made durable, nobody gets them");
                JournalError
            })
        })
    }

    /// Notes that places up to `reserved` may be given away.
    ///
    /// # Errors
    /// [`JournalError`] when that is not durable.
    pub fn reserve(&self, reserved: u64) -> LocalBoxFuture<'static, Result<(), JournalError>> {
        let store = self.store.clone();
        Box::pin(async move {
            store.write(move |conn| order::reserve(conn, reserved)).await.map_err(|error| {
                tracing::error!(%error, "the order of events could not be noted");
                JournalError
            })
        })
    }
}

fn append(conn: &mut Connection, batch: &[Entry]) -> Result<Vec<bool>, StoreError> {
    let taken = batch.iter().map(|entry| match &entry.announcement {
        Some(id) => announcements::take(conn, id),
        None => Ok(true),
    });
    let are_new = taken.collect::<Result<Vec<_>, _>>()?;
    let new = || batch.iter().zip(&are_new).filter(|(_, is_new)| **is_new).map(|(entry, _)| &*entry.event);
    events::append(conn, new())?;
    for event in new() {
        presence::note(conn, &event.what)?;
    }
    Ok(are_new)
}
