//! One connection of a client, in any dialect: what it hears is the same.

mod native;
mod socketio;
mod sse;

use std::cell::RefCell;
use std::time::Duration;

pub use socketio::Ticket;

use carillon::domain::cursor::Cursor;
use serde_json::Value;

use super::cable::Fuse;

/// How a client speaks to the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The hub's own frames on a WebSocket.
    Native,
    /// Server-sent events.
    ServerSent,
    /// Socket.IO over a WebSocket.
    SocketIo,
    /// Socket.IO over polls.
    Polling,
}

impl Dialect {
    /// Every dialect; clients take them in turn.
    pub const ALL: [Self; 4] = [Self::Native, Self::ServerSent, Self::SocketIo, Self::Polling];

    /// Whether it comes back by a private name and not by a cursor alone.
    pub fn has_tickets(self) -> bool {
        matches!(self, Self::SocketIo | Self::Polling)
    }
}

/// What a client wants of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// `127.0.0.1:PORT`.
    pub authority: &'a str,
    /// The access token.
    pub token: &'a str,
    /// What to listen to, in part forbidden.
    pub topics: &'a [String],
    /// Everything up to here has been seen.
    pub cursor: Option<Cursor>,
    /// What a client of Socket.IO comes back with.
    pub ticket: &'a RefCell<Ticket>,
    /// When the connection breaks.
    pub fuse: &'a Fuse,
}

/// What the hub said.
#[derive(Debug)]
pub enum Heard {
    /// The beginning; whether it goes on where the client left off.
    Welcome {
        /// Nothing was lost.
        recovered: bool,
        /// Everything up to here was seen before.
        from: Option<Cursor>,
        /// A gap is told by itself if nothing was recovered.
        is_told: bool,
    },
    /// The state behind a topic.
    Snapshot {
        /// Which topic.
        topic: String,
        /// The state.
        data: Value,
        /// It is at least as new as this; some dialects say it behind the last snapshot only.
        cursor: Option<Cursor>,
    },
    /// All snapshots came, at least as new as this.
    Synced(Cursor),
    /// An event.
    Event {
        /// Its name.
        name: String,
        /// Its payload.
        data: Value,
        /// Its place.
        cursor: Cursor,
    },
    /// Events are missing here.
    Gap,
    /// A topic was refused.
    Refused,
    /// The hub closes, and says when to come back.
    Bye(Option<Duration>),
}

/// There is no connection.
#[derive(Debug)]
pub enum Broken {
    /// The hub's end, a cut, or a hub that is not there.
    Off,
    /// The hub refuses because of the topics.
    Forbidden,
}

/// An open connection.
pub enum Line<'a> {
    /// The hub's own frames.
    Native(native::Line),
    /// Server-sent events.
    ServerSent(sse::Line),
    /// Socket.IO.
    SocketIo(socketio::Line<'a>),
}

impl<'a> Line<'a> {
    /// Connects and says what the client wants.
    pub async fn open(dialect: Dialect, call: Call<'a>) -> Result<Self, Broken> {
        match dialect {
            Dialect::Native => native::Line::open(call).await.map(Self::Native),
            Dialect::ServerSent => sse::Line::open(call).await.map(Self::ServerSent),
            Dialect::SocketIo => socketio::Line::over_socket(call).await.map(Self::SocketIo),
            Dialect::Polling => socketio::Line::over_polls(call).await.map(Self::SocketIo),
        }
    }

    /// What the hub says next.
    pub async fn next(&mut self) -> Result<Heard, Broken> {
        match self {
            Self::Native(line) => line.next().await,
            Self::ServerSent(line) => line.next().await,
            Self::SocketIo(line) => line.next().await,
        }
    }
}
