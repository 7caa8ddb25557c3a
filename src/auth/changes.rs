//! What happened to accounts, for those who keep sockets open and tell admins.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use actix::Message;

use crate::domain::grant::Role;
use crate::domain::ids::{LoginId, ModuleId, UserId};
use crate::store::announcements::Announced;

/// Something happened to an account or a login; told after it is committed.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub enum AccountChanged {
    /// Somebody logged in.
    LoggedIn {
        /// Whose account.
        user_id: UserId,
        /// The event that tells of it.
        announced: Announced,
    },
    /// Somebody logged out; this login's sockets end.
    LoggedOut {
        /// Whose account.
        user_id: UserId,
        /// Which login.
        login_id: LoginId,
        /// The event that tells of it.
        announced: Announced,
    },
    /// Logins were revoked (password changed, refresh token stolen); their sockets end.
    Revoked {
        /// Whose account.
        user_id: UserId,
        /// Which logins.
        logins: Vec<LoginId>,
    },
    /// Name or address changed.
    ProfileUpdated {
        /// Whose account.
        user_id: UserId,
        /// The event that tells of it.
        announced: Announced,
    },
    /// The roles changed; open sockets are judged again.
    RolesChanged {
        /// Whose account.
        user_id: UserId,
        /// What they are now.
        roles: Vec<Role>,
        /// Who was looked up later than that has them.
        changed_at: Instant,
        /// The event that parts what was heard before from what comes now.
        announced: Announced,
    },
    /// The account was removed; all its sockets end.
    Removed {
        /// Whose account.
        user_id: UserId,
        /// The modules that belong to nobody now.
        orphans: Arc<[Orphan]>,
    },
    /// Another process changed the database, perhaps accounts; the sockets of logins that are over end.
    Outside {
        /// The logins that are alive.
        alive: Arc<HashSet<LoginId>>,
        /// When they were looked at; what began later is not judged by them.
        looked_at: Instant,
    },
}

/// A module whose owner's account is gone.
#[derive(Debug, Clone)]
pub struct Orphan {
    /// Which module.
    pub module_id: ModuleId,
    /// The events that tell of it.
    pub announced: Vec<Announced>,
}

/// People may no longer see a module: it was removed, or is somebody else's now.
///
/// Answered when none of their sessions listens to it any more.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct ModuleWithdrawn {
    /// Which module.
    pub module_id: ModuleId,
    /// Who owned it.
    pub from: Option<UserId>,
    /// It was removed: those who may see all modules lose it too, for another may come to bear its name.
    pub is_removed: bool,
}
