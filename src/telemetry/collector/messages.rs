//! What can be said to the collector, beside [`Commit`](crate::store::latest::Commit).

use std::ops::Range;

use actix::Message;

use crate::store::readings::{ModuleNumber, RowId};

/// Says that the hub stops; answered when all that was asked before is stored, or has failed. States that wait are saved
/// where somebody asks for it from then on: the database may be one that cannot be written.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Flush;

/// Asks which rows of a module are in the tail.
///
/// Never fewer than were acknowledged before; some of them may be sealed already.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Range<RowId>>")]
pub struct TailOf(pub ModuleNumber);

/// Asks which rows are to be sealed now: for each module that has enough of them, or one that has waited for long.
#[derive(Debug, Message)]
#[rtype(result = "Vec<(ModuleNumber, Vec<Range<RowId>>)>")]
pub struct Due;

/// The rows of a module before one of them are sealed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Sealed {
    /// Which module.
    pub module: ModuleNumber,
    /// The first row that is not sealed.
    pub until: RowId,
}

/// Answered when all states are saved, or that has failed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SaveStates;

/// It is time to look for states that have waited.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Look;
