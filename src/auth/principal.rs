//! Somebody known: the answer to a credential.

use std::fmt::Display;
use std::net::IpAddr;
use std::time::Instant;

use crate::domain::audit::{Action, Deed};
use crate::domain::grant::{Permission, Role};
use crate::domain::ids::{LoginId, UserId};
use crate::domain::time::Timestamp;

/// What a request shows to say who it comes from; never logged.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The session cookie's value.
    Cookie(String),
    /// An access token.
    Bearer(String),
    /// A single-use ticket from an address.
    Ticket(String),
}

/// A person as known for one request or one socket.
///
/// Invariant: made only by `auth`, from a login that was alive when it was read.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Whose account.
    pub user_id: UserId,
    /// Which login.
    pub login_id: LoginId,
    /// What they are called.
    pub name: String,
    /// Their address.
    pub email: String,
    /// What they are to the hub.
    pub roles: Vec<Role>,
    /// When the credential ends.
    pub expires_at: Timestamp,
    /// When login and account were looked at; what changed since is not in here.
    pub read_at: Instant,
    /// Where the request or the socket comes from; none where nobody has said.
    pub address: Option<IpAddr>,
}

impl Principal {
    /// Whether any role grants the permission.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.roles.iter().any(|role| role.grants(permission))
    }

    /// The same person, coming from an address.
    #[must_use]
    pub fn coming_from(self, address: IpAddr) -> Self {
        Self { address: Some(address), ..self }
    }

    /// What this person does, for the audit.
    #[must_use]
    pub fn deed(&self, action: Action, subject: impl Display) -> Deed {
        Deed { actor: self.user_id.clone(), action, subject: subject.to_string(), address: self.address }
    }

    /// Whether the person holds the role `admin`.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }
}
