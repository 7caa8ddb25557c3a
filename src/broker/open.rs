//! Where the order goes on after a start: read from the database, and reserved in it.

use std::sync::Arc;

use super::archive::Archive;
use super::journal::Journal;
use super::places::Places;
use super::replica::{BYTES_MAX, Replica};
use crate::domain::cursor::{Epoch, Offset};
use crate::domain::event::{Event, NewEvent};
use crate::domain::time::Timestamp;
use crate::store::announcements;
use crate::store::events::{self, Page};
use crate::store::{Connection, Store, StoreError, order, presence};

/// What a broker begins with.
pub struct OpenOrder {
    pub(super) journal: Journal,
    pub(super) archive: Archive,
    pub(super) replica: Replica,
    pub(super) places: Places,
}

/// Where the database says the order stands.
struct Begun {
    epoch: Epoch,
    pruned: Offset,
    next: Offset,
    reserved: Offset,
    is_writable: bool,
}

impl OpenOrder {
    /// Goes on behind everything that may have been given away before, also by a hub that was killed.
    ///
    /// What the database holds and nobody was told yet becomes part of the journal: changes whose event had not gone
    /// out, and that the modules are offline which were last told to be online. `latest` are the newest values of all
    /// states, oldest first; they get places of their own, so that every client is told of them that was here before.
    /// Of the journal only the newest `ring` events are read.
    ///
    /// A database that cannot be written now gives away no place until it can; cursors from before are gaps then.
    ///
    /// # Errors
    /// When the database does not answer, or holds what cannot be read.
    pub async fn load(store: &Store, latest: Vec<NewEvent>, ring: usize) -> Result<Self, StoreError> {
        let states = latest.len() as u64;
        let begun = match store.write(move |conn| begin(conn, states)).await {
            Err(error) if error.is_emergency() => without_writing(store, error).await?,
            begun => begun?,
        };
        let (epoch, page) = (begun.epoch, Page { events: if begun.is_writable { ring } else { 0 }, bytes: BYTES_MAX });
        let tail = store.read(move |conn| events::tail(conn, epoch, page)).await?;
        let mut places = Places::new(begun.next, begun.reserved);
        let mut replica = Replica::new(epoch, ring);
        replica.reset(epoch, floor_of(&tail, &begun, ring));
        tail.iter().for_each(|event| replica.apply(event));
        replica.advance(begun.next - 1);
        for state in latest {
            let Some(place) = places.take() else { break };
            replica.apply(&Arc::new(state.stamped(epoch, place)));
        }
        tracing::info!(journal.offset = replica.cursor().offset, journal.recent = tail.len(), "the order goes on");
        let archive = Archive::new(store.clone(), epoch, begun.pruned);
        Ok(Self { journal: Journal::new(store.clone()), archive, replica, places })
    }

    /// The journal as relays read it.
    #[must_use]
    pub const fn archive(&self) -> &Archive {
        &self.archive
    }
}

/// Where a database stands that cannot be written now.
async fn without_writing(store: &Store, error: StoreError) -> Result<Begun, StoreError> {
    let Some(order) = store.read(order::find).await? else { return Err(error) };
    tracing::error!(%error, "the order of events goes on when the database can be written again");
    // What is untold cannot become part of the order now, so that nobody may go on from before.
    let reserved = order.reserved;
    Ok(Begun { epoch: order.epoch, pruned: reserved, next: reserved + 1, reserved, is_writable: false })
}

/// The journal is known from there on.
fn floor_of(tail: &[Arc<Event>], begun: &Begun, ring: usize) -> Offset {
    let bytes: usize = tail.iter().map(|event| event.what.data.get().len()).sum();
    match tail.first() {
        Some(oldest) if tail.len() >= ring || bytes >= BYTES_MAX => oldest.offset() - 1,
        _ => begun.pruned,
    }
}

fn begin(conn: &mut Connection, states: u64) -> Result<Begun, StoreError> {
    let order = order::open(conn)?;
    let mut next = order.reserved + 1;
    let now = Timestamp::now();
    let mut untold = Vec::new();
    let left = announcements::left(conn, Timestamp::from_millis(i64::MAX), None, usize::MAX)?;
    announcements::set_aside(conn, &left.unreadable)?;
    for announced in left.announced {
        announcements::take(conn, &announced.id)?;
        untold.push(announced.event);
    }
    untold.extend(presence::end_all(conn, now)?);
    let stamped: Vec<_> =
        untold.into_iter().zip(next..).map(|(event, place)| event.stamped(order.epoch, place)).collect();
    events::append(conn, &stamped)?;
    next += stamped.len() as u64;
    let reserved = Places::block_from(next + states);
    order::reserve(conn, reserved)?;
    Ok(Begun { epoch: order.epoch, pruned: order.pruned, next, reserved, is_writable: true })
}
