//! Alarms: what people want to be told of a module, and whether it is so; pure.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::{AlarmId, ModuleId, RuleId, UserId};
use super::module::{ModuleKind, ModuleName};
use super::text::wrapped_text;
use super::time::Timestamp;

mod condition;
mod machine;
#[cfg(test)]
mod machine_tests;

pub use condition::{Condition, ConditionFault, ConditionKind, ConditionWords, Direction, Limit};
pub use machine::{Change, Machine, Standing};

/// The longest name of a rule, in characters.
pub const RULE_NAME_MAX: usize = 100;

/// What people call a rule: 1 to 100 characters, no control characters; spaces around it go.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleName(Arc<str>);

/// A text that is no name of a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rule's name has 1 to {RULE_NAME_MAX} characters, none of them a control character")]
pub struct RuleNameError;

impl std::str::FromStr for RuleName {
    type Err = RuleNameError;

    fn from_str(text: &str) -> Result<Self, RuleNameError> {
        let text = text.trim();
        let fits = (1..=RULE_NAME_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.into())) } else { Err(RuleNameError) }
    }
}

wrapped_text!(RuleName);

/// Gives an enum of words its names, and reads them.
macro_rules! words {
    ($name:ident: $($variant:ident = $word:literal),+) => {
        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name it goes by outside.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads what [`Self::name`] wrote.
            #[must_use]
            pub fn read(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

pub(super) use words;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Somebody should look at it.
    Warning,
    /// Somebody must act.
    Critical,
}

words!(Severity: Info = "info", Warning = "warning", Critical = "critical");

/// How far an alarm has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlarmState {
    /// Nobody has seen to it.
    Active,
    /// Somebody has.
    Acknowledged,
    /// It is over.
    Cleared,
}

/// Why an alarm is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClearCause {
    /// What it told of is over.
    Condition,
    /// Somebody said so.
    Person,
    /// Its rule no longer holds for the module.
    Rule,
}

words!(ClearCause: Condition = "condition", Person = "person", Rule = "rule");

/// Which modules a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RuleScope {
    /// One module.
    Module(ModuleId),
    /// Every module of a type, case ignored.
    Type(ModuleKind),
}

impl RuleScope {
    /// Whether it is about a module of that type.
    #[must_use]
    pub fn holds(&self, id: &ModuleId, kind: &ModuleKind) -> bool {
        match self {
            Self::Module(known) => known == id,
            Self::Type(known) => known.as_str().eq_ignore_ascii_case(kind.as_str()),
        }
    }
}

/// What people want to be told of some modules.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmRule {
    /// Which rule.
    pub id: RuleId,
    /// What people call it.
    pub name: RuleName,
    /// How bad it is.
    pub severity: Severity,
    /// Which modules it is about.
    pub scope: RuleScope,
    /// When there is an alarm.
    pub condition: Condition,
    /// Whether it counts.
    pub enabled: bool,
    /// Who made it.
    pub by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// An alarm as it is stored, told and shown: what its rule said when it was raised, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alarm {
    /// Which alarm.
    #[schema(value_type = String)]
    pub alarm_id: AlarmId,
    /// Which rule raised it; it may be gone.
    #[schema(value_type = String)]
    pub rule_id: RuleId,
    /// What people called the rule.
    #[schema(value_type = String)]
    pub rule_name: RuleName,
    /// Of which module.
    #[schema(value_type = String)]
    pub module_id: ModuleId,
    /// What people call the module.
    #[schema(value_type = String)]
    pub module_name: ModuleName,
    /// How bad it is.
    pub severity: Severity,
    /// How far it has come.
    pub state: AlarmState,
    /// When there was to be an alarm.
    pub condition: ConditionWords,
    /// The value that raised it, or how fast it changed; null for silence.
    pub value: Option<f64>,
    /// Since when it was so: by the time of the reading, or when the module was last heard.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When it was raised.
    #[schema(value_type = String, format = DateTime)]
    pub raised_at: Timestamp,
    /// When somebody saw to it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub acknowledged_at: Option<Timestamp>,
    /// Who.
    #[schema(value_type = Option<String>)]
    pub acknowledged_by: Option<UserId>,
    /// When it was over.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub cleared_at: Option<Timestamp>,
    /// Who said so; null if nobody had to.
    #[schema(value_type = Option<String>)]
    pub cleared_by: Option<UserId>,
    /// Why it is over.
    pub clear_cause: Option<ClearCause>,
}

impl Alarm {
    /// How far an alarm has come that was acknowledged and cleared, or not.
    #[must_use]
    pub const fn state_of(is_acknowledged: bool, is_cleared: bool) -> AlarmState {
        match (is_acknowledged, is_cleared) {
            (_, true) => AlarmState::Cleared,
            (true, false) => AlarmState::Acknowledged,
            (false, false) => AlarmState::Active,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_as_they_are_written() {
        for severity in Severity::ALL {
            assert_eq!(Severity::read(severity.name()), Some(*severity));
            assert_eq!(serde_json::to_string(severity).unwrap(), format!("\"{}\"", severity.name()));
        }
        for cause in ClearCause::ALL {
            assert_eq!(ClearCause::read(cause.name()), Some(*cause));
        }
        assert_eq!(Severity::read("bad"), None);
        assert!("a\nb".parse::<RuleName>().is_err());
    }

    #[test]
    fn a_rule_is_about_whom_it_names() {
        let (id, kind) = ("MC-1".parse().unwrap(), "Station".parse().unwrap());
        assert!(RuleScope::Type("station".parse().unwrap()).holds(&id, &kind));
        assert!(!RuleScope::Type("Gate".parse().unwrap()).holds(&id, &kind));
        assert!(!RuleScope::Module("MC-2".parse().unwrap()).holds(&id, &kind));
    }
}
