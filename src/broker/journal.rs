//! Where `Each` events become durable before anyone sees them.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use crate::domain::cursor::Cursor;
use crate::domain::event::{Event, NewEvent};
use crate::domain::topic::Channel;
use crate::store::announcements::{self, AnnouncementId};
use crate::store::events::{self, Page};
use crate::store::{Connection, Store, StoreError, modules, order, presence};

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

/// An event that is in the journal now; none if it was before.
pub type Appended = Option<Arc<Event>>;

/// The journal of `Each` events: the broker appends in order, a batch at a time.
///
/// Invariant: no batch is answered before it is known whether it is durable, however long the database is away: the next
/// one must not get places before it. The store alone finds that out ([`Store::write_surely`]).
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

    /// Makes the events durable, all or none, in one transaction; answers each as it is told from now on, and none for
    /// what was in the journal already.
    ///
    /// # Errors
    /// [`JournalError`] when they are not durable; the broker then lets nobody see them.
    pub fn append(&self, batch: Arc<[Entry]>) -> LocalBoxFuture<'static, Result<Vec<Appended>, JournalError>> {
        let store = self.store.clone();
        Box::pin(async move {
            let events = batch.len();
            let written = Arc::clone(&batch);
            let appended = store.write_surely(move |conn| append(conn, &written), move |conn| find(conn, &batch));
            appended.await.map_err(|error| {
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

/// What became of a batch whose connection was lost before the answer: none if it is not in the journal.
fn find(conn: &mut Connection, batch: &[Entry]) -> Result<Option<Vec<Appended>>, StoreError> {
    let Some(Cursor { epoch, offset }) = batch.first().map(|entry| entry.event.cursor) else { return Ok(None) };
    let page = Page { events: batch.len(), bytes: usize::MAX };
    let found = events::after(conn, epoch, offset - 1, page)?;
    let at = |entry: &Entry| found.iter().find(|event| event.offset() == entry.event.offset()).cloned();
    Ok((!found.is_empty()).then(|| batch.iter().map(at).collect()))
}

fn append(conn: &mut Connection, batch: &[Entry]) -> Result<Vec<Appended>, StoreError> {
    let mut taken = announcements::take_all(conn, batch.iter().filter_map(|entry| entry.announcement.as_ref()))?;
    let appended = batch.iter().map(|entry| match &entry.announcement {
        // A second one of the same announcement is none any more.
        Some(id) => Ok(taken.remove(id).then(|| Arc::clone(&entry.event))),
        None => of_its_owner(conn, &entry.event).map(Some),
    });
    let appended = appended.collect::<Result<Vec<_>, _>>()?;
    let new = || appended.iter().flatten();
    events::append(conn, new().map(|event| &**event))?;
    presence::note(conn, new().map(|event| &event.what))?;
    Ok(appended)
}

/// Notes whose module it is that other programs tell something of, so that nobody hears it who comes to own it later.
///
/// Exact, because a change of owner is a transaction as well: each event is before it or after it.
fn of_its_owner(conn: &mut Connection, event: &Arc<Event>) -> Result<Arc<Event>, StoreError> {
    let Some(module) = event.what.custom_of() else { return Ok(Arc::clone(event)) };
    let Some(owner) = modules::owner(conn, module)? else { return Ok(Arc::clone(event)) };
    let mut what = NewEvent::clone(&event.what);
    what.audience.push(Channel::OwnedBy(owner));
    Ok(Arc::new(what.stamped(event.cursor.epoch, event.offset())))
}
