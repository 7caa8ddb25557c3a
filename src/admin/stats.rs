//! The statistics of the house, as admins see them.

use serde::Serialize;

use crate::observe::Totals;

/// The figures of `rt_global_stats_updated` and `GET /stats`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Accounts.
    pub total_users: u64,
    /// People with at least one open session.
    pub active_users: u64,
    /// Registered modules.
    pub total_modules: u64,
    /// Modules that are online.
    pub online_modules: u64,
    /// Open sessions.
    pub connections: u64,
    /// Open sessions by the page they look at.
    pub connections_by_page: ConnectionsByPage,
    /// Open connections of modules.
    pub module_connections: u64,
    /// Events published, per second.
    pub events_per_second: f64,
    /// Events handed to sessions, per second.
    pub deliveries_per_second: f64,
    /// Readings taken, per second.
    pub telemetry_per_second: f64,
    /// Readings that changed nothing and were not sent on, since the start.
    pub telemetry_unchanged: u64,
    /// Requests, frames and readings refused, since the start.
    pub refused: u64,
    /// Events that a newer one replaced before a client got them, since the start.
    pub dropped: u64,
    /// How often a client fell behind, since the start.
    pub behind: u64,
    /// How often a client had to be told of missing events, since the start.
    pub gaps: u64,
}

/// Open sessions by page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ConnectionsByPage {
    /// On the modules page.
    pub modules: u64,
    /// On the admin page.
    pub admin: u64,
    /// On the dashboard.
    pub dashboard: u64,
}

impl Stats {
    /// Fills in what was counted since the start and, against an earlier count, per second.
    pub fn count(&mut self, now: &Totals, before: &Totals, seconds: f64) {
        let rate = |now: u64, before: u64| {
            let count = u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX);
            if seconds > 0.0 { (f64::from(count) / seconds * 10.0).round() / 10.0 } else { 0.0 }
        };
        self.events_per_second = rate(now.events, before.events);
        self.deliveries_per_second = rate(now.deliveries, before.deliveries);
        self.telemetry_per_second = rate(now.readings, before.readings);
        self.telemetry_unchanged = now.unchanged;
        self.module_connections = now.module_sockets;
        self.refused = now.refused;
        self.dropped = now.dropped;
        self.behind = now.behind;
        self.gaps = now.gaps;
    }
}
