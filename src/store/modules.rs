//! The tables `modules` and `module_states`: one row of each a module, made and removed together.

use std::collections::HashMap;

use diesel::prelude::*;

use super::readings::{self, ModuleNumber};
use super::schema::{history_modules, module_states, modules, users};
use super::states::ModuleState;
use super::{Connection, StoreError, retention};
use crate::domain::ids::{ModuleId, UserId};
use crate::domain::module::{ModuleKind, ModuleName, TokenHash};
use crate::domain::telemetry::Newest;
use crate::domain::time::Timestamp;

/// A module as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRecord {
    /// Which module.
    pub id: ModuleId,
    /// What people call it.
    pub name: ModuleName,
    /// What kind it is.
    pub kind: ModuleKind,
    /// Whose it is.
    pub owner: Option<UserId>,
    /// The hash of its token; no two modules have the same.
    pub token_hash: TokenHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When name, type, owner or token last changed.
    pub updated_at: Timestamp,
}

/// A module and what it last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredModule {
    /// The module.
    pub record: ModuleRecord,
    /// Its number in the history.
    pub number: ModuleNumber,
    /// Its newest telemetry.
    pub telemetry: Newest,
    /// When that came; none if nothing ever did.
    pub telemetry_at: Option<Timestamp>,
    /// When it was last seen.
    pub last_seen: Option<Timestamp>,
    /// The last time that the hub gave to a reading that named none.
    pub clock: Option<Timestamp>,
}

impl StoredModule {
    /// A module that has said nothing yet.
    #[must_use]
    pub fn new(record: ModuleRecord, number: ModuleNumber) -> Self {
        Self { record, number, telemetry: Newest::default(), telemetry_at: None, last_seen: None, clock: None }
    }

    /// Takes over what is newer than what is stored.
    pub fn follow(&mut self, newer: &ModuleState) {
        if let Some(said) = &newer.said {
            (self.telemetry, self.telemetry_at) = (said.telemetry.newest().clone(), Some(said.at));
        }
        self.last_seen = Some(newer.seen_at);
        self.clock = newer.clock.or(self.clock);
    }
}

/// Adds a module that has said nothing yet; answers its number in the history.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken.
pub fn insert(conn: &mut Connection, module: &ModuleRecord) -> Result<ModuleNumber, StoreError> {
    diesel::insert_into(modules::table).values(ModuleRow::from(module)).execute(conn)?;
    let state = (module_states::module_id.eq(module.id.as_str()), module_states::telemetry.eq("{}"));
    diesel::insert_into(module_states::table).values(state).execute(conn)?;
    readings::number(conn, &module.id)
}

/// Replaces name, type, owner, token and the time of the change.
///
/// # Errors
/// [`StoreError::NotFound`] when no such module exists.
pub fn update(conn: &mut Connection, module: &ModuleRecord) -> Result<(), StoreError> {
    let changed = diesel::update(modules::table.find(module.id.as_str())).set(ModuleRow::from(module)).execute(conn)?;
    if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// Removes a module, its state and the rule of its history: another module of that id begins anew.
///
/// # Errors
/// [`StoreError::NotFound`] when no such module exists.
pub fn delete(conn: &mut Connection, id: &ModuleId) -> Result<(), StoreError> {
    retention::remove_rule_of(conn, id)?;
    let removed = diesel::delete(modules::table.find(id.as_str())).execute(conn)?;
    if removed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// All modules, by id.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn load_all(conn: &mut Connection) -> Result<Vec<StoredModule>, StoreError> {
    let rows = modules::table
        .left_join(history_modules::table)
        .left_join(module_states::table)
        .order(modules::id)
        .select((ModuleRow::as_select(), history_modules::number.nullable(), Option::<StateRow>::as_select()))
        .load::<(ModuleRow, Option<ModuleNumber>, Option<StateRow>)>(conn)?;
    rows.into_iter().map(|(module, number, state)| stored(module, number, state)).collect()
}

/// The module with that token.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn find_by_token(conn: &mut Connection, token: &TokenHash) -> Result<Option<ModuleId>, StoreError> {
    let found = modules::table.filter(modules::token_hash.eq(token.to_string())).select(modules::id);
    let id: Option<String> = found.first(conn).optional()?;
    id.map(|id| id.parse().map_err(|_| StoreError::unreadable("modules", &id))).transpose()
}

/// The modules of an owner, by id.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn of_owner(conn: &mut Connection, owner: &UserId) -> Result<Vec<ModuleRecord>, StoreError> {
    let rows = modules::table.filter(modules::user_id.eq(owner.as_str())).order(modules::id);
    let rows: Vec<ModuleRow> = rows.select(ModuleRow::as_select()).load(conn)?;
    rows.into_iter().map(ModuleRecord::try_from).collect()
}

/// Which modules have an owner, and whom.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn owners(conn: &mut Connection) -> Result<HashMap<ModuleId, UserId>, StoreError> {
    let owned = modules::table.filter(modules::user_id.is_not_null());
    let rows: Vec<(String, String)> = owned.select((modules::id, modules::user_id.assume_not_null())).load(conn)?;
    let read = |(id, owner): (String, String)| Some((id.parse().ok()?, owner.parse().ok()?));
    rows.into_iter().map(|row| read(row.clone()).ok_or_else(|| StoreError::unreadable("modules", &row.0))).collect()
}

/// Whose module it is; none for one that nobody owns, or that is not there.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn owner(conn: &mut Connection, id: &ModuleId) -> Result<Option<UserId>, StoreError> {
    let found: Option<Option<String>> =
        modules::table.find(id.as_str()).select(modules::user_id).get_result(conn).optional()?;
    Ok(found.flatten().and_then(|owner| owner.parse().ok()))
}

/// One module as it is stored.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn find(conn: &mut Connection, id: &ModuleId) -> Result<Option<ModuleRecord>, StoreError> {
    let row: Option<ModuleRow> =
        modules::table.find(id.as_str()).select(ModuleRow::as_select()).get_result(conn).optional()?;
    row.map(ModuleRecord::try_from).transpose()
}

/// Whether a module is stored, with that owner.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn is_of(conn: &mut Connection, id: &ModuleId, owner: Option<&UserId>) -> Result<bool, StoreError> {
    let found: Option<Option<String>> =
        modules::table.find(id.as_str()).select(modules::user_id).get_result(conn).optional()?;
    Ok(found.is_some_and(|stored| stored.as_deref() == owner.map(UserId::as_str)))
}

/// Whether an account can own modules: whether there is one.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn has_owner(conn: &mut Connection, owner: &UserId) -> Result<bool, StoreError> {
    Ok(diesel::select(diesel::dsl::exists(users::table.find(owner.as_str()))).get_result(conn)?)
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = modules, treat_none_as_null = true)]
struct ModuleRow {
    id: String,
    name: String,
    kind: String,
    user_id: Option<String>,
    token_hash: String,
    created_at: i64,
    updated_at: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = module_states)]
struct StateRow {
    telemetry: String,
    telemetry_times: Option<String>,
    telemetry_at: Option<i64>,
    last_seen: Option<i64>,
    clock: Option<i64>,
}

impl From<&ModuleRecord> for ModuleRow {
    fn from(module: &ModuleRecord) -> Self {
        Self {
            id: module.id.to_string(),
            name: module.name.to_string(),
            kind: module.kind.to_string(),
            user_id: module.owner.as_ref().map(ToString::to_string),
            token_hash: module.token_hash.to_string(),
            created_at: module.created_at.as_millis(),
            updated_at: module.updated_at.as_millis(),
        }
    }
}

impl TryFrom<ModuleRow> for ModuleRecord {
    type Error = StoreError;

    fn try_from(module: ModuleRow) -> Result<Self, StoreError> {
        let unreadable = || StoreError::unreadable("modules", &module.id);
        Ok(Self {
            id: module.id.parse().map_err(|_| unreadable())?,
            name: module.name.parse().map_err(|_| unreadable())?,
            kind: module.kind.parse().map_err(|_| unreadable())?,
            owner: module.user_id.as_ref().map(|owner| owner.parse()).transpose().map_err(|_| unreadable())?,
            token_hash: module.token_hash.parse().map_err(|_| unreadable())?,
            created_at: Timestamp::from_millis(module.created_at),
            updated_at: Timestamp::from_millis(module.updated_at),
        })
    }
}

fn stored(
    module: ModuleRow,
    number: Option<ModuleNumber>,
    state: Option<StateRow>,
) -> Result<StoredModule, StoreError> {
    let record = ModuleRecord::try_from(module)?;
    let number = number.ok_or_else(|| StoreError::unreadable("history_modules", record.id.as_str()))?;
    let Some(state) = state else {
        return Ok(StoredModule::new(record, number));
    };
    let telemetry = serde_json::from_str(&state.telemetry)
        .map_err(|_| StoreError::unreadable("module_states", record.id.as_str()))?;
    let telemetry = Newest::restored(telemetry, state.telemetry_times.as_deref());
    let (telemetry_at, last_seen) = (state.telemetry_at, state.last_seen);
    Ok(StoredModule {
        record,
        number,
        telemetry,
        telemetry_at: telemetry_at.map(Timestamp::from_millis),
        last_seen: last_seen.map(Timestamp::from_millis),
        clock: state.clock.map(Timestamp::from_millis),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::telemetry::{LatestState, Telemetry};
    use crate::store::states::{self, Said};
    use crate::store::testing::{Scratch, module};

    #[actix::test]
    async fn modules_are_found_as_they_were_stored() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let (one, two) = (module("MC-1"), module("MC-2"));
        let renamed = ModuleRecord { name: "South gate".parse().unwrap(), ..one.clone() };
        let (first, second) = (one.clone(), two.clone());
        store.write(move |conn| insert(conn, &first).and_then(|_| insert(conn, &second))).await.unwrap();
        let again = store.write(move |conn| insert(conn, &one)).await;
        assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
        let change = renamed.clone();
        store.write(move |conn| update(conn, &change)).await.unwrap();
        let telemetry = serde_json::from_str::<Telemetry>(r#"{"a":0.1}"#).unwrap();
        let state = ModuleState {
            module: 1,
            said: Some(Said {
                telemetry: Arc::new(LatestState::new(telemetry)),
                at: Timestamp::from_millis(5),
                until: 0,
            }),
            seen_at: Timestamp::from_millis(5),
            clock: Some(Timestamp::from_millis(6)),
        };
        store.write(move |conn| states::save(conn, [state])).await.unwrap();

        let all = scratch.store().read(load_all).await.unwrap();

        assert_eq!(all.len(), 2);
        assert_eq!((&all[0].record, all[0].last_seen), (&renamed, Some(Timestamp::from_millis(5))));
        assert_eq!((all[0].number, all[1].number), (1, 2));
        assert_eq!(all[0].telemetry_at, Some(Timestamp::from_millis(5)));
        assert_eq!(all[0].clock, Some(Timestamp::from_millis(6)));
        assert_eq!(serde_json::to_string(all[0].telemetry.values()).unwrap(), r#"{"a":0.1}"#);
        assert_eq!((&all[1].record, all[1].last_seen), (&two, None));
        let found = store.read(|conn| find_by_token(conn, &TokenHash::of("MC-2"))).await.unwrap();
        assert_eq!(found, Some(two.id.clone()));
        store.write(move |conn| delete(conn, &two.id)).await.unwrap();
        let removed_again = store.write(|conn| delete(conn, &"MC-2".parse().unwrap())).await;
        assert!(matches!(removed_again, Err(StoreError::NotFound)));
        assert!(!store.read(|conn| has_owner(conn, &UserId::generate())).await.unwrap());
    }
}
