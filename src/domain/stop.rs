//! Emergency stops: what stands still until somebody says that it may go on.

use std::fmt;
use std::sync::Arc;

use super::ids::{ModuleId, StopId, UserId};
use super::module::ModuleKind;
use super::text::wrapped_text;
use super::time::Timestamp;

/// The longest reason, in characters.
pub const REASON_MAX: usize = 200;

/// Whom a stop concerns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StopScope {
    /// One module.
    Module(ModuleId),
    /// Every module of a type, case ignored.
    Type(ModuleKind),
    /// Every module.
    All,
}

/// Why somebody stops something: up to 200 characters, no control characters; spaces around it go.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StopReason(Arc<str>);

/// A text that is no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a reason has at most {REASON_MAX} characters, none of them a control character")]
pub struct StopReasonError;

impl std::str::FromStr for StopReason {
    type Err = StopReasonError;

    fn from_str(text: &str) -> Result<Self, StopReasonError> {
        let text = text.trim();
        let fits = text.chars().count() <= REASON_MAX && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.into())) } else { Err(StopReasonError) }
    }
}

impl Default for StopReason {
    fn default() -> Self {
        Self("".into())
    }
}

wrapped_text!(StopReason);

/// An emergency stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencyStop {
    /// Which stop.
    pub id: StopId,
    /// Whom it concerns.
    pub scope: StopScope,
    /// Why.
    pub reason: StopReason,
    /// Who made it.
    pub by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it was cleared, and by whom; none while it is in force.
    pub cleared: Option<(Timestamp, UserId)>,
}

/// As the audit names it: `module:<moduleId>`, `type:<type>` or `all`.
impl fmt::Display for StopScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(self.name()),
            Self::Module(_) | Self::Type(_) => write!(f, "{}:{}", self.name(), self.target()),
        }
    }
}

impl StopScope {
    /// Whether a module of that type is concerned.
    #[must_use]
    pub fn holds(&self, id: &ModuleId, kind: &ModuleKind) -> bool {
        match self {
            Self::Module(stopped) => stopped == id,
            Self::Type(stopped) => stopped.as_str().eq_ignore_ascii_case(kind.as_str()),
            Self::All => true,
        }
    }

    /// Whether another scope concerns the same modules, now and later.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Type(kind), Self::Type(other)) => kind.as_str().eq_ignore_ascii_case(other.as_str()),
            _ => self == other,
        }
    }

    /// `module`, `type` or `all`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Module(_) => "module",
            Self::Type(_) => "type",
            Self::All => "all",
        }
    }

    /// The module's id, the type, or nothing.
    #[must_use]
    pub fn target(&self) -> &str {
        match self {
            Self::Module(id) => id.as_str(),
            Self::Type(kind) => kind.as_str(),
            Self::All => "",
        }
    }

    /// Reads what [`Self::name`] and [`Self::target`] wrote.
    #[must_use]
    pub fn read(name: &str, target: &str) -> Option<Self> {
        match name {
            "module" => target.parse().ok().map(Self::Module),
            "type" => target.parse().ok().map(Self::Type),
            "all" => Some(Self::All),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_holds_whom_it_names() {
        let (id, kind): (ModuleId, ModuleKind) = ("MC-1".parse().unwrap(), "Station".parse().unwrap());
        for (name, target, holds) in [
            ("all", "", true),
            ("type", "station", true),
            ("type", "Gate", false),
            ("module", "MC-1", true),
            ("module", "MC-2", false),
        ] {
            let scope = StopScope::read(name, target).unwrap();
            assert_eq!((scope.name(), scope.target(), scope.holds(&id, &kind)), (name, target, holds));
        }
        assert_eq!(StopScope::read("room", "x"), None);
        assert!("a\nb".parse::<StopReason>().is_err());
    }
}
