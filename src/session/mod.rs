//! Sessions: one actor per connected client of a person, and the registry that knows them all.

mod actor;
pub mod dialect;
mod flow;
mod messages;
mod protocol;
mod registry;
mod topics;

pub use actor::{House, Session, SessionOptions};
pub use messages::{
    AdminsWatch, CountSessions, Drain, End, OnlineUsers, Opened, SessionCounts, SessionEnded, Snapshot, TakeSnapshots,
    TooManySessions, Watches,
};
pub use registry::{JoinAdminRoom, Registry};
