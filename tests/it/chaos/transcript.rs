//! What a client heard, small enough to keep for all of them until the end.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use carillon::domain::cursor::Cursor;
use serde_json::Value;

/// One thing that a client heard, of those that matter for the order.
#[derive(Debug, Clone)]
pub enum Note {
    /// A whole set of snapshots, at least as new as this.
    Began(Cursor),
    /// Events are missing here; snapshots follow.
    Gap,
    /// The hub of before is gone, and what it knew of this client with it; snapshots follow.
    Anew,
    /// An event that each listener gets.
    Each(Cursor, Mark),
    /// The newest value of a module, or of something that all who may listen may see.
    Latest(Cursor, Option<Rc<str>>),
}

/// Name and payload of an event; equal for equal events.
pub type Mark = u64;

/// The mark of an event.
pub fn mark(name: &str, data: &Value) -> Mark {
    let mut hasher = DefaultHasher::new();
    (name, data.to_string()).hash(&mut hasher);
    hasher.finish()
}

/// Whether only the newest value of this event counts.
pub fn is_latest(name: &str) -> bool {
    matches!(name, "rt_telemetry_updated" | "rt_global_stats_updated")
}
