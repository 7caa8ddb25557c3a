//! The table `audit`: what people did, newest last; rows are only ever added, and pruned from the oldest.

use std::collections::HashMap;

use diesel::dsl::max;
use diesel::prelude::*;

use super::schema::{audit, users};
use super::users::{escaped, lower};
use super::{Connection, StoreError};
use crate::domain::audit::{Action, Deed};
use crate::domain::time::Timestamp;

/// How many deeds are kept.
const KEPT: i64 = 100_000;

/// A deed as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number; later deeds have higher ones.
    pub id: i64,
    /// When it was done.
    pub at: Timestamp,
    /// Whose account did it, perhaps removed since.
    pub actor: String,
    /// What that person is called now; none if the account is gone.
    pub actor_name: Option<String>,
    /// What was done.
    pub action: Action,
    /// To whom or what.
    pub subject: String,
    /// What the subject is called now, if it is a person.
    pub subject_name: Option<String>,
    /// Where the actor came from; empty if that was not known.
    pub address: String,
}

/// Which deeds to list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only this kind.
    pub action: Option<Action>,
    /// Part of the subject, the address, or the actor's name or email.
    pub search: Option<String>,
    /// How many to pass over.
    pub skip: i64,
    /// How many at most.
    pub limit: i64,
}

/// Adds a deed, and forgets the oldest beyond those that are kept.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn insert(conn: &mut Connection, deed: &Deed, now: Timestamp) -> Result<(), StoreError> {
    let address = deed.address.map(|address| address.to_canonical().to_string()).unwrap_or_default();
    let row = (
        audit::at.eq(now.as_millis()),
        audit::actor.eq(deed.actor.as_str()),
        audit::action.eq(deed.action.to_string()),
        audit::subject.eq(&deed.subject),
        audit::address.eq(address),
    );
    diesel::insert_into(audit::table).values(row).execute(conn)?;
    let newest: Option<i64> = audit::table.select(max(audit::id)).get_result(conn)?;
    diesel::delete(audit::table.filter(audit::id.le(newest.unwrap_or_default() - KEPT))).execute(conn)?;
    Ok(())
}

/// One page of the deeds, newest first, and how many there are on all pages.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn list(conn: &mut Connection, filter: &AuditFilter) -> Result<(Vec<Entry>, i64), StoreError> {
    let wanted = || {
        let mut rows = audit::table.left_join(users::table.on(users::id.eq(audit::actor))).into_boxed();
        if let Some(action) = filter.action {
            rows = rows.filter(audit::action.eq(action.to_string()));
        }
        if let Some(search) = &filter.search {
            let part = format!("%{}%", escaped(&search.to_ascii_lowercase()));
            let by_name = lower(users::name).like(part.clone()).escape('\\');
            let by_actor = by_name.or(users::email.like(part.clone()).escape('\\'));
            let by_subject = lower(audit::subject).like(part.clone()).escape('\\');
            let by_deed = by_subject.or(audit::address.like(part).escape('\\'));
            rows = rows.filter(by_deed.or(by_actor.assume_not_null()));
        }
        rows
    };
    let total = wanted().count().get_result(conn)?;
    let page = wanted().order(audit::id.desc()).offset(filter.skip).limit(filter.limit);
    let rows: Vec<Row> = page.select((Columns::as_select(), users::name.nullable())).load(conn)?;
    let names = names_of(conn, &rows)?;
    Ok((rows.into_iter().map(|row| entry(row, &names)).collect::<Result<_, _>>()?, total))
}

type Row = (Columns, Option<String>);

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit)]
struct Columns {
    id: i64,
    at: i64,
    actor: String,
    action: String,
    subject: String,
    address: String,
}

/// What the people among the subjects are called.
fn names_of(conn: &mut Connection, rows: &[Row]) -> Result<HashMap<String, String>, StoreError> {
    let ids: Vec<_> = rows.iter().filter_map(|(row, _)| person_of(&row.subject)).collect();
    let named = users::table.filter(users::id.eq_any(ids)).select((users::id, users::name));
    Ok(named.load::<(String, String)>(conn)?.into_iter().collect())
}

/// The account that a subject is about: its own, or its modules.
fn person_of(subject: &str) -> Option<&str> {
    subject.strip_prefix("user:").or_else(|| subject.strip_prefix("modules:"))
}

fn entry((row, actor_name): Row, names: &HashMap<String, String>) -> Result<Entry, StoreError> {
    let action = row.action.parse().map_err(|_| StoreError::unreadable("audit", &row.id.to_string()))?;
    let subject_name = person_of(&row.subject).and_then(|id| names.get(id)).cloned();
    let Columns { id, at, actor, subject, address, .. } = row;
    Ok(Entry { id, at: Timestamp::from_millis(at), actor, actor_name, action, subject, subject_name, address })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::UserId;
    use crate::store::testing::Scratch;

    fn deed(action: Action, subject: &str) -> Deed {
        Deed { actor: UserId::generate(), action, subject: subject.to_owned(), address: "192.0.2.1".parse().ok() }
    }

    #[actix::test]
    async fn deeds_are_listed_newest_first_and_found_by_their_words() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let deeds = [
            deed(Action::TapBegin, "user:somebody"),
            deed(Action::ModuleDelete, "module:MC_1"),
            deed(Action::ModuleDelete, "module:MCx1"),
        ];
        let done = deeds.clone();
        let write = move |conn: &mut Connection| {
            done.iter().zip(5..).try_for_each(|(deed, at)| insert(conn, deed, Timestamp::from_millis(at)))
        };
        store.write(write).await.unwrap();
        let found = |filter: AuditFilter| {
            let store = store.clone();
            async move { store.read(move |conn| list(conn, &AuditFilter { limit: 10, ..filter })).await.unwrap() }
        };

        let (all, total) = found(AuditFilter::default()).await;
        let (taps, _) = found(AuditFilter { action: Some(Action::TapBegin), ..AuditFilter::default() }).await;
        let (by_word, _) = found(AuditFilter { search: Some("c_1".into()), ..AuditFilter::default() }).await;
        let (by_address, _) = found(AuditFilter { search: Some("192.0.2".into()), ..AuditFilter::default() }).await;
        let (second, _) = found(AuditFilter { skip: 2, ..AuditFilter::default() }).await;

        assert_eq!((all.len(), total), (3, 3));
        assert_eq!((all[0].subject.as_str(), all[0].at.as_millis()), ("module:MCx1", 7));
        assert_eq!((&all[0].actor, &all[0].actor_name), (&deeds[2].actor.to_string(), &None));
        assert_eq!((taps.len(), taps[0].action), (1, Action::TapBegin));
        assert_eq!((by_word.len(), by_word[0].subject.as_str()), (1, "module:MC_1"));
        assert_eq!((by_address.len(), second.len()), (3, 1));
    }

    #[actix::test]
    async fn the_oldest_deeds_go_when_there_are_too_many() {
        let scratch = Scratch::new();
        let work = |conn: &mut Connection| {
            insert(conn, &deed(Action::UserCreate, "user:first"), Timestamp::from_millis(1))?;
            // As if many had come since.
            let numbered = match conn {
                Connection::Sqlite(_) => format!("UPDATE sqlite_sequence SET seq = {KEPT} WHERE name = 'audit'"),
                Connection::Postgres(_) => format!("ALTER TABLE audit ALTER id RESTART WITH {}", KEPT + 1),
            };
            diesel::sql_query(numbered).execute(conn)?;
            insert(conn, &deed(Action::UserCreate, "user:last"), Timestamp::from_millis(2))?;
            list(conn, &AuditFilter { limit: 10, ..AuditFilter::default() })
        };
        let (left, total) = scratch.store().write(work).await.unwrap();
        assert_eq!((left[0].subject.as_str(), total), ("user:last", 1));
    }
}
