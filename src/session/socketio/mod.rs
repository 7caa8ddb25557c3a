//! Socket.IO 5 on top of Engine.IO: a [`Connection`] reads packets and knows who joined which namespace; the hub's own
//! people come by the [`Lobby`] and are sessions like all others, with a speech of their own.

pub mod attachments;
mod connection;
mod lobby;
mod newcomers;
pub mod packet;
mod place;
mod recovery;
mod remembered;
mod request;
mod speech;

pub use connection::{Connection, Guest, Line, Namespaces};
pub use lobby::{Lobby, LobbyHouse};
pub use newcomers::{Newcomer, Newcomers};
pub use recovery::Recoveries;
