//! The table `commands`: what modules were told to do and what they answered; the oldest rows of a module go.

use diesel::prelude::*;
use diesel::sql_types::Bool;
use serde_json::value::RawValue;

use super::schema::{commands, modules};
use super::{Backend, Connection, StoreError};
use crate::domain::command::{Command, CommandName};
use crate::domain::ids::{CommandId, ModuleId, UserId};
use crate::domain::stop::StopScope;
use crate::domain::time::Timestamp;

/// How long before now a command that waits may have been made; longer than any time-out.
const OLDEST_OPEN: i64 = 3_600_000;

/// How long and how many commands are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandsKept {
    /// How many of one module.
    pub count: i64,
    /// Only those made after this moment.
    pub since: Timestamp,
}

/// A command as it is stored.
#[derive(Debug, Clone)]
pub struct CommandRecord {
    /// Which command.
    pub id: CommandId,
    /// To which module.
    pub module_id: ModuleId,
    /// What to do.
    pub name: CommandName,
    /// How.
    pub params: Box<RawValue>,
    /// Who asked, perhaps removed since.
    pub by: UserId,
    /// When it was asked.
    pub created_at: Timestamp,
    /// Until when somebody waited.
    pub deadline: Timestamp,
    /// When the device answered.
    pub answered_at: Option<Timestamp>,
    /// Whether the device did it.
    pub ok: Option<bool>,
    /// What came of it.
    pub result: Option<Box<RawValue>>,
    /// When an emergency stop took it back.
    pub cancelled_at: Option<Timestamp>,
}

/// A command that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// Which command.
    pub id: CommandId,
    /// Of which module.
    pub module_id: ModuleId,
    /// What it said.
    pub name: CommandName,
}

impl Cancelled {
    fn read((id, module_id, name): (String, String, String)) -> Result<Self, StoreError> {
        let unreadable = || StoreError::unreadable("commands", &id);
        Ok(Self {
            id: id.parse().map_err(|_| unreadable())?,
            module_id: module_id.parse().map_err(|_| unreadable())?,
            name: name.parse().map_err(|_| unreadable())?,
        })
    }
}

/// What an answer of a device met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// A command that waited.
    InTime,
    /// A command for which nobody waits any more.
    Late,
    /// A command that was answered before.
    Again,
    /// No command of this module.
    Unknown,
}

/// Adds a command, and forgets what is beyond those that are kept.
///
/// # Errors
/// [`StoreError::Conflict`] when the module is gone.
pub fn insert(
    conn: &mut Connection,
    module_id: &ModuleId,
    by: &UserId,
    command: &Command,
    created_at: Timestamp,
    kept: CommandsKept,
) -> Result<(), StoreError> {
    let row = (
        commands::id.eq(command.id.as_str()),
        commands::module_id.eq(module_id.as_str()),
        commands::command.eq(command.name.as_str()),
        commands::params.eq(command.params.get()),
        commands::user_id.eq(by.as_str()),
        commands::created_at.eq(created_at.as_millis()),
        commands::deadline.eq(command.deadline.unwrap_or(created_at).as_millis()),
    );
    diesel::insert_into(commands::table).values(row).execute(conn)?;
    prune(conn, module_id, kept)
}

fn prune(conn: &mut Connection, module_id: &ModuleId, kept: CommandsKept) -> Result<(), StoreError> {
    let of_module = commands::table.filter(commands::module_id.eq(module_id.as_str()));
    let beyond = of_module.select(commands::id).order(commands::id.desc()).offset(kept.count);
    let newest_beyond: Option<String> = beyond.first(conn).optional()?;
    if let Some(id) = newest_beyond {
        let old = commands::table.filter(commands::module_id.eq(module_id.as_str())).filter(commands::id.le(id));
        diesel::delete(old).execute(conn)?;
    }
    // An id begins with the milliseconds of its making.
    let aged = format!("{:012x}", kept.since.as_millis().max(0));
    diesel::delete(commands::table.filter(commands::id.lt(aged))).execute(conn)?;
    Ok(())
}

/// Writes down what a device answered; an answer after `deadline` counts as late unless the hub has taken it in time.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn settle(
    conn: &mut Connection,
    module_id: &ModuleId,
    id: &str,
    ok: bool,
    result: &RawValue,
    at: Timestamp,
) -> Result<Settled, StoreError> {
    let found = commands::table.find(id).filter(commands::module_id.eq(module_id.as_str()));
    let found = found.select((commands::deadline, commands::answered_at, commands::cancelled_at));
    let found: Option<(i64, Option<i64>, Option<i64>)> = found.first(conn).optional()?;
    let (deadline, answered_at, cancelled_at) = match found {
        None => return Ok(Settled::Unknown),
        Some(found) => found,
    };
    if answered_at.is_some() {
        return Ok(Settled::Again);
    }
    let change =
        (commands::answered_at.eq(at.as_millis()), commands::ok.eq(i64::from(ok)), commands::result.eq(result.get()));
    diesel::update(commands::table.find(id)).set(change).execute(conn)?;
    let is_late = cancelled_at.is_some() || at.as_millis() > deadline;
    Ok(if is_late { Settled::Late } else { Settled::InTime })
}

/// Takes back all commands in scope that were made until a moment and wait for an answer then; answers which.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn cancel(conn: &mut Connection, scope: &StopScope, at: Timestamp) -> Result<Vec<Cancelled>, StoreError> {
    // An id begins with the milliseconds of its making: only the newest rows are looked at.
    let oldest = format!("{:012x}", at.as_millis().saturating_sub(OLDEST_OPEN).max(0));
    let open = || {
        let waiting = commands::table
            .filter(commands::id.ge(oldest.clone()))
            .filter(commands::created_at.le(at.as_millis()))
            .filter(commands::deadline.ge(at.as_millis()));
        waiting.filter(commands::answered_at.is_null()).filter(commands::cancelled_at.is_null()).filter(is_in(scope))
    };
    let rows: Vec<(String, String, String)> =
        open().order(commands::id).select((commands::id, commands::module_id, commands::command)).load(conn)?;
    diesel::update(open()).set(commands::cancelled_at.eq(at.as_millis())).execute(conn)?;
    rows.into_iter().map(Cancelled::read).collect()
}

fn is_in(scope: &StopScope) -> Box<dyn BoxableExpression<commands::table, Backend, SqlType = Bool>> {
    match scope {
        StopScope::Module(id) => Box::new(commands::module_id.eq(id.to_string())),
        StopScope::Type(kind) => {
            let of_type = modules::table.filter(lower(modules::kind).eq(kind.as_str().to_ascii_lowercase()));
            Box::new(commands::module_id.eq_any(of_type.select(modules::id)))
        }
        StopScope::All => Box::new(commands::module_id.is_not_null()),
    }
}

diesel::define_sql_function! {
    /// The text in small letters.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// The commands of a module, made before a moment, that still wait for an answer, oldest first.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn open(
    conn: &mut Connection,
    module_id: &ModuleId,
    made_before: Timestamp,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<CommandRecord>, StoreError> {
    let rows: Vec<Row> = commands::table
        .filter(commands::module_id.eq(module_id.as_str()))
        .filter(commands::created_at.lt(made_before.as_millis()))
        .filter(commands::deadline.gt(now.as_millis()))
        .filter(commands::answered_at.is_null())
        .filter(commands::cancelled_at.is_null())
        .order(commands::id)
        .limit(limit)
        .select(Row::as_select())
        .load(conn)?;
    rows.into_iter().map(CommandRecord::try_from).collect()
}

/// One page of the commands of a module, newest first, and how many there are on all pages.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn list(
    conn: &mut Connection,
    module_id: &ModuleId,
    skip: i64,
    limit: i64,
) -> Result<(Vec<CommandRecord>, i64), StoreError> {
    let of_module = || commands::table.filter(commands::module_id.eq(module_id.as_str()));
    let total = of_module().count().get_result(conn)?;
    let rows: Vec<Row> =
        of_module().order(commands::id.desc()).offset(skip).limit(limit).select(Row::as_select()).load(conn)?;
    let records = rows.into_iter().map(CommandRecord::try_from).collect::<Result<_, _>>()?;
    Ok((records, total))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = commands)]
struct Row {
    id: String,
    module_id: String,
    command: String,
    params: String,
    user_id: String,
    created_at: i64,
    deadline: i64,
    answered_at: Option<i64>,
    ok: Option<i64>,
    result: Option<String>,
    cancelled_at: Option<i64>,
}

impl TryFrom<Row> for CommandRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unreadable = || StoreError::unreadable("commands", &row.id);
        let json = |text: String| RawValue::from_string(text).map_err(|_| unreadable());
        Ok(Self {
            id: row.id.parse().map_err(|_| unreadable())?,
            module_id: row.module_id.parse().map_err(|_| unreadable())?,
            name: row.command.parse().map_err(|_| unreadable())?,
            params: json(row.params)?,
            by: row.user_id.parse().map_err(|_| unreadable())?,
            created_at: Timestamp::from_millis(row.created_at),
            deadline: Timestamp::from_millis(row.deadline),
            answered_at: row.answered_at.map(Timestamp::from_millis),
            ok: row.ok.map(|ok| ok != 0),
            result: row.result.map(json).transpose()?,
            cancelled_at: row.cancelled_at.map(Timestamp::from_millis),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::null;
    use crate::store::modules;
    use crate::store::testing::{Scratch, module};

    fn command(deadline: i64) -> Command {
        let deadline = Some(Timestamp::from_millis(deadline));
        Command { id: CommandId::generate(), name: "open".parse().unwrap(), params: null(), deadline }
    }

    #[actix::test]
    async fn answers_are_taken_once_by_their_module_and_late_ones_are_marked() {
        let scratch = Scratch::new();
        let work = |conn: &mut Connection| {
            let (one, other): (ModuleId, ModuleId) = ("MC-1".parse().unwrap(), "MC-2".parse().unwrap());
            modules::insert(conn, &module("MC-1"))?;
            modules::insert(conn, &module("MC-2"))?;
            let kept = CommandsKept { count: 3, since: Timestamp::from_millis(0) };
            let (user, at) = (UserId::generate(), Timestamp::from_millis);
            let (first, second, third) = (command(100), command(100), command(100));
            for command in [&first, &second, &third] {
                insert(conn, &one, &user, command, at(10), kept)?;
            }
            let waiting = open(conn, &one, at(11), at(20), 10)?.len();
            let told_by = |conn: &mut Connection, module: &ModuleId, command: &Command, when| {
                settle(conn, module, command.id.as_str(), true, &null(), at(when))
            };
            let told = [
                told_by(conn, &other, &first, 50)?,
                told_by(conn, &one, &first, 50)?,
                told_by(conn, &one, &first, 60)?,
                told_by(conn, &one, &second, 101)?,
            ];
            let taken_back = cancel(conn, &StopScope::Module(one.clone()), at(70))?;
            assert_eq!(taken_back.len(), 1);
            let cancelled = told_by(conn, &one, &third, 80)?;
            let left = open(conn, &one, at(11), at(20), 10)?.len();
            insert(conn, &one, &user, &command(100), at(90), kept)?;
            let (listed, total) = list(conn, &one, 0, 10)?;
            Ok((waiting, told, cancelled, left, listed, total, first.id))
        };
        let (waiting, told, cancelled, left, listed, total, first) = scratch.store().write(work).await.unwrap();
        assert_eq!((waiting, left), (3, 0));
        assert_eq!(told, [Settled::Unknown, Settled::InTime, Settled::Again, Settled::Late]);
        assert_eq!((cancelled, total), (Settled::Late, 3));
        assert!(!listed.iter().any(|record| record.id == first), "the oldest has gone");
        assert!(listed[1].cancelled_at.is_some() && listed[1].ok == Some(true));
    }
}
