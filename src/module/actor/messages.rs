//! What can be said to a module, and by it to its link.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Message, Recipient};
use tokio::sync::oneshot;

use super::super::command::ToDevice;
use super::super::error::ModuleError;
use crate::domain::module::TokenHash;
use crate::domain::telemetry::Reading;
use crate::domain::time::Timestamp;
use crate::store::offer::Offer;

/// Tells one connection of a device from the next.
pub type ConnectionId = u64;

/// Takes readings; answers how many, once they are published and stored; only stored where the broker has to be asked
/// again.
///
/// All or nothing: one bad reading refuses them all, unless somebody is told which are left out.
#[derive(Debug, Message)]
#[rtype(result = "Result<usize, ModuleError>")]
pub struct Ingest {
    /// The readings, oldest first.
    pub readings: Arc<[Reading]>,
    /// The token they came with; none from a link, which has shown it before.
    pub token: Option<TokenHash>,
    /// By which they are taken back when nobody waits any more.
    pub offer: Offer,
    /// When they came; the time of those that name none.
    pub received: Timestamp,
    /// Is told the time of each reading once they are let in; being stored takes longer.
    pub admitted: Option<oneshot::Sender<Vec<Timestamp>>>,
    /// Is told the places of the bad readings before the answer; the others are taken then, where they stand.
    pub left_out: Option<oneshot::Sender<Vec<(usize, ModuleError)>>>,
}

impl Ingest {
    /// Readings that come now.
    #[must_use]
    pub fn now(readings: Arc<[Reading]>, token: Option<TokenHash>, offer: Offer) -> Self {
        Self { readings, token, offer, received: Timestamp::now(), admitted: None, left_out: None }
    }
}

/// A device has connected; an older connection of the module ends.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ModuleError>")]
pub struct Attach {
    /// Which connection.
    pub connection: ConnectionId,
    /// How to end it.
    pub end: Recipient<EndLink>,
    /// How to tell the device something.
    pub deliver: Recipient<ToDevice>,
    /// The token the device has shown, which may have been replaced since.
    pub token: TokenHash,
}

/// A connection is gone.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Detach(pub ConnectionId);

/// Ends a link: it says what waits and closes.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct EndLink {
    /// The close code.
    pub code: u16,
    /// Why, in words.
    pub reason: &'static str,
    /// When the device may come back; told only if it is a moment of its own.
    pub retry_after: Option<Duration>,
    /// Until when what is under way is answered first, while nothing more is read; without it the link closes at once.
    pub answers_until: Option<Instant>,
}

impl EndLink {
    /// A newer connection of the same module is there.
    pub const REPLACED: Self = Self::at_once(4010, "replaced by a newer connection of this module");
    /// The module has a new token.
    pub const TOKEN_CHANGED: Self = Self::at_once(4001, "the module has a new token");
    /// The module was removed.
    pub const REMOVED: Self = Self::at_once(4001, "the module was removed");
    /// The hub stops.
    pub const RESTART: Self = Self::at_once(1012, "the hub restarts; connect again");

    const fn at_once(code: u16, reason: &'static str) -> Self {
        Self { code, reason, retry_after: None, answers_until: None }
    }
}

/// Ends the link of a module, whatever connection it has.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(in crate::module) struct CloseLink(pub EndLink);

/// It is time to look whether the module is still there, or has rested for long enough.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Look;

/// The module was removed; answered when its actor publishes and stores nothing any more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(in crate::module) struct Removed;

/// The module has another audience: its telemetry goes out again, and what has changed of its presence.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(in crate::module) struct Republish {
    /// As what its new owner was told of it.
    pub told_online: bool,
}
