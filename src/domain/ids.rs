//! Identities, each a type of its own with one door in: `FromStr`.

use std::str::FromStr;
use std::sync::Arc;

use super::text::wrapped_text;

/// The longest module id, in characters.
pub const MODULE_ID_MAX: usize = 64;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// A module id breaks its rule.
    #[error("`{0}` is not a module id; use 1 to 64 of `A-Z a-z 0-9 . _ -`, starting with a letter or a digit")]
    Module(String),
    /// An opaque id is empty, too long or holds odd characters.
    #[error("`{0}` is not an id")]
    Opaque(String),
}

/// Identity of a module, e.g. `MC-1001-STN`; cheap to clone.
///
/// 1 to 64 of `A-Z a-z 0-9 . _ -`, starting with a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(Arc<str>);

impl FromStr for ModuleId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = text.bytes();
        let starts_well = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let goes_on_well = bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if starts_well && goes_on_well && text.len() <= MODULE_ID_MAX {
            return Ok(Self(text.into()));
        }
        Err(IdError::Module(text.chars().take(MODULE_ID_MAX + 1).collect()))
    }
}

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Makes a new one; ids made later sort later.
            #[must_use]
            pub fn generate() -> Self {
                Self(uuid::Uuid::now_v7().simple().to_string().into())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let fits = (1..=64).contains(&text.len());
                if fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                    return Ok(Self(text.into()));
                }
                Err(IdError::Opaque(text.chars().take(64).collect()))
            }
        }
    };
}

opaque_id! {
    /// Identity of a person's account.
    UserId
}
opaque_id! {
    /// Identity of one login: a family of tokens that ends with one logout.
    LoginId
}
opaque_id! {
    /// Identity of one connected client.
    SessionId
}
opaque_id! {
    /// Identity of one command to a module.
    CommandId
}
opaque_id! {
    /// Identity of one emergency stop.
    StopId
}
opaque_id! {
    /// Identity of one webhook.
    WebhookId
}
opaque_id! {
    /// Identity of one delivery to a webhook.
    DeliveryId
}
opaque_id! {
    /// Identity of one rule that raises alarms.
    RuleId
}
opaque_id! {
    /// Identity of one alarm.
    AlarmId
}

wrapped_text!(ModuleId, UserId, LoginId, SessionId, CommandId, StopId, WebhookId, DeliveryId, RuleId, AlarmId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_ids_follow_their_rule() {
        for good in ["MC-1001-STN", "a", "0", "a.b_c-d", &"x".repeat(64)] {
            assert!(good.parse::<ModuleId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "a b", "a/b", "é", "a\0", &"x".repeat(65)] {
            assert!(bad.parse::<ModuleId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn opaque_ids_are_made_in_order() {
        let (first, second) = (UserId::generate(), UserId::generate());
        assert_ne!(first, second);
        assert_eq!(first.as_str().parse::<UserId>(), Ok(first));
    }
}
