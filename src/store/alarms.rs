//! The table `alarms`: what was raised, who saw to it, and what ended it.

use std::collections::HashMap;

use diesel::prelude::*;

use super::schema::{alarm_rules, alarms, modules};
use super::{Connection, StoreError};
use crate::domain::alarm::{Alarm, AlarmState, ClearCause, ConditionWords, Severity, Standing};
use crate::domain::ids::{AlarmId, ModuleId, RuleId, UserId};
use crate::domain::time::Timestamp;

/// Which alarms to list.
#[derive(Debug, Clone, Default)]
pub struct AlarmFilter {
    /// Only those of modules of this person.
    pub owner: Option<UserId>,
    /// Only those that have come so far.
    pub state: Option<AlarmState>,
    /// Only those of this module.
    pub module: Option<ModuleId>,
    /// Only those that are so bad.
    pub severity: Option<Severity>,
    /// How many to pass over.
    pub skip: i64,
    /// How many at most.
    pub limit: i64,
}

/// What ends an alarm.
#[derive(Debug, Clone, Copy)]
pub struct Cleared<'a> {
    /// When.
    pub at: Timestamp,
    /// Who said so, if somebody did.
    pub by: Option<&'a UserId>,
    /// Why.
    pub cause: ClearCause,
}

/// Adds an alarm, unless one of its rule and module is not cleared; answers whether it did.
///
/// # Errors
/// [`StoreError::Conflict`] when the module is gone.
pub fn insert(conn: &mut Connection, alarm: &Alarm) -> Result<bool, StoreError> {
    if find_open(conn, &alarm.rule_id, &alarm.module_id)?.is_some() {
        return Ok(false);
    }
    diesel::insert_into(alarms::table).values(Row::of(alarm)).execute(conn)?;
    Ok(true)
}

/// One alarm.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn find(conn: &mut Connection, id: &AlarmId) -> Result<Option<Alarm>, StoreError> {
    let found = alarms::table.inner_join(modules::table).filter(alarms::id.eq(id.as_str()));
    let row: Option<(Row, String)> = found.select((Row::as_select(), modules::name)).first(conn).optional()?;
    row.map(read).transpose()
}

/// The alarm of a rule and a module that is not cleared.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn find_open(conn: &mut Connection, rule: &RuleId, module: &ModuleId) -> Result<Option<Alarm>, StoreError> {
    let found = alarms::table.inner_join(modules::table).filter(alarms::cleared_at.is_null());
    let found = found.filter(alarms::rule_id.eq(rule.as_str())).filter(alarms::module_id.eq(module.as_str()));
    let row: Option<(Row, String)> = found.select((Row::as_select(), modules::name)).first(conn).optional()?;
    row.map(read).transpose()
}

/// The alarms of a module that are not cleared, oldest first; those that cannot be read are left out.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn open_of(conn: &mut Connection, module: &ModuleId) -> Result<Vec<Alarm>, StoreError> {
    let open = alarms::table.inner_join(modules::table).filter(alarms::cleared_at.is_null());
    let open = open.filter(alarms::module_id.eq(module.as_str())).order(alarms::id);
    let rows: Vec<(Row, String)> = open.select((Row::as_select(), modules::name)).load(conn)?;
    Ok(rows.into_iter().filter_map(|row| read(row).ok()).collect())
}

/// Writes down who has seen to an alarm.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn acknowledge(conn: &mut Connection, id: &AlarmId, at: Timestamp, by: &UserId) -> Result<(), StoreError> {
    let change = (alarms::acknowledged_at.eq(at.as_millis()), alarms::acknowledged_by.eq(by.as_str()));
    diesel::update(alarms::table.find(id.as_str())).set(change).execute(conn)?;
    Ok(())
}

/// Writes down what has ended an alarm.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn clear(conn: &mut Connection, id: &AlarmId, cleared: Cleared<'_>) -> Result<(), StoreError> {
    let change = (
        alarms::cleared_at.eq(cleared.at.as_millis()),
        alarms::cleared_by.eq(cleared.by.map(UserId::as_str)),
        alarms::clear_cause.eq(cleared.cause.name()),
    );
    diesel::update(alarms::table.find(id.as_str())).set(change).execute(conn)?;
    Ok(())
}

/// One page of the alarms, those that are not cleared first, then the newest; and how many there are on all pages.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn list(conn: &mut Connection, filter: &AlarmFilter) -> Result<(Vec<Alarm>, i64), StoreError> {
    let wanted = || {
        let mut rows = alarms::table.inner_join(modules::table).into_boxed();
        if let Some(owner) = &filter.owner {
            rows = rows.filter(modules::user_id.eq(owner.as_str()));
        }
        if let Some(module) = &filter.module {
            rows = rows.filter(alarms::module_id.eq(module.as_str()));
        }
        if let Some(severity) = filter.severity {
            rows = rows.filter(alarms::severity.eq(severity.name()));
        }
        match filter.state {
            None => rows,
            Some(AlarmState::Cleared) => rows.filter(alarms::cleared_at.is_not_null()),
            Some(AlarmState::Active) => {
                rows.filter(alarms::cleared_at.is_null()).filter(alarms::acknowledged_at.is_null())
            }
            Some(AlarmState::Acknowledged) => {
                rows.filter(alarms::cleared_at.is_null()).filter(alarms::acknowledged_at.is_not_null())
            }
        }
    };
    let total = wanted().count().get_result(conn)?;
    let page = wanted().order((alarms::cleared_at.is_not_null(), alarms::id.desc()));
    let page = page.offset(filter.skip).limit(filter.limit).select((Row::as_select(), modules::name));
    let rows: Vec<(Row, String)> = page.load(conn)?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, total))
}

/// How many alarms nobody has seen to, of all modules or of those of one person.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn count_active(conn: &mut Connection, owner: Option<&UserId>) -> Result<i64, StoreError> {
    let active = alarms::table.inner_join(modules::table).into_boxed();
    let active = active.filter(alarms::cleared_at.is_null()).filter(alarms::acknowledged_at.is_null());
    let active = match owner {
        Some(owner) => active.filter(modules::user_id.eq(owner.as_str())),
        None => active,
    };
    Ok(active.count().get_result(conn)?)
}

/// What is known of the alarms of rules and modules where that is more than nothing, and how bad the open ones are.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn standings(conn: &mut Connection) -> Result<Standings, StoreError> {
    let rows = alarms::table.order(alarms::id);
    let rows = rows.select((alarms::rule_id, alarms::module_id, alarms::severity, alarms::clear_cause));
    let rows: Vec<(String, String, String, Option<String>)> = rows.load(conn)?;
    let mut standings = Standings::default();
    for (rule, module, severity, cause) in rows {
        let unreadable = || StoreError::unreadable("alarms", &rule);
        let place = (rule.parse().map_err(|_| unreadable())?, module.parse().map_err(|_| unreadable())?);
        // The newest counts.
        match cause.as_deref() {
            None => {
                standings.open.push(Severity::read(&severity).ok_or_else(unreadable)?);
                standings.by_place.insert(place, Standing::Raised);
            }
            Some("person") => {
                standings.by_place.insert(place, Standing::Muted);
            }
            Some(_) => {
                standings.by_place.remove(&place);
            }
        }
    }
    Ok(standings)
}

/// What is known of alarms when the hub starts.
#[derive(Debug, Clone, Default)]
pub struct Standings {
    /// By rule and module, where it is more than nothing.
    pub by_place: HashMap<(RuleId, ModuleId), Standing>,
    /// How bad each alarm is that is not cleared.
    pub open: Vec<Severity>,
}

/// Which cleared alarms are kept, in one respect.
#[derive(Debug, Clone)]
pub enum Kept {
    /// So many of a module, the newest.
    OfModule {
        /// Which module.
        module: ModuleId,
        /// How many.
        newest: usize,
    },
    /// What was cleared since then.
    Since(Timestamp),
    /// So many of all, those that were cleared last.
    Newest(usize),
}

/// What came of alarms that are not to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// How many are gone.
    pub gone: i64,
    /// How many stay, as the next alarm of their rule depends on them.
    pub spared: i64,
}

impl Forgotten {
    /// How many there were.
    #[must_use]
    pub const fn all(self) -> i64 {
        self.gone + self.spared
    }
}

/// Forgets cleared alarms that are not to be kept, those that went last first, at most so many at once; `skip` is how many were
/// spared before. What a person cleared is spared as long as there is its rule and no newer alarm: there is none until what it
/// told of is over.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn forget(conn: &mut Connection, kept: &Kept, skip: i64, most: i64) -> Result<Forgotten, StoreError> {
    let cleared = alarms::table.filter(alarms::cleared_at.is_not_null()).into_boxed();
    let beyond = |newest: &usize| i64::try_from(*newest).unwrap_or(i64::MAX).saturating_add(skip);
    let surplus = match kept {
        Kept::OfModule { module, newest } => {
            cleared.filter(alarms::module_id.eq(module.as_str())).order(alarms::id.desc()).offset(beyond(newest))
        }
        Kept::Since(at) => cleared.filter(alarms::cleared_at.lt(at.as_millis())).order(alarms::cleared_at).offset(skip),
        Kept::Newest(newest) => cleared.order(alarms::cleared_at.desc()).offset(beyond(newest)),
    };
    let surplus = surplus.limit(most).select((alarms::id, alarms::rule_id, alarms::module_id, alarms::clear_cause));
    let surplus: Vec<Place> = surplus.load(conn)?;
    let count = surplus.len();
    let mut gone = Vec::with_capacity(count);
    for place in surplus {
        if !is_needed(conn, &place)? {
            gone.push(place.0);
        }
    }
    diesel::delete(alarms::table.filter(alarms::id.eq_any(&gone))).execute(conn)?;
    let size = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(Forgotten { gone: size(gone.len()), spared: size(count - gone.len()) })
}

/// Of an alarm that was cleared: its id, its rule, its module, and what cleared it.
type Place = (String, String, String, Option<String>);

fn is_needed(conn: &mut Connection, (id, rule, module, cause): &Place) -> Result<bool, StoreError> {
    if cause.as_deref() != Some("person") {
        return Ok(false);
    }
    let same = alarms::table.filter(alarms::module_id.eq(module)).filter(alarms::rule_id.eq(rule));
    let newest: Option<String> = same.order(alarms::id.desc()).select(alarms::id).first(conn).optional()?;
    let rules: i64 = alarm_rules::table.filter(alarm_rules::id.eq(rule)).count().get_result(conn)?;
    Ok(rules > 0 && newest.as_ref() == Some(id))
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = alarms, treat_none_as_default_value = false)]
struct Row {
    id: String,
    rule_id: String,
    rule_name: String,
    module_id: String,
    severity: String,
    condition: String,
    value: Option<String>,
    since: i64,
    raised_at: i64,
    acknowledged_at: Option<i64>,
    acknowledged_by: Option<String>,
    cleared_at: Option<i64>,
    cleared_by: Option<String>,
    clear_cause: Option<String>,
}

impl Row {
    fn of(alarm: &Alarm) -> Self {
        let text = |id: &Option<UserId>| id.as_ref().map(ToString::to_string);
        Self {
            id: alarm.alarm_id.to_string(),
            rule_id: alarm.rule_id.to_string(),
            rule_name: alarm.rule_name.to_string(),
            module_id: alarm.module_id.to_string(),
            severity: alarm.severity.name().to_owned(),
            condition: crate::domain::event::json(&alarm.condition).get().to_owned(),
            value: alarm.value.map(|value| crate::domain::event::json(&value).get().to_owned()),
            since: alarm.since.as_millis(),
            raised_at: alarm.raised_at.as_millis(),
            acknowledged_at: alarm.acknowledged_at.map(Timestamp::as_millis),
            acknowledged_by: text(&alarm.acknowledged_by),
            cleared_at: alarm.cleared_at.map(Timestamp::as_millis),
            cleared_by: text(&alarm.cleared_by),
            clear_cause: alarm.clear_cause.map(|cause| cause.name().to_owned()),
        }
    }
}

fn read((row, module_name): (Row, String)) -> Result<Alarm, StoreError> {
    let unreadable = || StoreError::unreadable("alarms", &row.id);
    let condition: ConditionWords = serde_json::from_str(&row.condition).map_err(|_| unreadable())?;
    let user = |id: &Option<String>| id.as_ref().map(|id| id.parse::<UserId>()).transpose().map_err(|_| unreadable());
    let number = |text: &String| serde_json::from_str::<f64>(text).map_err(|_| unreadable());
    Ok(Alarm {
        alarm_id: row.id.parse().map_err(|_| unreadable())?,
        rule_id: row.rule_id.parse().map_err(|_| unreadable())?,
        rule_name: row.rule_name.parse().map_err(|_| unreadable())?,
        module_id: row.module_id.parse().map_err(|_| unreadable())?,
        module_name: module_name.parse().map_err(|_| unreadable())?,
        severity: Severity::read(&row.severity).ok_or_else(unreadable)?,
        state: Alarm::state_of(row.acknowledged_at.is_some(), row.cleared_at.is_some()),
        condition,
        value: row.value.as_ref().map(number).transpose()?,
        since: Timestamp::from_millis(row.since),
        raised_at: Timestamp::from_millis(row.raised_at),
        acknowledged_at: row.acknowledged_at.map(Timestamp::from_millis),
        acknowledged_by: user(&row.acknowledged_by)?,
        cleared_at: row.cleared_at.map(Timestamp::from_millis),
        cleared_by: user(&row.cleared_by)?,
        clear_cause: row
            .clear_cause
            .as_deref()
            .map(|cause| ClearCause::read(cause).ok_or_else(unreadable))
            .transpose()?,
    })
}

#[cfg(test)]
mod tests;
