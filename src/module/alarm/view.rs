//! Rules as they are shown outside, and as people write them.

use serde::{Deserialize, Serialize};

use crate::domain::alarm::{AlarmRule, ConditionWords, RuleName, RuleScope, Severity};
use crate::domain::ids::{ModuleId, RuleId, UserId};
use crate::domain::module::ModuleKind;
use crate::domain::time::Timestamp;

/// A rule to be made: for one module or for all of a type.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewAlarmRule)]
pub struct NewRule {
    /// 1 to 100 characters.
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$", example = "Too hot")]
    pub name: RuleName,
    /// How bad it is.
    pub severity: Severity,
    /// The module it is about; this, or `type`.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    pub module_id: Option<ModuleId>,
    /// The type whose modules it is about, also those that come later; admins only.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]([A-Za-z0-9 _-]{0,48}[A-Za-z0-9_-])?$")]
    pub r#type: Option<ModuleKind>,
    /// When there is an alarm.
    pub condition: ConditionWords,
    /// Whether it counts; D true.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// What to change of a rule; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AlarmRuleChange)]
pub struct RuleChange {
    /// 1 to 100 characters.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$")]
    pub name: Option<RuleName>,
    /// How bad it is; alarms that were raised keep theirs.
    pub severity: Option<Severity>,
    /// When there is an alarm, whole; an alarm of another kind of condition or of another key is cleared.
    pub condition: Option<ConditionWords>,
    /// Whether it counts; when it does not, its alarms are cleared.
    pub enabled: Option<bool>,
}

const fn yes() -> bool {
    true
}

/// A rule as it is shown outside.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlarmRule)]
pub struct RuleView {
    /// Which rule.
    #[schema(value_type = String)]
    pub rule_id: RuleId,
    /// What people call it.
    #[schema(value_type = String)]
    pub name: RuleName,
    /// How bad it is.
    pub severity: Severity,
    /// The module it is about, if it is one.
    #[schema(value_type = Option<String>)]
    pub module_id: Option<ModuleId>,
    /// The type it is about, if it is one.
    #[schema(value_type = Option<String>)]
    pub r#type: Option<ModuleKind>,
    /// When there is an alarm.
    pub condition: ConditionWords,
    /// Whether it counts.
    pub enabled: bool,
    /// Who made it.
    #[schema(value_type = String)]
    pub user_id: UserId,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<&AlarmRule> for RuleView {
    fn from(rule: &AlarmRule) -> Self {
        let (module_id, kind) = match &rule.scope {
            RuleScope::Module(id) => (Some(id.clone()), None),
            RuleScope::Type(kind) => (None, Some(kind.clone())),
        };
        Self {
            rule_id: rule.id.clone(),
            name: rule.name.clone(),
            severity: rule.severity,
            module_id,
            r#type: kind,
            condition: rule.condition.words(),
            enabled: rule.enabled,
            user_id: rule.by.clone(),
            created_at: rule.created_at,
            updated_at: rule.updated_at,
        }
    }
}
