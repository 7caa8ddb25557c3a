//! Who may do what: roles are names, permissions are data, and what is not granted is refused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One thing a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// `modules:read`: see one's own modules.
    ModulesRead,
    /// `modules:write`: make, change and remove one's own modules.
    ModulesWrite,
    /// `modules:command`: tell one's own modules what to do, and stop them.
    ModulesCommand,
    /// `modules:all`: the same for everybody's modules.
    ModulesAll,
    /// `users:manage`: see, make, change and remove accounts.
    UsersManage,
    /// `stats:read`: watch the house.
    StatsRead,
    /// `events:publish`: send custom events.
    EventsPublish,
    /// `events:tap`: watch the live events of anybody and anything.
    EventsTap,
    /// `audit:read`: see what people did.
    AuditRead,
    /// `retention:manage`: say how long the history is kept.
    RetentionManage,
    /// `webhooks:manage`: say who outside is told of alarms.
    WebhooksManage,
}

/// A named set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May do everything.
    Admin,
    /// May see and change what is their own.
    User,
}

/// The grants of each role; default deny: what is not listed is refused.
const GRANTS: &[(Role, &[Permission])] = &[
    (
        Role::Admin,
        &[
            Permission::ModulesRead,
            Permission::ModulesWrite,
            Permission::ModulesCommand,
            Permission::ModulesAll,
            Permission::UsersManage,
            Permission::StatsRead,
            Permission::EventsPublish,
            Permission::EventsTap,
            Permission::AuditRead,
            Permission::RetentionManage,
            Permission::WebhooksManage,
        ],
    ),
    (Role::User, &[Permission::ModulesRead, Permission::ModulesWrite, Permission::ModulesCommand]),
];

impl Role {
    /// Whether the role carries a permission.
    #[must_use]
    pub fn grants(self, permission: Permission) -> bool {
        GRANTS.iter().any(|(role, permissions)| *role == self && permissions.contains(&permission))
    }
}

impl Permission {
    /// The name it goes by outside.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ModulesRead => "modules:read",
            Self::ModulesWrite => "modules:write",
            Self::ModulesCommand => "modules:command",
            Self::ModulesAll => "modules:all",
            Self::UsersManage => "users:manage",
            Self::StatsRead => "stats:read",
            Self::EventsPublish => "events:publish",
            Self::EventsTap => "events:tap",
            Self::AuditRead => "audit:read",
            Self::RetentionManage => "retention:manage",
            Self::WebhooksManage => "webhooks:manage",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::User => "user",
        })
    }
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role; use `admin` or `user`")]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        match text {
            "admin" => Ok(Self::Admin),
            "user" => Ok(Self::User),
            _ => Err(RoleError(text.chars().take(32).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_get_only_what_is_listed() {
        assert!(Role::User.grants(Permission::ModulesRead));
        assert!(!Role::User.grants(Permission::ModulesAll));
        assert!(!Role::User.grants(Permission::UsersManage));
        assert!(Role::Admin.grants(Permission::UsersManage));
    }
}
