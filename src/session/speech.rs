//! What a session and its client say to each other, whatever the dialect.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::actor::SessionOptions;
use crate::auth::Principal;
use crate::domain::cursor::Cursor;
use crate::domain::event::Dialect;
use crate::domain::ids::SessionId;
use crate::domain::pace::Pace;
use crate::domain::problem::Problem;
use crate::domain::topic::Topic;
use crate::pipe::Outbox;

/// A dialect: how requests are read, and how everything but the request's own answer is written.
pub trait Speech {
    /// How events are written.
    fn events(&self) -> &'static Dialect;

    /// Reads a message of the client.
    ///
    /// # Errors
    /// The number of the message, if it can be told, and what is wrong with it.
    fn read(&self, text: &str) -> Result<Request, (Option<u64>, Problem)>;

    /// Says something to the client; what the dialect has no word for goes unsaid.
    fn say(&self, word: &Word<'_>, outbox: &Outbox);

    /// Learns what the client listens to from now on.
    fn listens(&self, _: &mut dyn Iterator<Item = (&Topic, Option<Pace>)>) {}

    /// Whether the connection is over when the session is.
    fn is_connection(&self) -> bool {
        true
    }
}

/// What a session says besides events.
#[derive(Debug)]
pub enum Word<'a> {
    /// The client is known and begins here.
    Welcome(Welcome<'a>),
    /// The state behind a topic.
    Snapshot {
        /// Which topic.
        topic: &'a str,
        /// Its state.
        data: &'a RawValue,
        /// What the state is not older than.
        cursor: Cursor,
    },
    /// All snapshots have been told: from here on the client has everything up to this cursor.
    Synced(Cursor),
    /// Everything missed since the cursor of a hello has been told.
    CaughtUp,
    /// A request went well.
    Reply {
        /// The client's number for it.
        id: Option<u64>,
        /// The topics it was about.
        topics: &'a [String],
    },
    /// A request went well, and this came of it.
    Answer {
        /// The client's number for it.
        id: Option<u64>,
        /// A finished JSON object.
        data: &'a RawValue,
    },
    /// A topic was taken away.
    Withdrawn {
        /// Which.
        topic: &'a Topic,
        /// Why.
        problem: &'a Problem,
    },
    /// A request did not.
    Refusal {
        /// The client's number for it.
        id: Option<u64>,
        /// What is wrong.
        problem: &'a Problem,
    },
    /// Events are missing here; snapshots follow.
    Gap,
    /// The hub closes.
    Bye {
        /// The close code.
        code: u16,
        /// Why, in words.
        reason: &'a str,
        /// When the client may come back.
        retry_after: Option<Duration>,
    },
    /// The answer to [`Wish::Ping`].
    Pong,
}

/// What a client is told first.
#[derive(Debug)]
pub struct Welcome<'a> {
    /// Which session this is.
    pub session: &'a SessionId,
    /// Whose.
    pub principal: &'a Principal,
    /// Whether it goes on where an earlier connection ended.
    pub recovered: bool,
    /// Where its events begin.
    pub cursor: Cursor,
    /// The bounds it should know.
    pub options: &'a SessionOptions,
}

/// The pace of a `maxRate`, in values a second.
///
/// # Errors
/// A problem that names the field, for a rate out of bounds.
pub fn read_pace(max_rate: Option<f64>) -> Result<Option<Pace>, Problem> {
    read_pace_at("/maxRate", max_rate)
}

/// The pace of a `maxRate` that stands at a pointer.
///
/// # Errors
/// A problem that names the pointer, for a rate out of bounds.
pub(super) fn read_pace_at(pointer: &str, max_rate: Option<f64>) -> Result<Option<Pace>, Problem> {
    max_rate.map(Pace::of_rate).transpose().map_err(|error| {
        let problem = Problem::new("invalid-fields", 422, "some fields are not as they must be");
        problem.with_error(pointer, error.to_string())
    })
}

/// A message of a client, with the number it wants in the answer.
#[derive(Debug)]
pub struct Request {
    /// The client's number.
    pub id: Option<u64>,
    /// What it wants.
    pub wish: Wish,
}

/// What a client wants.
#[derive(Debug)]
pub enum Wish {
    /// Begin, perhaps where an earlier connection ended.
    Hello(Hello),
    /// Listen to topics.
    Subscribe {
        /// Their names, as the client wrote them.
        topics: Vec<String>,
        /// How often at most newer values are wanted there.
        pace: Option<Pace>,
    },
    /// Listen to them no more.
    Unsubscribe(Vec<String>),
    /// Extend the login with a newer access token.
    Token(String),
    /// Hear something back.
    Ping,
    /// Have a module do something.
    Command {
        /// Which module, as the client wrote it.
        module: String,
        /// What to do.
        wish: CommandWish,
    },
}

/// What a module is to do, as a client wrote it.
#[derive(Debug, Clone)]
pub struct CommandWish {
    /// What to do.
    pub command: String,
    /// How; any JSON.
    pub params: Option<Box<RawValue>>,
    /// How long to wait for the answer, in milliseconds.
    pub timeout_ms: Option<u64>,
}

/// How a client begins.
#[derive(Debug, Default)]
pub struct Hello {
    /// The client's number.
    pub id: Option<u64>,
    /// Everything up to here has been seen.
    pub cursor: Option<String>,
    /// What to listen to.
    pub topics: Vec<String>,
    /// How often at most newer values are wanted there.
    pub pace: Option<Pace>,
    /// Paces that topics have of their own, in their order; the others have `pace`.
    pub own_paces: Vec<Option<Pace>>,
    /// Those of `topics` that begin with a snapshot even though there is a cursor.
    pub fresh: Vec<String>,
    /// How long the client was away; none if it has not been here before.
    pub outage: Option<Outage>,
}

/// How a client fared between two connections, as it tells itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// How often it tried.
    pub attempts: u32,
    /// How long it was away, in milliseconds.
    pub ms: u64,
}
