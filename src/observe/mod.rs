//! What the hub tells about itself (stand-in until `metrics.rs` lands: keep these method names).

/// The hub's counters.
#[derive(Debug, Clone, Default)]
pub struct Metrics;

impl Metrics {
    /// Counts a published event by delivery.
    pub fn event_published(&self, _is_each: bool) {}
    /// Counts a relay whose mailbox was full.
    pub fn relay_full(&self) {}
    /// Counts a relay that asked for what it missed.
    pub fn relay_resynchronised(&self) {}
    /// Counts frames handed to outboxes.
    pub fn delivered(&self, _count: u64) {}
    /// Counts a client whose outbox passed its high-water mark.
    pub fn fell_behind(&self) {}
    /// Counts a client that missed events.
    pub fn gap(&self) {}
}
