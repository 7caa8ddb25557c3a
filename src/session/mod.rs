//! Sessions: one actor per connected client of a person, and the registry that knows them all.

mod actor;
mod command;
mod crossings;
mod describe;
pub mod dialect;
pub mod engine;
mod flow;
mod hello;
mod listening;
mod messages;
mod receive;
mod registry;
pub mod socketio;
mod speech;
mod timers;
mod topics;

pub use actor::{House, Session, SessionOptions};
pub use describe::{Describe, SessionFacts};
pub use messages::{
    AdminsWatch, Begin, CommandModule, CountSessions, Drain, End, NotAdmitted, OnlineUsers, Opened, SessionCounts,
    SessionEnded, Snapshot, TakeSnapshots, Watches,
};
pub use registry::{JoinAdminRoom, Registry};
pub use speech::{CommandWish, Hello, Outage, Request, Speech, Welcome, Wish, Word, read_pace};
pub use topics::{channel_of, read_topics, too_many as too_many_topics};
