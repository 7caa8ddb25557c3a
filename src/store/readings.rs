//! The tables `history_modules` and `readings`: the hot tail of the history, found by its ids only.
//!
//! Each reading has an id. Those of a module that came together have ids in a row and are one row, with the first of them.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;

use super::latest::{Commit, NewReading};
use super::runs::{self, TailReading};
use super::schema::{history_modules, readings};
use super::{Connection, StoreError};
use crate::domain::ids::ModuleId;
use crate::domain::time::Timestamp;

/// The number of a module in the history; never given twice, also when a module of the same name comes again.
pub type ModuleNumber = i64;
/// Which reading of the tail; they grow with time.
pub type RowId = i64;

/// Rows that one statement names.
const ROWS_AT_ONCE: usize = 1000;
/// Rows that one statement of SQLite adds.
const ROWS_TOGETHER: usize = 16;

/// Rows that were added for one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Which module.
    pub module: ModuleNumber,
    /// Which rows.
    pub rows: Range<RowId>,
    /// When the first of them was received.
    pub received_at: Timestamp,
}

/// Readings of a module that came together.
#[derive(Debug, Clone, PartialEq)]
pub struct TailRow {
    /// Which readings.
    pub rows: Range<RowId>,
    /// When they were received, in Unix milliseconds.
    pub received_at: i64,
    /// What was measured, in the order in which it came.
    pub readings: Vec<TailReading>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = readings)]
struct StoredRow {
    id: RowId,
    ts: i64,
    received_at: i64,
    body: String,
    count: i64,
}

/// Where some readings of the tail are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose they are.
    pub module: ModuleNumber,
    /// Which they are.
    pub rows: Range<RowId>,
    /// When they were received, in Unix milliseconds.
    pub received_at: i64,
}

#[derive(Insertable)]
#[diesel(table_name = readings, treat_none_as_default_value = false)]
struct NewRow<'a> {
    id: RowId,
    module: ModuleNumber,
    ts: i64,
    received_at: i64,
    body: Cow<'a, str>,
    last_ts: i64,
    count: i64,
}

/// Stores readings in the caller's transaction, the first as `next`; answers which rows are of which module.
///
/// Those of a module that is gone by now get no history: they go when they would be sealed.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn append(conn: &mut Connection, commits: &[Commit], next: RowId) -> Result<Vec<Appended>, StoreError> {
    let (mut rows, mut appended, mut next) = (Vec::new(), Vec::new(), next);
    for Commit { module, readings, .. } in commits {
        let Some(first) = readings.first() else { continue };
        let from = next;
        for run in runs::runs(readings) {
            let row = new_row(next, *module, run);
            next += row.count;
            rows.push(row);
        }
        appended.push(Appended { module: *module, rows: from..next, received_at: first.received_at });
    }
    insert(conn, &rows)?;
    Ok(appended)
}

/// The row of a run, which has one reading or more.
fn new_row(id: RowId, module: ModuleNumber, run: &[NewReading]) -> NewRow<'_> {
    let times = || run.iter().map(|reading| reading.ts.as_millis());
    NewRow {
        id,
        module,
        ts: times().min().unwrap_or_default(),
        received_at: run.first().map_or(0, |first| first.received_at.as_millis()),
        body: runs::body_of(run),
        last_ts: times().max().unwrap_or_default(),
        count: RowId::try_from(run.len()).unwrap_or(RowId::MAX),
    }
}

fn insert(conn: &mut Connection, rows: &[NewRow<'_>]) -> Result<(), StoreError> {
    match conn {
        Connection::Postgres(conn) => match rows {
            [] => {}
            [row] => drop(diesel::insert_into(readings::table).values(row).execute(conn)?),
            rows => drop(diesel::copy_from(readings::table).from_insertable(rows).execute(conn)?),
        },
        Connection::Sqlite(conn) => {
            let (many, others) = rows.as_chunks();
            for rows in many {
                Append::<ROWS_TOGETHER>(rows).execute(conn)?;
            }
            for row in others {
                Append::<1>(std::array::from_ref(row)).execute(conn)?;
            }
        }
    }
    Ok(())
}

/// So many rows, always in the same words: unlike an `INSERT` of diesel's own of several rows it is parsed once in a
/// connection, and unlike one of a single row its words are not put together for every row.
struct Append<'a, const ROWS: usize>(&'a [NewRow<'a>; ROWS]);

impl<const ROWS: usize> QueryId for Append<'_, ROWS> {
    type QueryId = Append<'static, ROWS>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const ROWS: usize> QueryFragment<Sqlite> for Append<'_, ROWS> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("INSERT INTO readings (id, module, ts, received_at, body, last_ts, count) VALUES ");
        for (place, row) in self.0.iter().enumerate() {
            out.push_sql(if place == 0 { "(" } else { ", (" });
            out.push_bind_param::<BigInt, _>(&row.id)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.module)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.ts)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.received_at)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(&*row.body)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.last_ts)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.count)?;
            out.push_sql(")");
        }
        Ok(())
    }
}

impl<const ROWS: usize> RunQueryDsl<SqliteConnection> for Append<'_, ROWS> {}

/// Gives a new module its number, in the caller's transaction.
pub(super) fn number(conn: &mut Connection, module: &ModuleId) -> Result<ModuleNumber, StoreError> {
    let row = history_modules::module_id.eq(module.as_str());
    diesel::insert_into(history_modules::table).values(row).execute(conn)?;
    number_of(conn, module)?.ok_or(StoreError::NotFound)
}

/// The number of a module; none if it is gone.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn number_of(conn: &mut Connection, module: &ModuleId) -> Result<Option<ModuleNumber>, StoreError> {
    let found = history_modules::table.filter(history_modules::module_id.eq(module.as_str()));
    Ok(found.select(history_modules::number).get_result(conn).optional()?)
}

/// Whether a number is that of a module that is there.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn is_of_module(conn: &mut Connection, module: ModuleNumber) -> Result<bool, StoreError> {
    let known = history_modules::table.find(module).select(history_modules::module_id);
    Ok(known.get_result::<Option<String>>(conn).optional()?.flatten().is_some())
}

/// Where the first readings of the tail after one of them are, at most so many rows.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn places_after(conn: &mut Connection, after: RowId, limit: i64) -> Result<Vec<Place>, StoreError> {
    let rows = readings::table.filter(readings::id.gt(after)).order(readings::id).limit(limit);
    let rows = rows.select((readings::id, readings::module, readings::received_at, readings::count));
    let rows: Vec<(RowId, ModuleNumber, i64, i64)> = rows.load(conn)?;
    let place = |(id, module, received_at, count)| Place { module, rows: id..id + count, received_at };
    Ok(rows.into_iter().map(place).collect())
}

/// Those readings that are still in the tail, by id, and those that came together with one of them.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn load(conn: &mut Connection, rows: &[Range<RowId>]) -> Result<Vec<TailRow>, StoreError> {
    load_measured(conn, rows, &(i64::MIN..=i64::MAX))
}

/// The same of those that were measured between two moments, in Unix milliseconds.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn load_measured(
    conn: &mut Connection,
    rows: &[Range<RowId>],
    measured: &RangeInclusive<i64>,
) -> Result<Vec<TailRow>, StoreError> {
    stored(conn, rows, measured)?.into_iter().map(|row| read(row, measured)).collect()
}

/// The same of those that can be read; the log tells of the others.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn load_readable(conn: &mut Connection, rows: &[Range<RowId>]) -> Result<Vec<TailRow>, StoreError> {
    let ever = i64::MIN..=i64::MAX;
    let readable = |row| {
        read(row, &ever).inspect_err(|error| tracing::error!(%error, "what it says of a module is passed over")).ok()
    };
    Ok(stored(conn, rows, &ever)?.into_iter().filter_map(readable).collect())
}

fn stored(
    conn: &mut Connection,
    rows: &[Range<RowId>],
    measured: &RangeInclusive<i64>,
) -> Result<Vec<StoredRow>, StoreError> {
    let mut found: Vec<StoredRow> = Vec::new();
    let (runs, single) = runs_and_single(conn, rows);
    let is_measured = || readings::ts.le(*measured.end()).and(readings::last_ts.ge(*measured.start()));
    for run in runs {
        let rows = readings::table.filter(readings::id.ge(run.start)).filter(readings::id.lt(run.end));
        found.extend(rows.filter(is_measured()).select(StoredRow::as_select()).load(conn)?);
    }
    for ids in single.chunks(ROWS_AT_ONCE) {
        let rows = readings::table.filter(readings::id.eq_any(ids.to_vec())).filter(is_measured());
        found.extend(rows.select(StoredRow::as_select()).load(conn)?);
    }
    found.sort_unstable_by_key(|row| row.id);
    Ok(found)
}

fn read(row: StoredRow, measured: &RangeInclusive<i64>) -> Result<TailRow, StoreError> {
    let StoredRow { id, ts, received_at, body, count } = row;
    let readings = runs::read_body(count, ts, &body);
    let mut readings = readings.ok_or_else(|| StoreError::unreadable("readings", &id.to_string()))?;
    readings.retain(|reading| measured.contains(&reading.ts));
    Ok(TailRow { rows: id..id + count, received_at, readings })
}

/// Some rows of the tail of modules that have no history any more: what was being written when nobody knew whether it was,
/// of modules whose number was forgotten meanwhile.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn orphans(conn: &mut Connection, limit: i64) -> Result<Vec<RowId>, StoreError> {
    let known = history_modules::table.select(history_modules::number);
    let rows = readings::table.filter(readings::module.ne_all(known)).order(readings::id).limit(limit);
    Ok(rows.select(readings::id).load(conn)?)
}

/// Takes readings out of the tail, and those that came together with one of them, unless the first of those is not
/// among them.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn remove(conn: &mut Connection, rows: &[Range<RowId>]) -> Result<(), StoreError> {
    let (runs, single) = match conn {
        // One prepared statement for all of them.
        Connection::Sqlite(_) => (rows.to_vec(), Vec::new()),
        Connection::Postgres(_) => runs_and_single(conn, rows),
    };
    for run in runs {
        diesel::delete(readings::table.filter(readings::id.ge(run.start)).filter(readings::id.lt(run.end)))
            .execute(conn)?;
    }
    for ids in single.chunks(ROWS_AT_ONCE) {
        diesel::delete(readings::table.filter(readings::id.eq_any(ids.to_vec()))).execute(conn)?;
    }
    Ok(())
}

/// What is asked for run by run, and what row by row, many rows in one question.
///
/// A server's answer takes its time to come, so that there only long runs are worth a question of their own.
fn runs_and_single(conn: &Connection, rows: &[Range<RowId>]) -> (Vec<Range<RowId>>, Vec<RowId>) {
    let long = match conn {
        Connection::Sqlite(_) => 8,
        Connection::Postgres(_) => 256,
    };
    let (runs, single): (Vec<_>, Vec<_>) = rows.iter().cloned().partition(|run| run.end - run.start > long);
    (runs, single.into_iter().flatten().collect())
}
