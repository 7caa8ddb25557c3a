//! What people do that others may ask after later.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Serialize;

use super::ids::UserId;

/// A kind of deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
pub enum Action {
    /// An admin begins to watch the live events of somebody or something.
    #[serde(rename = "tap.begin")]
    TapBegin,
    /// An account was made.
    #[serde(rename = "user.create")]
    UserCreate,
    /// An account was changed.
    #[serde(rename = "user.update")]
    UserUpdate,
    /// An account was removed.
    #[serde(rename = "user.delete")]
    UserDelete,
    /// A module was removed.
    #[serde(rename = "module.delete")]
    ModuleDelete,
    /// The rules were changed that say how long the history is kept.
    #[serde(rename = "retention.update")]
    RetentionChange,
    /// A module was told to do something.
    #[serde(rename = "module.command")]
    ModuleCommand,
    /// The desired state of a module was changed.
    #[serde(rename = "twin.update")]
    TwinUpdate,
    /// Modules were stopped.
    #[serde(rename = "stop.make")]
    StopMake,
    /// An emergency stop was cleared.
    #[serde(rename = "stop.clear")]
    StopClear,
    /// A module got a claim code.
    #[serde(rename = "claim_code.make")]
    ClaimCode,
    /// A module was claimed.
    #[serde(rename = "module.claim")]
    ModuleClaim,
    /// A rule was made that raises alarms.
    #[serde(rename = "alarm_rule.create")]
    AlarmRuleCreate,
    /// Such a rule was changed.
    #[serde(rename = "alarm_rule.update")]
    AlarmRuleUpdate,
    /// Such a rule was removed.
    #[serde(rename = "alarm_rule.delete")]
    AlarmRuleDelete,
    /// Somebody saw to an alarm.
    #[serde(rename = "alarm.acknowledge")]
    AlarmAcknowledge,
    /// Somebody said that an alarm is over.
    #[serde(rename = "alarm.clear")]
    AlarmClear,
    /// A webhook was made.
    #[serde(rename = "webhook.create")]
    WebhookCreate,
    /// A webhook was changed, or got a new secret.
    #[serde(rename = "webhook.update")]
    WebhookUpdate,
    /// A webhook was removed.
    #[serde(rename = "webhook.delete")]
    WebhookDelete,
}

/// Every kind of deed with its name.
const ACTIONS: [(Action, &str); 20] = [
    (Action::TapBegin, "tap.begin"),
    (Action::UserCreate, "user.create"),
    (Action::UserUpdate, "user.update"),
    (Action::UserDelete, "user.delete"),
    (Action::ModuleDelete, "module.delete"),
    (Action::RetentionChange, "retention.update"),
    (Action::ModuleCommand, "module.command"),
    (Action::TwinUpdate, "twin.update"),
    (Action::StopMake, "stop.make"),
    (Action::StopClear, "stop.clear"),
    (Action::ClaimCode, "claim_code.make"),
    (Action::ModuleClaim, "module.claim"),
    (Action::AlarmRuleCreate, "alarm_rule.create"),
    (Action::AlarmRuleUpdate, "alarm_rule.update"),
    (Action::AlarmRuleDelete, "alarm_rule.delete"),
    (Action::AlarmAcknowledge, "alarm.acknowledge"),
    (Action::AlarmClear, "alarm.clear"),
    (Action::WebhookCreate, "webhook.create"),
    (Action::WebhookUpdate, "webhook.update"),
    (Action::WebhookDelete, "webhook.delete"),
];

/// A text that names no kind of deed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an action; use one of `{names}`", names = ACTIONS.map(|(_, name)| name).join("`, `"))]
pub struct ActionError(String);

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, ActionError> {
        let known = ACTIONS.iter().find(|(_, name)| *name == text);
        known.map(|(action, _)| *action).ok_or_else(|| ActionError(text.chars().take(32).collect()))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ACTIONS.iter().find(|(action, _)| action == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

/// One deed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Who did it.
    pub actor: UserId,
    /// What they did.
    pub action: Action,
    /// To whom or what, such as `user:<id>` or `module:<moduleId>`.
    pub subject: String,
    /// Where they came from.
    pub address: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_read_as_they_are_written() {
        for (action, name) in ACTIONS {
            assert_eq!(name.parse::<Action>(), Ok(action));
            assert_eq!(serde_json::to_string(&action).unwrap(), format!("\"{action}\""));
        }
        assert!("tap".parse::<Action>().is_err());
    }
}
