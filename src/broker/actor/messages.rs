//! What can be said to the broker.

use actix::prelude::*;

use super::super::archive::Archive;
use super::super::head::Head;
use super::super::journal::JournalError;
use super::super::relay::Deliver;
use crate::domain::cursor::{Cursor, Offset};
use crate::domain::event::NewEvent;
use crate::store::announcements::Announced;

/// Why an event was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// Too many events wait for the journal.
    #[error("too many events wait; send again later")]
    Full,
    /// The event could not be made durable.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The broker is gone.
    #[error("the broker has stopped")]
    Stopped,
}

/// Appends an event to the order and hands it to every relay; answers its offset.
#[derive(Debug, Message)]
#[rtype(result = "Result<Offset, BrokerError>")]
pub struct Publish(pub NewEvent);

/// Publishes events in their order; answers the offset of each.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Result<Offset, BrokerError>>")]
pub struct PublishAll(pub Vec<NewEvent>);

/// Publishes the events of a change that is in the database, and in memory; answered when they are published, now or
/// before.
///
/// While the journal takes nothing they wait, and it is tried again once a second. After an error they are published later, without another word.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), BrokerError>")]
pub struct Announce(pub Vec<Announced>);

/// Makes a relay follow the order from here on.
#[derive(Debug, Message)]
#[rtype(result = "Followed")]
pub struct Follow(pub Recipient<Deliver>);

/// What a relay begins with.
#[derive(Debug, Clone)]
pub struct Followed {
    /// What it needs to stand where the broker stands.
    pub recent: Deliver,
    /// Where it finds what is older.
    pub archive: Archive,
    /// Where it sees what it has not been handed yet.
    pub head: Head,
}

/// A relay missed events after `after` and wants them by [`Deliver`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Resync {
    /// Who missed them.
    pub relay: Recipient<Deliver>,
    /// The last one it has.
    pub after: Offset,
}

/// Asks whether the broker still works; answers where the order stands.
#[derive(Debug, Message)]
#[rtype(result = "Cursor")]
pub struct BrokerCheck;

/// Publishes what waits, nothing more after that, and notes where the order ends.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CloseOrder;

/// Orders what came since the last turn.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Turn;
