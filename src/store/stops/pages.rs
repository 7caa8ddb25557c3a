//! Pages of the stops that were cleared, and how many modules have answered: counted by the database.

use std::collections::HashMap;

use diesel::dsl::{count_star, exists};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::super::schema::{emergency_stop_answers as answers, emergency_stops as stops, modules};
use super::super::{Backend, Connection, StoreError};
use super::Row;
use crate::domain::ids::{ModuleId, StopId, UserId};
use crate::domain::module::ModuleKind;
use crate::domain::stop::EmergencyStop;

/// How many modules in scope have answered a stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answered {
    /// That they stand still.
    pub acknowledged: usize,
    /// That they could not stop.
    pub refused: usize,
}

/// Which stops are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concerning {
    /// All.
    Everybody,
    /// Those that concern modules of an owner.
    Owner(UserId),
    /// Those that concern a module of a type.
    Module(ModuleId, ModuleKind),
}

/// One page of the stops that were cleared, the newest first, and how many there are on all pages.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn cleared(
    conn: &mut Connection,
    whom: &Concerning,
    skip: i64,
    limit: i64,
) -> Result<(Vec<EmergencyStop>, i64), StoreError> {
    let found = || stops::table.filter(stops::cleared_at.is_not_null()).filter(concerns(whom));
    let total = found().count().get_result(conn)?;
    let page = found().order((stops::cleared_at.desc(), stops::id.desc())).offset(skip).limit(limit);
    let rows: Vec<Row> = page.select(Row::as_select()).load(conn)?;
    Ok((rows.into_iter().map(Row::read).collect::<Result<_, _>>()?, total))
}

fn concerns(whom: &Concerning) -> Box<dyn BoxableExpression<stops::table, Backend, SqlType = Bool>> {
    match whom {
        Concerning::Everybody => Box::new(stops::id.is_not_null()),
        Concerning::Owner(owner) => {
            let own = modules::table.filter(modules::user_id.eq(owner.to_string()));
            Box::new(exists(own.filter(is_in_scope())))
        }
        Concerning::Module(id, kind) => {
            let of_module = stops::scope.eq("module").and(stops::target.eq(id.to_string()));
            let kind = kind.as_str().to_ascii_lowercase();
            let of_type = stops::scope.eq("type").and(lower(stops::target).eq(kind));
            Box::new(stops::scope.eq("all").or(of_module).or(of_type))
        }
    }
}

/// Whether a stop concerns a module, both of one query.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_in_scope() -> _ {
    let of_module = stops::scope.eq("module").and(stops::target.eq(modules::id));
    let of_type = stops::scope.eq("type").and(lower(stops::target).eq(lower(modules::kind)));
    stops::scope.eq("all").or(of_module).or(of_type)
}

diesel::define_sql_function! {
    /// Lower case of ASCII letters.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// How many modules in scope have answered some stops, of one owner or of all.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn count_answers(
    conn: &mut Connection,
    ids: &[StopId],
    owner: Option<&UserId>,
) -> Result<HashMap<StopId, Answered>, StoreError> {
    let mut counted = answers::table
        .inner_join(modules::table.on(modules::id.eq(answers::module_id)))
        .inner_join(stops::table.on(stops::id.eq(answers::stop_id)))
        .group_by((answers::stop_id, answers::ok))
        .select((answers::stop_id, answers::ok, count_star()))
        .filter(answers::stop_id.eq_any(ids.iter().map(StopId::as_str)))
        .filter(is_in_scope())
        .into_boxed();
    if let Some(owner) = owner {
        counted = counted.filter(modules::user_id.eq(owner.as_str()));
    }
    let mut all = HashMap::<StopId, Answered>::new();
    for (id, ok, count) in counted.load::<(String, i64, i64)>(conn)? {
        let stop = id.parse().map_err(|_| StoreError::unreadable("emergency_stop_answers", &id))?;
        let (answered, count) = (all.entry(stop).or_default(), usize::try_from(count).unwrap_or_default());
        if ok == 0 { answered.refused += count } else { answered.acknowledged += count }
    }
    Ok(all)
}
