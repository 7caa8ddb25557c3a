//! Engine.IO 4: sessions over polls and WebSockets, for whoever sits on top.
//!
//! An [`Engine`] is an actor on the thread where its handshake came; [`Engines`] knows where each lives, so that polls
//! and the upgrade may come to any thread.

mod actor;
mod directory;
mod error;
mod heartbeat;
mod messages;
pub mod packet;
mod polling;
mod receive;
mod takeover;

pub use actor::{Engine, EngineOptions, Parts, Transport};
pub use directory::Engines;
pub use error::EngineError;
pub use messages::{Application, Break, Caller, Poll, Post, Probe, ProbeEnded, Shut, Upgraded, Wire};
pub use packet::Message;
