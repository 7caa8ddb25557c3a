//! Modules: who they are, whether they are there, what they last said.
//!
//! The [`Registry`] knows them all and changes what people can change; each module that does something has a
//! [`Module`] actor, found by [`Locate`]; a [`Link`] stands beside every socket of a device. What registry and actor
//! both need is an [`Entry`], shared and without locks.

mod actor;
mod alarm;
mod announce;
mod answers;
mod catalogue;
mod claim;
mod clock;
mod command;
mod desk;
mod directory;
mod entry;
mod error;
pub mod frame;
mod house;
mod line;
mod link;
mod listing;
mod messages;
mod newest;
mod outgoing;
mod progress;
mod registry;
mod stop;
mod strangers;
mod token;
mod types;

pub use actor::{Attach, ConnectionId, Detach, EndLink, Ingest, Module};
pub use alarm::{
    AcknowledgeAlarm, AlarmQuery, AlarmsPage, ChangeRule, ClearAlarm, CreateRule, DeleteRule, GetAlarm, GetRule,
    ListAlarms, ListRules, NewRule, Observed, RuleChange, RuleView, Warden, WardenParts,
};
pub use claim::{ClaimCode, ClaimModule, IssueCode, RevokeCode};
pub use clock::TimeFault;
pub use command::{
    ActiveStops, ChangeDesired, Desired, NewCommand, Outcome, ReadTwin, Repeat, Report, SendCommand, StopState,
    TakeResult, ToDevice,
};
pub use directory::{ANSWER_TIMEOUT, Directory, Identified, identify};
pub use entry::{Entry, Live, Meta, ModuleView, Status};
pub use error::ModuleError;
pub use house::{House, LinkOptions, ModuleOptions, Parts};
pub use link::{Link, attach, new_connection};
pub use listing::{ModuleFilter, ModuleSort, SortError, SortKey};
pub use messages::{
    ByToken, CountModules, CreateModule, Created, DeleteModule, DrainLinks, GetModule, ListCommands, ListModules,
    Locate, ModuleChange, ModuleCounts, ModulePage, NewModule, RotateCredential, Rotated, TakeSnapshot, UpdateModule,
};
pub use newest::{newest_states, newest_twins};
pub use registry::Registry;
pub use stop::{ClearStop, ListStops, MakeStop, StopModule, StopModules, StopView, Waiting};
pub use strangers::WrongTokens;
pub use types::{ListTypes, TypePage, TypeView};
