//! The table `module_states`: what each module said last; its rows are made and removed with those of `modules`.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use diesel::sqlite::Sqlite;

use super::latest::Commit;
use super::{Connection, StoreError};
use crate::domain::time::Timestamp;

/// Stores what many modules said last, in the caller's transaction; modules that are gone are passed over.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn save<'a>(conn: &mut Connection, commits: impl IntoIterator<Item = &'a Commit>) -> Result<(), StoreError> {
    let mut changes: BTreeMap<&str, Change<'_>> = BTreeMap::new();
    for commit in commits {
        let change = changes.entry(commit.module_id.as_str()).or_default();
        change.last_seen = commit.seen_at.as_millis();
        change.clock = commit.clock.map(Timestamp::as_millis).or(change.clock);
        if let Some(state) = &commit.state {
            change.telemetry = Some(state.as_json());
            change.telemetry_times = Some(state.newest().times_json());
            change.telemetry_at = Some(commit.seen_at.as_millis());
        }
    }
    match conn {
        Connection::Sqlite(conn) => {
            for (module, change) in changes {
                Save { module, change }.execute(conn)?;
            }
            Ok(())
        }
        Connection::Postgres(_) if changes.is_empty() => Ok(()),
        Connection::Postgres(conn) => at_once(conn, &changes),
    }
}

/// In one statement: each would wait for an answer from elsewhere.
fn at_once(conn: &mut PgConnection, changes: &BTreeMap<&str, Change<'_>>) -> Result<(), StoreError> {
    sql_query(
        "UPDATE module_states AS stored SET telemetry = coalesce(said.telemetry, stored.telemetry),
             telemetry_times = coalesce(said.telemetry_times, stored.telemetry_times),
             telemetry_at = coalesce(said.telemetry_at, stored.telemetry_at), last_seen = said.last_seen,
             clock = coalesce(said.clock, stored.clock)
         FROM unnest($1, $2, $3, $4, $5, $6)
             AS said (module_id, telemetry, telemetry_times, telemetry_at, last_seen, clock)
         WHERE stored.module_id = said.module_id",
    )
    .bind::<Array<Text>, _>(changes.keys().collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(changes.values().map(|change| change.telemetry).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(changes.values().map(|change| &change.telemetry_times).collect::<Vec<_>>())
    .bind::<Array<Nullable<BigInt>>, _>(changes.values().map(|change| change.telemetry_at).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(changes.values().map(|change| change.last_seen).collect::<Vec<_>>())
    .bind::<Array<Nullable<BigInt>>, _>(changes.values().map(|change| change.clock).collect::<Vec<_>>())
    .execute(conn)?;
    Ok(())
}

/// What becomes of a row; none leaves what is stored.
#[derive(Debug, Default)]
struct Change<'a> {
    telemetry: Option<&'a str>,
    telemetry_times: Option<String>,
    telemetry_at: Option<i64>,
    last_seen: i64,
    clock: Option<i64>,
}

/// One row's change, always in the same words: unlike an `UPDATE` of diesel's own it is parsed once in a connection.
#[derive(Debug)]
struct Save<'a> {
    module: &'a str,
    change: Change<'a>,
}

impl QueryId for Save<'_> {
    type QueryId = Save<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Sqlite> for Save<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE module_states SET telemetry = coalesce(");
        out.push_bind_param::<Nullable<Text>, _>(&self.change.telemetry)?;
        out.push_sql(", telemetry), telemetry_times = coalesce(");
        out.push_bind_param::<Nullable<Text>, _>(&self.change.telemetry_times)?;
        out.push_sql(", telemetry_times), telemetry_at = coalesce(");
        out.push_bind_param::<Nullable<BigInt>, _>(&self.change.telemetry_at)?;
        out.push_sql(", telemetry_at), last_seen = ");
        out.push_bind_param::<BigInt, _>(&self.change.last_seen)?;
        out.push_sql(", clock = coalesce(");
        out.push_bind_param::<Nullable<BigInt>, _>(&self.change.clock)?;
        out.push_sql(", clock) WHERE module_id = ");
        out.push_bind_param::<Text, _>(self.module)
    }
}

impl RunQueryDsl<SqliteConnection> for Save<'_> {}
