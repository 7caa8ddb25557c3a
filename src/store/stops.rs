//! The tables `emergency_stops` and `emergency_stop_answers`: stops, and what modules answered to them.

use std::collections::HashMap;

use diesel::prelude::*;

use super::schema::{emergency_stop_answers as answers, emergency_stops as stops};
use super::{Connection, StoreError};
use crate::domain::ids::{ModuleId, StopId, UserId};
use crate::domain::stop::{EmergencyStop, StopScope};
use crate::domain::time::Timestamp;

mod pages;

pub use pages::{Answered, Concerning, cleared, count_answers};

/// How many stops are kept after they were cleared.
const CLEARED_KEPT: i64 = 10_000;

/// What a module answered to a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopAnswer {
    /// Which stop.
    pub stop_id: StopId,
    /// Which module.
    pub module_id: ModuleId,
    /// Whether it stands still.
    pub ok: bool,
    /// What it added, as JSON.
    pub result: String,
    /// When it answered.
    pub answered_at: Timestamp,
}

/// Adds a stop, and forgets the oldest of the cleared ones beyond those that are kept.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn insert(conn: &mut Connection, stop: &EmergencyStop) -> Result<(), StoreError> {
    diesel::insert_into(stops::table).values(Row::of(stop)).execute(conn)?;
    let cleared = stops::table.filter(stops::cleared_at.is_not_null()).order(stops::cleared_at.desc());
    let beyond: Option<Option<i64>> = cleared.select(stops::cleared_at).offset(CLEARED_KEPT).first(conn).optional()?;
    if let Some(Some(at)) = beyond {
        diesel::delete(stops::table.filter(stops::cleared_at.le(at))).execute(conn)?;
    }
    Ok(())
}

/// Ends a stop; answers whether it was in force.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn clear(conn: &mut Connection, id: &StopId, at: Timestamp, by: &UserId) -> Result<bool, StoreError> {
    let active = stops::table.find(id.as_str()).filter(stops::cleared_at.is_null());
    let change = (stops::cleared_at.eq(at.as_millis()), stops::cleared_by.eq(by.as_str()));
    Ok(diesel::update(active).set(change).execute(conn)? > 0)
}

/// The stops in force, oldest first.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn active(conn: &mut Connection) -> Result<Vec<EmergencyStop>, StoreError> {
    let rows = stops::table.filter(stops::cleared_at.is_null()).order(stops::id);
    let rows: Vec<Row> = rows.select(Row::as_select()).load(conn)?;
    rows.into_iter().map(Row::read).collect()
}

/// One stop.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn find(conn: &mut Connection, id: &StopId) -> Result<Option<EmergencyStop>, StoreError> {
    let row: Option<Row> = stops::table.find(id.as_str()).select(Row::as_select()).first(conn).optional()?;
    row.map(Row::read).transpose()
}

/// Writes down what a module answered; the newest answer counts.
///
/// # Errors
/// [`StoreError::Conflict`] when the stop or the module is gone.
pub fn answer(conn: &mut Connection, answer: &StopAnswer) -> Result<(), StoreError> {
    let row = AnswerRow::of(answer);
    let known = answers::table.find((&row.stop_id, &row.module_id));
    if diesel::update(known).set(&row).execute(conn)? == 0 {
        diesel::insert_into(answers::table).values(&row).execute(conn)?;
    }
    Ok(())
}

/// What a module answered to the stops in force.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn answers_of(conn: &mut Connection, module_id: &ModuleId) -> Result<Vec<StopAnswer>, StoreError> {
    let active = stops::table.filter(stops::cleared_at.is_null()).select(stops::id);
    let rows = answers::table.filter(answers::module_id.eq(module_id.as_str())).filter(answers::stop_id.eq_any(active));
    let rows: Vec<AnswerRow> = rows.select(AnswerRow::as_select()).load(conn)?;
    rows.into_iter().map(AnswerRow::read).collect()
}

/// What some modules answered to a stop.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn answers_to(
    conn: &mut Connection,
    id: &StopId,
    of: &[ModuleId],
) -> Result<HashMap<ModuleId, StopAnswer>, StoreError> {
    let rows = answers::table.filter(answers::stop_id.eq(id.as_str()));
    let rows = rows.filter(answers::module_id.eq_any(of.iter().map(ModuleId::as_str)));
    let rows: Vec<AnswerRow> = rows.select(AnswerRow::as_select()).load(conn)?;
    rows.into_iter().map(|row| row.read().map(|answer| (answer.module_id.clone(), answer))).collect()
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = stops)]
struct Row {
    id: String,
    scope: String,
    target: String,
    reason: String,
    user_id: String,
    created_at: i64,
    cleared_at: Option<i64>,
    cleared_by: Option<String>,
}

impl Row {
    fn of(stop: &EmergencyStop) -> Self {
        Self {
            id: stop.id.to_string(),
            scope: stop.scope.name().to_owned(),
            target: stop.scope.target().to_owned(),
            reason: stop.reason.to_string(),
            user_id: stop.by.to_string(),
            created_at: stop.created_at.as_millis(),
            cleared_at: stop.cleared.as_ref().map(|(at, _)| at.as_millis()),
            cleared_by: stop.cleared.as_ref().map(|(_, by)| by.to_string()),
        }
    }

    fn read(self) -> Result<EmergencyStop, StoreError> {
        let unreadable = || StoreError::unreadable("emergency_stops", &self.id);
        let cleared_by = self.cleared_by.as_ref().map(|by| by.parse()).transpose().map_err(|_| unreadable())?;
        Ok(EmergencyStop {
            id: self.id.parse().map_err(|_| unreadable())?,
            scope: StopScope::read(&self.scope, &self.target).ok_or_else(unreadable)?,
            reason: self.reason.parse().map_err(|_| unreadable())?,
            by: self.user_id.parse().map_err(|_| unreadable())?,
            created_at: Timestamp::from_millis(self.created_at),
            cleared: self.cleared_at.map(Timestamp::from_millis).zip(cleared_by),
        })
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = answers)]
struct AnswerRow {
    stop_id: String,
    module_id: String,
    ok: i64,
    result: String,
    answered_at: i64,
}

impl AnswerRow {
    fn of(answer: &StopAnswer) -> Self {
        Self {
            stop_id: answer.stop_id.to_string(),
            module_id: answer.module_id.to_string(),
            ok: answer.ok.into(),
            result: answer.result.clone(),
            answered_at: answer.answered_at.as_millis(),
        }
    }

    fn read(self) -> Result<StopAnswer, StoreError> {
        let unreadable = || StoreError::unreadable("emergency_stop_answers", &self.stop_id);
        Ok(StopAnswer {
            stop_id: self.stop_id.parse().map_err(|_| unreadable())?,
            module_id: self.module_id.parse().map_err(|_| unreadable())?,
            ok: self.ok != 0,
            result: self.result,
            answered_at: Timestamp::from_millis(self.answered_at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::modules;
    use crate::store::testing::{self, Scratch};

    #[actix::test]
    async fn a_stop_is_in_force_until_it_is_cleared_and_keeps_the_newest_answers() {
        let scratch = Scratch::new();
        let module: ModuleId = "MC-1".parse().unwrap();
        let stop = EmergencyStop {
            id: StopId::generate(),
            scope: StopScope::All,
            reason: "fire".parse().unwrap(),
            by: UserId::generate(),
            created_at: Timestamp::from_millis(1),
            cleared: None,
        };
        let made = stop.clone();
        let work = move |conn: &mut Connection| {
            modules::insert(conn, &testing::module("MC-1"))?;
            insert(conn, &made)?;
            let in_force = active(conn)?;
            for ok in [false, true] {
                let (stop_id, module_id) = (made.id.clone(), module.clone());
                let answered_at = Timestamp::from_millis(2);
                answer(conn, &StopAnswer { stop_id, module_id, ok, result: "null".into(), answered_at })?;
            }
            let answered = (answers_of(conn, &module)?, answers_to(conn, &made.id, std::slice::from_ref(&module))?);
            let by = UserId::generate();
            let was_active = (
                clear(conn, &made.id, Timestamp::from_millis(3), &by)?,
                clear(conn, &made.id, Timestamp::from_millis(4), &by)?,
            );
            let after =
                (active(conn)?.len(), cleared(conn, &Concerning::Everybody, 0, 9)?, answers_of(conn, &module)?.len());
            Ok((in_force, answered, was_active, after, find(conn, &made.id)?))
        };
        let (in_force, answered, was_active, after, found) = scratch.store().write(work).await.unwrap();
        assert_eq!(in_force, [stop]);
        assert_eq!(answered.0, answered.1.into_values().collect::<Vec<_>>());
        assert!(answered.0.len() == 1 && answered.0[0].ok);
        assert_eq!(was_active, (true, false));
        assert_eq!((after.0, after.1.1, after.2), (0, 1, 0));
        assert_eq!(found.unwrap().cleared.unwrap().0, Timestamp::from_millis(3));
    }
}
