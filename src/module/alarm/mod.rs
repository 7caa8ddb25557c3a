//! Alarms: modules tell what their rules look at, and the [`Warden`] judges.
//!
//! A module without rules pays for one look at a pointer; what its actor forgets when it rests, the warden knows.

mod book;
mod change;
mod desk;
mod flush;
mod forget;
mod messages;
mod queue;
mod view;
mod ward;
mod warden;
mod watch;

pub(super) use flush::clear_all_of;
pub use messages::{
    AcknowledgeAlarm, AlarmQuery, AlarmsPage, ChangeRule, ClearAlarm, CreateRule, DeleteRule, GetAlarm, GetRule,
    ListAlarms, ListRules,
};
pub(super) use messages::{Enter, Follow, Leave};
pub use view::{NewRule, RuleChange, RuleView};
pub use warden::{Warden, WardenParts};
pub use watch::Observed;
pub(super) use watch::Watch;
