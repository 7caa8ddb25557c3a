//! The admin room: gathers what admins watch, and tells the state behind topics.

mod audit;
mod commander;
mod monitor;
mod relayed;
mod report;
mod room;
mod snapshots;
mod stats;

pub use audit::{Audit, AuditPage, ListDeeds, NOTE_TIMEOUT, Note};
pub use commander::Commander;
pub use monitor::{Monitor, MonitorSources, ReadMonitor};
pub use report::Monitored;
pub use room::{AdminRoom, ReadStats, RoomSources};
pub use snapshots::Snapshots;
pub use stats::{ConnectionsByPage, Stats};
