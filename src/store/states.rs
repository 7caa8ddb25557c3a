//! The table `module_states`: what each module said last; its rows are made and removed with those of `modules`.
//!
//! A state is saved a while after the readings that it comes from: until then they are in the tail, and [`followed`] tells
//! what it comes to.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use diesel::sqlite::Sqlite;

use super::readings::{self, ModuleNumber, RowId, TailRow};
use super::schema::{history_modules, module_states};
use super::{Connection, StoreError};
use crate::domain::telemetry::{LatestState, Newest};
use crate::domain::time::Timestamp;

/// What is to be saved of a module; none leaves what is stored.
#[derive(Debug, Clone)]
pub struct ModuleState {
    /// Which module.
    pub module: ModuleNumber,
    /// What it said last.
    pub said: Option<Said>,
    /// When it was last seen.
    pub seen_at: Timestamp,
    /// The last time that the hub gave to a reading that named none.
    pub clock: Option<Timestamp>,
}

/// What a module said last.
#[derive(Debug, Clone)]
pub struct Said {
    /// The newest values.
    pub telemetry: Arc<LatestState>,
    /// When they came.
    pub at: Timestamp,
    /// Which rows of the tail they know: those of the module before this one.
    pub until: RowId,
}

impl ModuleState {
    /// Takes over what is newer.
    pub fn follow(&mut self, newer: Self) {
        self.said = newer.said.or(self.said.take());
        self.seen_at = newer.seen_at;
        self.clock = newer.clock.or(self.clock);
    }
}

/// Saves the states of many modules, of one module the last, in the caller's transaction; modules that are gone are passed
/// over.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn save(conn: &mut Connection, states: impl IntoIterator<Item = ModuleState>) -> Result<(), StoreError> {
    let mut newest: BTreeMap<ModuleNumber, ModuleState> = BTreeMap::new();
    for state in states {
        if let Some(known) = newest.get_mut(&state.module) {
            known.follow(state);
        } else {
            newest.insert(state.module, state);
        }
    }
    let changes: Vec<_> = newest.values().map(Change::of).collect();
    match conn {
        Connection::Sqlite(conn) => {
            for change in &changes {
                Save(change).execute(conn)?;
            }
            Ok(())
        }
        Connection::Postgres(_) if changes.is_empty() => Ok(()),
        Connection::Postgres(conn) => at_once(conn, &changes),
    }
}

/// In one statement: each would wait for an answer from elsewhere.
fn at_once(conn: &mut PgConnection, changes: &[Change<'_>]) -> Result<(), StoreError> {
    sql_query(
        "UPDATE module_states AS stored SET telemetry = coalesce(said.telemetry, stored.telemetry),
             telemetry_times = coalesce(said.telemetry_times, stored.telemetry_times),
             telemetry_at = coalesce(said.telemetry_at, stored.telemetry_at), last_seen = said.last_seen,
             clock = coalesce(said.clock, stored.clock), saved_to = coalesce(said.saved_to, stored.saved_to)
         FROM unnest($1, $2, $3, $4, $5, $6, $7)
             AS said (module, telemetry, telemetry_times, telemetry_at, last_seen, clock, saved_to)
             JOIN history_modules ON history_modules.number = said.module
         WHERE stored.module_id = history_modules.module_id",
    )
    .bind::<Array<BigInt>, _>(column(changes, |change| change.module))
    .bind::<Array<Nullable<Text>>, _>(column(changes, |change| change.telemetry))
    .bind::<Array<Nullable<Text>>, _>(column(changes, |change| change.telemetry_times.as_deref()))
    .bind::<Array<Nullable<BigInt>>, _>(column(changes, |change| change.telemetry_at))
    .bind::<Array<BigInt>, _>(column(changes, |change| change.last_seen))
    .bind::<Array<Nullable<BigInt>>, _>(column(changes, |change| change.clock))
    .bind::<Array<Nullable<BigInt>>, _>(column(changes, |change| change.saved_to))
    .execute(conn)?;
    Ok(())
}

fn column<'a, T>(changes: &'a [Change<'_>], read: impl Fn(&'a Change<'_>) -> T) -> Vec<T> {
    changes.iter().map(read).collect()
}

/// What becomes of a row; none leaves what is stored.
#[derive(Debug)]
struct Change<'a> {
    module: ModuleNumber,
    telemetry: Option<&'a str>,
    telemetry_times: Option<String>,
    telemetry_at: Option<i64>,
    last_seen: i64,
    clock: Option<i64>,
    saved_to: Option<RowId>,
}

impl<'a> Change<'a> {
    fn of(state: &'a ModuleState) -> Self {
        let said = state.said.as_ref();
        Self {
            module: state.module,
            telemetry: said.map(|said| said.telemetry.as_json()),
            telemetry_times: said.map(|said| said.telemetry.newest().times_json()),
            telemetry_at: said.map(|said| said.at.as_millis()),
            last_seen: state.seen_at.as_millis(),
            clock: state.clock.map(Timestamp::as_millis),
            saved_to: said.map(|said| said.until),
        }
    }
}

/// One row's change, always in the same words: unlike an `UPDATE` of diesel's own it is parsed once in a connection.
#[derive(Debug)]
struct Save<'a>(&'a Change<'a>);

impl QueryId for Save<'_> {
    type QueryId = Save<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Sqlite> for Save<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let Self(change) = self;
        out.push_sql("UPDATE module_states SET telemetry = coalesce(");
        out.push_bind_param::<Nullable<Text>, _>(&change.telemetry)?;
        out.push_sql(", telemetry), telemetry_times = coalesce(");
        out.push_bind_param::<Nullable<Text>, _>(&change.telemetry_times)?;
        out.push_sql(", telemetry_times), telemetry_at = coalesce(");
        out.push_bind_param::<Nullable<BigInt>, _>(&change.telemetry_at)?;
        out.push_sql(", telemetry_at), last_seen = ");
        out.push_bind_param::<BigInt, _>(&change.last_seen)?;
        out.push_sql(", clock = coalesce(");
        out.push_bind_param::<Nullable<BigInt>, _>(&change.clock)?;
        out.push_sql(", clock), saved_to = coalesce(");
        out.push_bind_param::<Nullable<BigInt>, _>(&change.saved_to)?;
        out.push_sql(", saved_to) WHERE module_id = (SELECT module_id FROM history_modules WHERE number = ");
        out.push_bind_param::<BigInt, _>(&change.module)?;
        out.push_sql(")");
        Ok(())
    }
}

impl RunQueryDsl<SqliteConnection> for Save<'_> {}

/// From which row of the tail on the saved state of each module may not know its readings.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn saved_to(conn: &mut Connection) -> Result<HashMap<ModuleNumber, RowId>, StoreError> {
    let rows: Vec<_> = of_modules().select((history_modules::number, module_states::saved_to)).load(conn)?;
    Ok(rows.into_iter().collect())
}

/// The states of modules after rows of the tail that the saved ones do not know; modules that are gone are passed over, and
/// rows that cannot be read.
///
/// # Errors
/// [`StoreError::Unreadable`] for a state that breaks its own rules.
pub fn followed(
    conn: &mut Connection,
    unknown: &[(ModuleNumber, Vec<Range<RowId>>)],
) -> Result<Vec<ModuleState>, StoreError> {
    let numbers: Vec<_> = unknown.iter().map(|(module, _)| *module).collect();
    let saved = of_modules().filter(history_modules::number.eq_any(numbers)).select(Saved::as_select());
    let saved = saved.load(conn)?.into_iter().map(|saved| Ok((saved.number, Following::try_from(saved)?)));
    let mut states = saved.collect::<Result<BTreeMap<_, _>, StoreError>>()?;
    let runs = unknown.iter().flat_map(|(module, runs)| runs.iter().map(|run| (run.start, (*module, run.clone()))));
    let runs: BTreeMap<_, _> = runs.collect();
    let rows: Vec<_> = runs.values().map(|(_, run)| run.clone()).collect();
    for row in readings::load_readable(conn, &rows)? {
        let run = runs.range(..=row.rows.start).next_back();
        if let Some(state) = run.and_then(|(_, (module, _))| states.get_mut(module)) {
            state.follow(&row);
        }
    }
    Ok(states.into_iter().filter_map(|(module, state)| state.end(module)).collect())
}

#[diesel::dsl::auto_type(no_type_alias)]
fn of_modules() -> _ {
    let is_its = history_modules::module_id.eq(module_states::module_id.nullable());
    history_modules::table.inner_join(module_states::table.on(is_its))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = module_states)]
struct Saved {
    #[diesel(select_expression = history_modules::number)]
    number: ModuleNumber,
    module_id: String,
    telemetry: String,
    telemetry_times: Option<String>,
    last_seen: Option<i64>,
    clock: Option<i64>,
}

/// A saved state and what it has followed since.
struct Following {
    newest: Newest,
    seen_at: Option<i64>,
    clock: Option<i64>,
    /// When the last row came that it has followed, and where that ends.
    last: Option<(i64, RowId)>,
}

impl TryFrom<Saved> for Following {
    type Error = StoreError;

    fn try_from(saved: Saved) -> Result<Self, StoreError> {
        let values = serde_json::from_str(&saved.telemetry);
        let values = values.map_err(|_| StoreError::unreadable("module_states", &saved.module_id))?;
        let newest = Newest::restored(values, saved.telemetry_times.as_deref());
        Ok(Self { newest, seen_at: saved.last_seen, clock: saved.clock, last: None })
    }
}

impl Following {
    fn follow(&mut self, row: &TailRow) {
        let came = row.received_at;
        for reading in &row.readings {
            let (measured, came_at) = (Timestamp::from_millis(reading.ts), Timestamp::from_millis(came));
            // There was room for its keys when it came.
            let _ = self.newest.take(&reading.values, measured, came_at);
            // The time may have been given to it; one that ran ahead of all readings was saved with them.
            self.clock = self.clock.max(Some(reading.ts.min(came)));
        }
        self.seen_at = self.seen_at.max(Some(came));
        self.last = Some((came, row.rows.end));
    }

    /// The state, if it has followed anything.
    fn end(self, module: ModuleNumber) -> Option<ModuleState> {
        let (came, until) = self.last?;
        let telemetry = Arc::new(LatestState::new(self.newest));
        let said = Said { telemetry, at: Timestamp::from_millis(came), until };
        let seen_at = Timestamp::from_millis(self.seen_at.unwrap_or(came));
        Some(ModuleState { module, said: Some(said), seen_at, clock: self.clock.map(Timestamp::from_millis) })
    }
}

#[cfg(test)]
mod tests;
