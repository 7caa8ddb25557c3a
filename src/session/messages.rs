//! What sessions, their registry and the rest of the house say to each other.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Message, WeakAddr};
use serde_json::value::RawValue;

use super::actor::Session;
use super::speech::{CommandWish, Hello};
use crate::auth::Principal;
use crate::domain::ids::{LoginId, ModuleId, SessionId, UserId};
use crate::domain::moments::Moments;
use crate::domain::problem::Problem;
use crate::domain::topic::Topic;

/// The state behind a topic, a finished JSON object.
pub type Snapshot = Arc<RawValue>;

/// Asks for the state behind topics, as far as the person may see it; one answer per topic, in order.
///
/// A snapshot is never older than the events published before it was asked for.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Result<Snapshot, Problem>>")]
pub struct TakeSnapshots {
    /// Who asks.
    pub principal: Arc<Principal>,
    /// For which topics.
    pub topics: Vec<Topic>,
}

/// Has a module do something; answers `{commandId, ok, result}` when the module has answered.
#[derive(Debug, Message)]
#[rtype(result = "Result<Box<RawValue>, Problem>")]
pub struct CommandModule {
    /// Who asks.
    pub principal: Arc<Principal>,
    /// Which module.
    pub module: ModuleId,
    /// What to do.
    pub wish: CommandWish,
}

/// Begins a session whose client said everything with its request.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Begin(pub Hello);

/// A session begins; answers whether it may.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), NotAdmitted>")]
pub struct Opened {
    /// Which session.
    pub session: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// By which login.
    pub login_id: LoginId,
    /// Whether its person may see everybody's modules.
    pub sees_all: bool,
    /// When its person's account was looked at.
    pub read_at: Instant,
    /// The session itself.
    pub addr: WeakAddr<Session>,
}

/// Why a session may not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// The person has as many as one may have.
    #[error("this account has too many open connections; close some and try again")]
    TooMany,
    /// The login has just ended.
    #[error("the login has ended; log in again")]
    LoginEnded,
    /// The roles have changed since the account was looked at.
    #[error("your roles have changed; connect again")]
    RolesChanged,
    /// The hub stops; the moment to come back is its own.
    #[error("the hub restarts; connect again later")]
    Stopping(Duration),
}

/// A session is over.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SessionEnded(pub SessionId);

/// A session began or stopped listening to a topic.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Watches {
    /// Which session.
    pub session: SessionId,
    /// What it listens to.
    pub topic: Topic,
    /// Whether it begins.
    pub begins: bool,
}

/// Ends a session: it says goodbye and closes.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct End {
    /// The close code.
    pub code: u16,
    /// Why, in words.
    pub reason: &'static str,
    /// When the client may come back.
    pub retry_after: Option<Duration>,
}

impl End {
    /// The login has ended or was revoked.
    pub const LOGIN_ENDED: Self = Self { code: 4001, reason: "the login has ended", retry_after: None };
    /// Every topic is judged anew when the client comes back, which it does at once.
    pub const ROLES_CHANGED: Self =
        Self { code: 1012, reason: "your roles have changed", retry_after: Some(Duration::ZERO) };

    /// Too many connections begin at once; this one has its moment after the span.
    #[must_use]
    pub const fn come_back(after: Duration) -> Self {
        Self { code: 4029, reason: "too many connections begin at once", retry_after: Some(after) }
    }

    /// The hub stops; it is back after the span.
    #[must_use]
    pub const fn restart(after: Duration) -> Self {
        Self { code: 1012, reason: "the hub restarts", retry_after: Some(after) }
    }

    /// The state behind topics cannot be told now; not all of those who hear this come back at once.
    #[must_use]
    pub fn busy() -> Self {
        let retry_after = Some(Duration::from_millis(rand::random_range(1000..3000)));
        Self { code: 1012, reason: "the hub is busy", retry_after }
    }
}

/// Takes a module's topic from a session whose person no longer owns it.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Withdraw {
    /// Which module.
    pub module: ModuleId,
    /// It was removed, also for those who may see all modules.
    pub is_removed: bool,
}

/// Ends every session, each with its own moment to come back.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Drain(pub Moments);

/// Asks how many sessions there are.
#[derive(Debug, Message)]
#[rtype(result = "SessionCounts")]
pub struct CountSessions;

/// How many sessions there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, actix::MessageResponse)]
pub struct SessionCounts {
    /// All sessions.
    pub connections: usize,
    /// People with at least one.
    pub active_users: usize,
    /// Sessions on the topic `modules`.
    pub on_modules: usize,
    /// Sessions on the topic `admin`.
    pub on_admin: usize,
    /// Sessions on the topic `dashboard`.
    pub on_dashboard: usize,
}

/// Asks which people have an open session.
#[derive(Debug, Message)]
#[rtype(result = "HashSet<UserId>")]
pub struct OnlineUsers;

/// Somebody watches the admin room from now on, or nobody does any more.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct AdminsWatch(pub bool);
