//! Sessions: one actor per connected client of a person, and the registry that knows them all.

mod actor;
mod crossings;
pub mod dialect;
mod flow;
mod messages;
mod protocol;
mod receive;
mod registry;
mod topics;

pub use actor::{House, Session, SessionOptions};
pub use messages::{
    AdminsWatch, CountSessions, Drain, End, NotAdmitted, OnlineUsers, Opened, SessionCounts, SessionEnded, Snapshot,
    TakeSnapshots, Watches,
};
pub use registry::{JoinAdminRoom, Registry};
