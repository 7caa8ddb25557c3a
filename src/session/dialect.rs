//! The dialects that sessions speak.

use serde::Serialize;
use serde_json::value::RawValue;

use super::speech::Welcome;
use crate::auth::Principal;
use crate::domain::event::Dialect;
use crate::domain::grant::Role;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::problem::Problem;
pub(super) use crate::domain::time::millis;
use crate::domain::topic::Topic;

pub mod native;
pub mod sse;

/// What a dialect is called among the figures; as the door it comes by.
#[must_use]
pub const fn name_of(dialect: &Dialect) -> &'static str {
    match dialect.slot {
        0 => "ws",
        1 => "sse",
        4 | 5 => "mqtt",
        _ => "socketio",
    }
}

/// What every welcome tells: `{sessionId, user, recovered, cursor, heartbeatMs, reconnect}`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Greeting<'a> {
    session_id: &'a SessionId,
    user: User<'a>,
    recovered: bool,
    cursor: String,
    heartbeat_ms: u64,
    reconnect: &'a RawValue,
}

impl<'a> From<&Welcome<'a>> for Greeting<'a> {
    fn from(&Welcome { session, principal, recovered, cursor, options }: &Welcome<'a>) -> Self {
        Self {
            session_id: session,
            user: principal.into(),
            recovered,
            cursor: cursor.to_string(),
            heartbeat_ms: millis(options.heartbeat),
            reconnect: &options.reconnect,
        }
    }
}

/// Why a topic was taken away: a problem that names it, `{type, title, status, detail, topic}`.
#[derive(Debug, Serialize)]
pub(super) struct Withdrawal<'a> {
    #[serde(flatten)]
    pub problem: &'a Problem,
    pub topic: &'a Topic,
}

/// A person as a welcome names them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct User<'a> {
    id: &'a UserId,
    name: &'a str,
    email: &'a str,
    is_admin: bool,
    roles: &'a [Role],
}

impl<'a> From<&'a Principal> for User<'a> {
    fn from(person: &'a Principal) -> Self {
        Self {
            id: &person.user_id,
            name: &person.name,
            email: &person.email,
            is_admin: person.is_admin(),
            roles: &person.roles,
        }
    }
}
