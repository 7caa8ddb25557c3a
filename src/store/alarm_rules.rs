//! The table `alarm_rules`: what people want to be told of modules.

use diesel::prelude::*;

use super::schema::alarm_rules;
use super::{Connection, StoreError};
use crate::domain::alarm::{AlarmRule, Condition, ConditionWords, RuleScope, Severity};
use crate::domain::ids::RuleId;
use crate::domain::time::Timestamp;

/// All rules, oldest first.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn load_all(conn: &mut Connection) -> Result<Vec<AlarmRule>, StoreError> {
    let rows: Vec<Row> = alarm_rules::table.order(alarm_rules::id).select(Row::as_select()).load(conn)?;
    rows.into_iter().map(Row::read).collect()
}

/// Adds a rule.
///
/// # Errors
/// [`StoreError::Conflict`] when its module is gone.
pub fn insert(conn: &mut Connection, rule: &AlarmRule) -> Result<(), StoreError> {
    diesel::insert_into(alarm_rules::table).values(Row::of(rule)).execute(conn)?;
    Ok(())
}

/// Replaces a rule.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such rule.
pub fn update(conn: &mut Connection, rule: &AlarmRule) -> Result<(), StoreError> {
    let changed = diesel::update(alarm_rules::table.find(rule.id.as_str())).set(Row::of(rule)).execute(conn)?;
    if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// Removes a rule; its alarms stay.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such rule.
pub fn delete(conn: &mut Connection, id: &RuleId) -> Result<(), StoreError> {
    let removed = diesel::delete(alarm_rules::table.find(id.as_str())).execute(conn)?;
    if removed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// Whether a rule is there and counts.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn is_enabled(conn: &mut Connection, id: &RuleId) -> Result<bool, StoreError> {
    let row = alarm_rules::table.find(id.as_str()).select(alarm_rules::enabled);
    Ok(row.first::<i64>(conn).optional()?.is_some_and(|enabled| enabled != 0))
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = alarm_rules, treat_none_as_null = true)]
struct Row {
    id: String,
    name: String,
    severity: String,
    module_id: Option<String>,
    kind: Option<String>,
    condition: String,
    enabled: i64,
    user_id: String,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn of(rule: &AlarmRule) -> Self {
        let (module_id, kind) = match &rule.scope {
            RuleScope::Module(id) => (Some(id.to_string()), None),
            RuleScope::Type(kind) => (None, Some(kind.to_string())),
        };
        Self {
            id: rule.id.to_string(),
            name: rule.name.to_string(),
            severity: rule.severity.name().to_owned(),
            module_id,
            kind,
            condition: crate::domain::event::json(&rule.condition.words()).get().to_owned(),
            enabled: rule.enabled.into(),
            user_id: rule.by.to_string(),
            created_at: rule.created_at.as_millis(),
            updated_at: rule.updated_at.as_millis(),
        }
    }

    fn read(self) -> Result<AlarmRule, StoreError> {
        let unreadable = || StoreError::unreadable("alarm_rules", &self.id);
        let words: ConditionWords = serde_json::from_str(&self.condition).map_err(|_| unreadable())?;
        let scope = match (&self.module_id, &self.kind) {
            (Some(id), None) => RuleScope::Module(id.parse().map_err(|_| unreadable())?),
            (None, Some(kind)) => RuleScope::Type(kind.parse().map_err(|_| unreadable())?),
            _ => return Err(unreadable()),
        };
        Ok(AlarmRule {
            id: self.id.parse().map_err(|_| unreadable())?,
            name: self.name.parse().map_err(|_| unreadable())?,
            severity: Severity::read(&self.severity).ok_or_else(unreadable)?,
            scope,
            condition: Condition::try_from(words).map_err(|_| unreadable())?,
            enabled: self.enabled != 0,
            by: self.user_id.parse().map_err(|_| unreadable())?,
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        })
    }
}
