//! The table `told_online`: what the journal last said about the presence of modules.
//!
//! It changes in the transaction of the events themselves: after a crash it says who is still believed to be online.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::schema::{module_states, modules, told_online};
use super::{Connection, StoreError};
use crate::domain::event::NewEvent;
use crate::domain::event::payload::ModuleFacts;
use crate::domain::ids::{ModuleId, UserId};
use crate::domain::time::Timestamp;
use crate::domain::topic::Channel;

/// Notes what events say about the presence of their modules, if anything; the last of a module counts.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn note<'a>(conn: &mut Connection, events: impl Iterator<Item = &'a NewEvent>) -> Result<(), StoreError> {
    let told: BTreeMap<&str, bool> = events.filter_map(presence_of).collect();
    let named =
        |wanted: bool| told.iter().filter(move |(_, is_online)| **is_online == wanted).map(|(module, _)| *module);
    let online: Vec<_> = named(true).map(|module| told_online::module_id.eq(module)).collect();
    let offline: Vec<_> = named(false).collect();
    if !online.is_empty() {
        insert(conn, &online)?;
    }
    if !offline.is_empty() {
        diesel::delete(told_online::table.filter(told_online::module_id.eq_any(offline))).execute(conn)?;
    }
    Ok(())
}

fn insert(conn: &mut Connection, rows: &[ModuleIdIs<'_>]) -> Result<(), StoreError> {
    match conn {
        Connection::Sqlite(conn) => {
            for row in rows {
                diesel::insert_into(told_online::table).values(row).on_conflict_do_nothing().execute(conn)?;
            }
        }
        Connection::Postgres(conn) => {
            diesel::insert_into(told_online::table).values(rows).on_conflict_do_nothing().execute(conn)?;
        }
    }
    Ok(())
}

type ModuleIdIs<'a> = diesel::dsl::Eq<told_online::module_id, &'a str>;

/// The module that an event says to be online, or not to be.
fn presence_of(event: &NewEvent) -> Option<(&str, bool)> {
    let is_online = match event.name.as_str() {
        "rt_module_online" => true,
        "rt_module_offline" | "rt_module_removed" => false,
        _ => return None,
    };
    let module = event.audience.iter().find_map(|channel| match channel {
        Channel::Module(id) => Some(id.as_str()),
        _ => None,
    });
    Some((module?, is_online))
}

/// The events that say that nobody is there any more who was last told to be.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn end_all(conn: &mut Connection, now: Timestamp) -> Result<Vec<NewEvent>, StoreError> {
    let rows: Vec<Row> = told_online::table
        .inner_join(modules::table.on(modules::id.eq(told_online::module_id)))
        .left_join(module_states::table.on(module_states::module_id.eq(told_online::module_id)))
        .order(modules::id)
        .select((modules::id, modules::name, modules::kind, modules::user_id, module_states::last_seen.nullable()))
        .load(conn)?;
    diesel::delete(told_online::table).execute(conn)?;
    rows.into_iter().map(|row| offline(&row, now)).collect()
}

type Row = (String, String, String, Option<String>, Option<i64>);

fn offline((id, name, kind, owner, last_seen): &Row, now: Timestamp) -> Result<NewEvent, StoreError> {
    let unreadable = || StoreError::unreadable("modules", id);
    let module: ModuleId = id.parse().map_err(|_| unreadable())?;
    let owner = owner.as_deref().map(str::parse::<UserId>).transpose().map_err(|_| unreadable())?;
    let facts = ModuleFacts { id: &module, name, kind, owner: owner.as_ref() };
    Ok(NewEvent::module_offline(facts, now, last_seen.map(Timestamp::from_millis)))
}
