//! The table `retention_rules` and what is kept of each series: how long, how much.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt};

use super::readings::ModuleNumber;
use super::schema::{history_modules, modules, retention_rules, series};
use super::series::SeriesId;
use super::{Connection, StoreError};
use crate::domain::ids::ModuleId;
use crate::domain::module::ModuleKind;
use crate::domain::retention::{Change, Rule, Scope, Tier};

/// A module as far as its history goes.
#[derive(Debug, Clone)]
pub struct KnownModule {
    /// Its number in the history.
    pub number: ModuleNumber,
    /// Which module.
    pub id: ModuleId,
    /// Of which type it is.
    pub kind: ModuleKind,
}

/// What is kept of some series: samples, and bytes of each tier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many samples.
    pub samples: i64,
    /// How many bytes, in the order of [`Tier::ALL`].
    pub bytes: [i64; 5],
}

/// How many bytes of the database so many bytes of chunks or blocks take: a quarter more.
///
/// Measured with SQLite, whose pages of 4096 bytes hold whole rows: 1.17 to 1.23 times as many for rows of 200 to 2000 bytes,
/// key and index included. Of the few that are smaller it is more (1.4 of 140 bytes), and of those between 2 and 3 kB, which
/// have a page each (1.6); of larger ones it is less.
#[must_use]
pub const fn on_disk(bytes: i64) -> i64 {
    bytes.saturating_add(bytes / 4)
}

impl Kept {
    /// All bytes.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.bytes.iter().sum()
    }

    /// Adds something else to it.
    pub fn add(&mut self, other: &Self) {
        self.samples += other.samples;
        self.bytes.iter_mut().zip(other.bytes).for_each(|(bytes, more)| *bytes += more);
    }
}

/// The rules, as they were set.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn rules(conn: &mut Connection) -> Result<Vec<Rule>, StoreError> {
    let rows = retention_rules::table.order((retention_rules::scope, retention_rules::name));
    let rows: Vec<RuleRow> = rows.select(RuleRow::as_select()).load(conn)?;
    rows.into_iter().map(Rule::try_from).collect()
}

/// Puts rules in the place of all others, in the caller's transaction.
///
/// # Errors
/// [`StoreError::Conflict`] for two rules about the same.
pub fn set_rules(conn: &mut Connection, rules: &[Rule]) -> Result<(), StoreError> {
    diesel::delete(retention_rules::table).execute(conn)?;
    for rule in rules {
        diesel::insert_into(retention_rules::table).values(RuleRow::from(rule)).execute(conn)?;
    }
    Ok(())
}

/// Removes the rule of a module, if there is one, in the caller's transaction.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn remove_rule_of(conn: &mut Connection, id: &ModuleId) -> Result<(), StoreError> {
    let of_module = retention_rules::table.filter(retention_rules::scope.eq("module"));
    diesel::delete(of_module.filter(retention_rules::name.eq(id.as_str()))).execute(conn)?;
    Ok(())
}

/// The modules that have a history, by number, after one.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn modules_after(conn: &mut Connection, after: ModuleNumber, limit: i64) -> Result<Vec<KnownModule>, StoreError> {
    let rows: Vec<(ModuleNumber, String, String)> = history_modules::table
        .inner_join(modules::table)
        .filter(history_modules::number.gt(after))
        .order(history_modules::number)
        .limit(limit)
        .select((history_modules::number, modules::id, modules::kind))
        .load(conn)?;
    let known = |(number, id, kind): (ModuleNumber, String, String)| {
        let unreadable = || StoreError::unreadable("modules", &id);
        let kind = kind.parse().map_err(|_| unreadable())?;
        Ok(KnownModule { number, id: id.parse().map_err(|_| unreadable())?, kind })
    };
    rows.into_iter().map(known).collect()
}

/// The numbers of modules that are gone, also of those that were forgotten and of which something was sealed all the same.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn gone(conn: &mut Connection) -> Result<Vec<ModuleNumber>, StoreError> {
    let rows = history_modules::table.filter(history_modules::module_id.is_null());
    let mut gone: Vec<ModuleNumber> = rows.select(history_modules::number).load(conn)?;
    let known = history_modules::table.select(history_modules::number);
    let forgotten = series::table.filter(series::module.ne_all(known)).select(series::module).distinct();
    gone.extend(forgotten.load::<ModuleNumber>(conn)?);
    Ok(gone)
}

/// Forgets the number of a module that is gone and whose history is.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn forget(conn: &mut Connection, module: ModuleNumber) -> Result<(), StoreError> {
    diesel::delete(history_modules::table.find(module)).execute(conn)?;
    Ok(())
}

/// What is kept of each module, in bytes [`on_disk`].
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn kept(conn: &mut Connection) -> Result<Vec<(ModuleNumber, Kept)>, StoreError> {
    let sum = |column: &str| format!("CAST(sum({column}) AS BIGINT) AS {column}");
    let columns = ["samples", "raw_bytes", "minutes_bytes", "quarters_bytes", "hours_bytes", "days_bytes"].map(sum);
    let query = sql_query(format!("SELECT module, {} FROM series GROUP BY module", columns.join(", ")));
    let rows: Vec<KeptRow> = match conn {
        Connection::Sqlite(conn) => query.load(conn)?,
        Connection::Postgres(conn) => query.load(conn)?,
    };
    let kept = rows.into_iter().map(|row| {
        let bytes = [row.raw_bytes, row.minutes_bytes, row.quarters_bytes, row.hours_bytes, row.days_bytes];
        (row.module, Kept { samples: row.samples, bytes: bytes.map(on_disk) })
    });
    Ok(kept.collect())
}

#[derive(QueryableByName)]
#[diesel(table_name = series)]
struct KeptRow {
    module: ModuleNumber,
    samples: i64,
    raw_bytes: i64,
    minutes_bytes: i64,
    quarters_bytes: i64,
    hours_bytes: i64,
    days_bytes: i64,
}

/// Counts what came to series and what went, in the caller's transaction; each series is named once.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn count(conn: &mut Connection, changes: &[(SeriesId, Kept)]) -> Result<(), StoreError> {
    match conn {
        Connection::Sqlite(conn) => {
            for (id, change) in changes {
                count_one(conn, *id, change)?;
            }
            Ok(())
        }
        Connection::Postgres(_) if changes.is_empty() => Ok(()),
        Connection::Postgres(conn) => count_at_once(conn, changes),
    }
}

fn count_one(conn: &mut SqliteConnection, id: SeriesId, change: &Kept) -> Result<(), StoreError> {
    let [raw, minutes, quarters, hours, days] = change.bytes;
    let counted = (
        series::samples.eq(series::samples + change.samples),
        series::raw_bytes.eq(series::raw_bytes + raw),
        series::minutes_bytes.eq(series::minutes_bytes + minutes),
        series::quarters_bytes.eq(series::quarters_bytes + quarters),
        series::hours_bytes.eq(series::hours_bytes + hours),
        series::days_bytes.eq(series::days_bytes + days),
    );
    diesel::update(series::table.find(id)).set(counted).execute(conn)?;
    Ok(())
}

/// In one statement: each would wait for an answer from elsewhere.
fn count_at_once(conn: &mut PgConnection, changes: &[(SeriesId, Kept)]) -> Result<(), StoreError> {
    let bytes = |tier: Tier| changes.iter().map(|(_, change)| change.bytes[tier as usize]).collect::<Vec<_>>();
    sql_query(
        "UPDATE series SET samples = series.samples + more.samples, raw_bytes = series.raw_bytes + more.raw,
             minutes_bytes = series.minutes_bytes + more.minutes, quarters_bytes = series.quarters_bytes + more.quarters,
             hours_bytes = series.hours_bytes + more.hours, days_bytes = series.days_bytes + more.days
         FROM unnest($1, $2, $3, $4, $5, $6, $7) AS more (id, samples, raw, minutes, quarters, hours, days)
         WHERE series.id = more.id",
    )
    .bind::<Array<BigInt>, _>(changes.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(changes.iter().map(|(_, change)| change.samples).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(bytes(Tier::Raw))
    .bind::<Array<BigInt>, _>(bytes(Tier::Minutes))
    .bind::<Array<BigInt>, _>(bytes(Tier::Quarters))
    .bind::<Array<BigInt>, _>(bytes(Tier::Hours))
    .bind::<Array<BigInt>, _>(bytes(Tier::Days))
    .execute(conn)?;
    Ok(())
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = retention_rules, treat_none_as_default_value = false)]
struct RuleRow {
    scope: String,
    name: String,
    raw: Option<i64>,
    minutes: Option<i64>,
    quarters: Option<i64>,
    hours: Option<i64>,
    days: Option<i64>,
}

impl From<&Rule> for RuleRow {
    fn from(rule: &Rule) -> Self {
        let (scope, name) = match &rule.scope {
            Scope::All => ("all", String::new()),
            Scope::Type(kind) => ("type", kind.to_string()),
            Scope::Module(id) => ("module", id.to_string()),
        };
        let said = |tier| rule.change.of(tier).map(|span| i64::try_from(span.as_millis()).unwrap_or(i64::MAX));
        Self {
            scope: scope.to_owned(),
            name,
            raw: said(Tier::Raw),
            minutes: said(Tier::Minutes),
            quarters: said(Tier::Quarters),
            hours: said(Tier::Hours),
            days: said(Tier::Days),
        }
    }
}

impl TryFrom<RuleRow> for Rule {
    type Error = StoreError;

    fn try_from(row: RuleRow) -> Result<Self, StoreError> {
        let unreadable = || StoreError::unreadable("retention_rules", &row.name);
        let scope = match row.scope.as_str() {
            "all" => Scope::All,
            "type" => Scope::Type(row.name.parse().map_err(|_| unreadable())?),
            "module" => Scope::Module(row.name.parse().map_err(|_| unreadable())?),
            _ => return Err(unreadable()),
        };
        let span = |millis: Option<i64>| millis.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
        let said = [row.raw, row.minutes, row.quarters, row.hours, row.days].map(span);
        Ok(Self { scope, change: Change::new(said) })
    }
}

#[cfg(test)]
mod tests {
    use diesel::dsl::sql;

    use super::*;
    use crate::store::chunks::{self, Chunk};
    use crate::store::testing::Scratch;

    fn size(conn: &mut Connection) -> Result<i64, StoreError> {
        let size = match conn {
            Connection::Sqlite(_) => "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            Connection::Postgres(_) => "SELECT pg_total_relation_size('chunks')",
        };
        Ok(sql::<BigInt>(size).get_result(conn)?)
    }

    #[actix::test]
    async fn the_database_grows_by_about_what_is_counted() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let chunk = |number: i64| {
            let length = usize::try_from(700 + number * 37 % 250).unwrap();
            let (series, first_ts) = (number % 40, number * 1000);
            Chunk { series, first_ts, last_ts: first_ts + 9, samples: 240, data: vec![7; length] }
        };
        let new: Vec<Chunk> = (0..4000).map(chunk).collect();
        let bytes: usize = new.iter().map(|chunk| chunk.data.len()).sum();
        let before = store.read(size).await.unwrap();

        store.write(move |conn| chunks::insert(conn, &new)).await.unwrap();

        let (grown, counted) = (store.read(size).await.unwrap() - before, on_disk(i64::try_from(bytes).unwrap()));
        assert!((counted * 17 / 20..counted * 11 / 10).contains(&grown), "{grown} of {counted} counted");
    }
}
