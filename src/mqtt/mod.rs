//! The door of devices that speak MQTT 3.1.1 and 5, and of people who listen to them that way.
//!
//! ```text
//!  bytes ──Wire──▶ packets ──Line──▶ Connection ◀── Word ── module actor, other connections
//!                                       │  │
//!                               Session ┘  └ Bridge: who may come in, where messages go
//! ```
//!
//! [`wire`] makes packets of bytes with a codec crate; packets of 3.1.1 become packets of version 5 with less in them, so
//! that the rest knows one kind. A [`session`] is pure: what a client listens to, what is under way in both directions. A
//! connection is one task that owns its session; while the client is away the session waits in its [`places`]. What a
//! hub is made of stands behind the trait [`bridge::Bridge`]: the product's [`house`], or the free topics of a conformance server.

mod aliases;
pub mod bridge;
mod connection;
mod entrance;
mod gate;
pub mod house;
pub mod line;
pub mod places;
mod server;
pub mod session;
pub mod topic;
mod usher;
pub mod wire;

pub use connection::serve as serve_connection;
pub use server::{Listeners, MqttOptions, serve};
pub use usher::Usher;
