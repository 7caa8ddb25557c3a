//! The admin room: gathers what admins watch, and tells the state behind topics.

mod audit;
mod room;
mod snapshots;
mod stats;

pub use audit::{Audit, AuditPage, ListDeeds, NOTE_TIMEOUT, Note};
pub use room::{AdminRoom, ReadStats, RoomSources};
pub use snapshots::Snapshots;
pub use stats::{ConnectionsByPage, Stats};
