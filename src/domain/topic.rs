//! What a session may ask to hear (topics), and what the broker sends along (channels).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ids::{ModuleId, UserId};

/// The longest name of a custom topic, in characters.
pub const CUSTOM_NAME_MAX: usize = 64;

/// What a client subscribes to, as it is written outside.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// `modules`: every module the caller may see.
    Modules,
    /// `module:<moduleId>`: one module.
    Module(ModuleId),
    /// `user:<id>`: one person.
    User(UserId),
    /// `admin`: what admins watch.
    Admin,
    /// `alarms`: alarms and emergency stops of all modules; for those who may see every one. Owners hear of theirs as persons.
    Alarms,
    /// `dashboard`: the page of widgets.
    Dashboard,
    /// `custom:<name>`: events of other programs.
    Custom(Arc<str>),
    /// `tap:<channel>`: whatever goes along a channel, for an admin who looks into it; audited.
    Tap(Channel),
}

/// Where an event goes inside the hub: topics with the audience already resolved.
///
/// A session's topics become channels when it subscribes; delivery then asks no permission.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Channel {
    /// All modules; for those who may see every one.
    AllModules,
    /// The modules of one owner.
    ModulesOf(UserId),
    /// One module.
    Module(ModuleId),
    /// One person.
    User(UserId),
    /// The admin room.
    Admin,
    /// Alarms and emergency stops of all modules.
    Alarms,
    /// The page of widgets.
    Dashboard,
    /// A custom topic.
    Custom(Arc<str>),
    /// Nobody listens to it: it notes whose module it was when an event for a single module was published.
    OwnedBy(UserId),
}

/// A text that is no topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a topic; use `modules`, `module:<moduleId>`, `user:<id>`, `admin`, `alarms`, `dashboard` or `custom:<name>`"
)]
pub struct TopicError(String);

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        let refuse = || TopicError(text.chars().take(80).collect());
        match text.split_once(':') {
            None => match text {
                "modules" => Ok(Self::Modules),
                "admin" => Ok(Self::Admin),
                "alarms" => Ok(Self::Alarms),
                "dashboard" => Ok(Self::Dashboard),
                _ => Err(refuse()),
            },
            Some(("module", id)) => id.parse().map(Self::Module).map_err(|_| refuse()),
            Some(("user", id)) => id.parse().map(Self::User).map_err(|_| refuse()),
            Some(("custom", name)) if is_custom_name(name) => Ok(Self::Custom(name.into())),
            Some(("tap", channel)) => match channel.parse() {
                Ok(Channel::OwnedBy(_)) | Err(_) => Err(refuse()),
                Ok(channel) => Ok(Self::Tap(channel)),
            },
            Some(_) => Err(refuse()),
        }
    }
}

fn is_custom_name(name: &str) -> bool {
    (1..=CUSTOM_NAME_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':'))
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Modules => f.write_str("modules"),
            Self::Module(id) => write!(f, "module:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Admin => f.write_str("admin"),
            Self::Alarms => f.write_str("alarms"),
            Self::Dashboard => f.write_str("dashboard"),
            Self::Custom(name) => write!(f, "custom:{name}"),
            Self::Tap(channel) => write!(f, "tap:{channel}"),
        }
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a channel")]
pub struct ChannelError(String);

/// As channels are stored: the topics' own texts, `modules:<userId>` for the modules of one owner, and `owner:<userId>`.
impl FromStr for Channel {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, ChannelError> {
        let refuse = || ChannelError(text.chars().take(80).collect());
        match text.split_once(':') {
            Some(("modules", owner)) => return owner.parse().map(Self::ModulesOf).map_err(|_| refuse()),
            Some(("owner", owner)) => return owner.parse().map(Self::OwnedBy).map_err(|_| refuse()),
            _ => {}
        }
        // Looked at before the topic is read: a tap of a tap of a tap would be read as deeply as its text is long.
        if text.starts_with("tap:") {
            return Err(refuse());
        }
        Ok(match text.parse::<Topic>().map_err(|_| refuse())? {
            Topic::Modules => Self::AllModules,
            Topic::Module(id) => Self::Module(id),
            Topic::User(id) => Self::User(id),
            Topic::Admin => Self::Admin,
            Topic::Alarms => Self::Alarms,
            Topic::Dashboard => Self::Dashboard,
            Topic::Custom(name) => Self::Custom(name),
            Topic::Tap(_) => return Err(refuse()),
        })
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllModules => f.write_str("modules"),
            Self::ModulesOf(owner) => write!(f, "modules:{owner}"),
            Self::Module(id) => write!(f, "module:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Admin => f.write_str("admin"),
            Self::Alarms => f.write_str("alarms"),
            Self::Dashboard => f.write_str("dashboard"),
            Self::Custom(name) => write!(f, "custom:{name}"),
            Self::OwnedBy(owner) => write!(f, "owner:{owner}"),
        }
    }
}

impl Serialize for Channel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Channel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_read_as_they_are_written() {
        for text in ["modules", "module:MC-1001-STN", "user:abc", "admin", "alarms", "dashboard", "custom:bench"] {
            assert_eq!(text.parse::<Topic>().unwrap().to_string(), text);
        }
        for bad in ["", "module:", "module:a b", "users", "custom:", "custom:a b", "admin:", "Modules"] {
            assert!(bad.parse::<Topic>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tap_of_taps_is_refused_however_long_it_is() {
        assert!("tap:modules".parse::<Topic>().is_ok());
        let nested = "tap:".repeat(100_000) + "modules";
        assert!(nested.parse::<Topic>().is_err());
        assert!(nested.parse::<Channel>().is_err());
    }

    #[test]
    fn channels_read_as_they_are_written() {
        let topics = ["modules", "module:MC-1001-STN", "user:abc", "admin", "alarms", "dashboard", "custom:a:b"];
        for text in topics.into_iter().chain(["modules:abc", "owner:abc"]) {
            assert_eq!(text.parse::<Channel>().unwrap().to_string(), text);
        }
        assert!("tap:owner:abc".parse::<Topic>().is_err());
        for bad in ["", "modules:", "modules:a b", "module:", "users", "custom:"] {
            assert!(bad.parse::<Channel>().is_err(), "{bad}");
        }
    }
}
