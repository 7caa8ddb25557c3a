//! What is asked of whoever gathers states and readings for a commit that many share.

use std::sync::Arc;

use actix::Message;

use super::StoreError;
use super::offer::Offer;
use super::readings::ModuleNumber;
use crate::domain::telemetry::LatestState;
use crate::domain::time::Timestamp;

/// Stores the readings of a module, and a while later its newest state, or only when it was last seen; answered after the
/// commit.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), CommitError>")]
pub struct Commit {
    /// Which module, by its number in the history.
    pub module: ModuleNumber,
    /// Its state after the readings; none leaves the stored one.
    pub state: Option<Arc<LatestState>>,
    /// When it was last seen.
    pub seen_at: Timestamp,
    /// The last time that the hub gave to a reading that named none; none leaves the stored one.
    pub clock: Option<Timestamp>,
    /// What it has reported since, in the order in which it came.
    pub readings: Vec<NewReading>,
}

/// A reading that is to be stored.
#[derive(Debug, Clone)]
pub struct NewReading {
    /// When it was measured.
    pub ts: Timestamp,
    /// When the hub got it.
    pub received_at: Timestamp,
    /// What was measured: a JSON object of values by key.
    pub body: Arc<str>,
    /// What it came with; what is taken back is not stored.
    pub offer: Offer,
}

impl NewReading {
    /// What it counts as among those that wait: one, and one more for each KiB.
    #[must_use]
    pub fn weight(&self) -> usize {
        1 + self.body.len() / 1024
    }
}

/// Why readings were not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// Too many wait for a commit.
    #[error("too many readings wait to be stored; send again later")]
    Busy,
    /// Too many readings of this module wait to be sealed; others are taken.
    #[error("too many readings of this module wait to be sealed; send again later, and fewer at a time")]
    ModuleBehind,
    /// A commit has been under way for so long that nothing more waits behind it.
    #[error("the database hangs; send again later")]
    Stuck,
    /// The commit failed, for all who shared it.
    #[error(transparent)]
    Store(Arc<StoreError>),
}
