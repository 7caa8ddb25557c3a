//! The labels of the figures.

use std::borrow::Cow;

use prometheus_client::encoding::EncodeLabelSet;

use crate::observe::{Admitted, Door};

/// One label whose values come from a fixed set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    /// Why.
    pub reason: Cow<'static, str>,
}

/// The kind of connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByDoor {
    /// `ws`, `sse`, `socketio` or `module`.
    pub door: &'static str,
}

/// What a connection that wanted to begin was told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByTold {
    /// `ws`, for the people of all doors, or `module`.
    pub door: &'static str,
    /// `now`, `later` or `never`.
    pub told: &'static str,
}

/// The page a session watches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByPage {
    /// `modules`, `admin`, `dashboard`, ….
    pub page: &'static str,
}

/// How an event is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByDelivery {
    /// `each` or `latest`.
    pub delivery: &'static str,
}

/// The kind of rule that raised an alarm, and how bad it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByAlarm {
    /// `threshold`, `rate` or `silence`.
    pub kind: &'static str,
    /// `info`, `warning` or `critical`.
    pub severity: &'static str,
}

/// How bad an alarm is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BySeverity {
    /// `info`, `warning` or `critical`.
    pub severity: &'static str,
}

/// How a login went.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByOutcome {
    /// `ok`, `failed` or `throttled`.
    pub outcome: &'static str,
}

/// A request by what it asked for and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByRoute {
    /// The template of the route, such as `/api/v1/modules/{moduleId}`.
    pub route: String,
    /// The HTTP status.
    pub status: u16,
}

/// How a session began.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByStart {
    /// `fresh`, `resumed` or `gapped`.
    pub start: &'static str,
}

/// The close code of a connection that the hub ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByCode {
    /// As in the close frame.
    pub code: u16,
}

impl ByTold {
    /// The label of what a connection by a door was told.
    pub fn of(door: Door, told: Admitted) -> Self {
        let told = match told {
            Admitted::Now => "now",
            Admitted::Later => "later",
            Admitted::Never => "never",
        };
        Self { door: door.label().door, told }
    }
}
