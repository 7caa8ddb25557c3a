//! The table `events`: the journal of what each subscriber must get.

use std::sync::Arc;

use diesel::connection::DefaultLoadingMode;
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::Sqlite;
use serde_json::value::RawValue;

use super::order::{self, from_row, to_row};
use super::schema::events;
use super::{Connection, StoreError};
use crate::domain::cursor::{Epoch, Offset};
use crate::domain::event::{Delivery, Event, NewEvent};
use crate::domain::time::Timestamp;
use crate::domain::topic::Channel;

/// How much of the journal is read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many events at most.
    pub events: usize,
    /// How many bytes of payload, but for the last event.
    pub bytes: usize,
}

/// Adds events that have their places.
///
/// # Errors
/// [`StoreError::Conflict`] when a place is taken.
pub fn append<'a>(conn: &mut Connection, new: impl IntoIterator<Item = &'a Event>) -> Result<(), StoreError> {
    let mut rows = new.into_iter().map(NewRow::from);
    match conn {
        // One prepared statement for all of them; one of diesel's own for several rows is parsed anew each time.
        Connection::Sqlite(conn) => rows.try_for_each(|row| Append(row).execute(conn).map(drop))?,
        Connection::Postgres(conn) => {
            let rows: Vec<_> = rows.collect();
            if rows.len() > 1 {
                // A statement of its own for each number of rows would cost more than the rows.
                diesel::copy_from(events::table).from_insertable(&rows).execute(conn)?;
            } else {
                diesel::insert_into(events::table).values(&rows).execute(conn)?;
            }
        }
    }
    Ok(())
}

/// The events behind a place, oldest first, as many as fit on the page; the epoch is the one of this database.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn after(conn: &mut Connection, epoch: Epoch, offset: Offset, page: Page) -> Result<Vec<Arc<Event>>, StoreError> {
    let found =
        || events::table.filter(events::offset.gt(to_row(offset))).order(events::offset).limit(limit(page.events));
    match conn {
        Connection::Sqlite(conn) => read(found().select(EventRow::as_select()).load_iter(conn)?, epoch, page.bytes),
        // Row by row: more may be found than memory holds.
        Connection::Postgres(conn) => {
            let rows = found().select(EventRow::as_select()).load_iter::<_, PgRowByRowLoadingMode>(conn)?;
            read(rows, epoch, page.bytes)
        }
    }
}

/// The newest events, oldest first, as many as fit on the page.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn tail(conn: &mut Connection, epoch: Epoch, page: Page) -> Result<Vec<Arc<Event>>, StoreError> {
    let newest = || events::table.order(events::offset.desc()).limit(limit(page.events));
    let mut found = match conn {
        Connection::Sqlite(conn) => read(newest().select(EventRow::as_select()).load_iter(conn)?, epoch, page.bytes)?,
        Connection::Postgres(conn) => {
            let rows = newest().select(EventRow::as_select()).load_iter::<_, PgRowByRowLoadingMode>(conn)?;
            read(rows, epoch, page.bytes)?
        }
    };
    found.reverse();
    Ok(found)
}

/// The places of the events behind a place, in order, at most so many.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn places_after(conn: &mut Connection, offset: Offset, most: usize) -> Result<Vec<Offset>, StoreError> {
    let places = events::table.filter(events::offset.gt(to_row(offset))).order(events::offset).limit(limit(most));
    let places: Vec<i64> = places.select(events::offset).load(conn)?;
    Ok(places.into_iter().map(from_row).collect())
}

/// What was removed from the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// How many events.
    pub events: usize,
    /// Up to which place.
    pub floor: Offset,
}

/// Removes the oldest events: `excess` of them, and all before the first that happened after a time; at most so many.
/// Answers what was removed, none when nothing was.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn prune(
    conn: &mut Connection,
    excess: usize,
    before: Timestamp,
    most: usize,
) -> Result<Option<Pruned>, StoreError> {
    let oldest = events::table.order(events::offset).limit(limit(most)).select((events::offset, events::at));
    let (mut gone, mut last, mut is_aged) = (0, None, true);
    // SQLite reads no more than goes, and one event that stays: most of the time that is all.
    for row in oldest.load_iter::<(i64, i64), DefaultLoadingMode>(conn)? {
        let (offset, at) = row?;
        is_aged &= at < before.as_millis();
        if !is_aged && gone >= excess {
            break;
        }
        (gone, last) = (gone + 1, Some(offset));
    }
    let Some(last) = last else { return Ok(None) };
    diesel::delete(events::table.filter(events::offset.le(last))).execute(conn)?;
    let floor = from_row(last);
    order::set_pruned(conn, floor)?;
    Ok(Some(Pruned { events: gone, floor }))
}

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

fn read(
    rows: impl Iterator<Item = QueryResult<EventRow>>,
    epoch: Epoch,
    bytes: usize,
) -> Result<Vec<Arc<Event>>, StoreError> {
    let (mut found, mut size) = (Vec::new(), 0);
    for row in rows {
        let row = row?;
        size += row.data.len();
        let offset = from_row(row.offset);
        found.push(Arc::new(row.into_event()?.stamped(epoch, offset)));
        if size >= bytes {
            break;
        }
    }
    Ok(found)
}

/// The texts of an audience as they are stored.
pub(super) fn audience_text(audience: &[Channel]) -> String {
    serde_json::to_string(audience).unwrap_or_else(|_| "[]".to_owned())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
struct EventRow {
    offset: i64,
    name: String,
    ended: Option<String>,
    audience: String,
    data: String,
    at: i64,
}

#[derive(Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
struct NewRow<'a> {
    offset: i64,
    name: &'a str,
    ended: Option<String>,
    audience: String,
    data: &'a str,
    at: i64,
}

/// One row, always in the same words: those of an `INSERT` of diesel's own are put together for every row.
struct Append<'a>(NewRow<'a>);

impl QueryId for Append<'_> {
    type QueryId = Append<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Sqlite> for Append<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("INSERT INTO events (\"offset\", name, ended, audience, data, at) VALUES (");
        out.push_bind_param::<BigInt, _>(&self.0.offset)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.0.name)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.0.ended)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.0.audience)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.0.data)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.0.at)?;
        out.push_sql(")");
        Ok(())
    }
}

impl RunQueryDsl<SqliteConnection> for Append<'_> {}

impl<'a> From<&'a Event> for NewRow<'a> {
    fn from(event: &'a Event) -> Self {
        let what = &event.what;
        Self {
            offset: to_row(event.offset()),
            name: what.name.as_str(),
            ended: what.delivery.ended().map(ToString::to_string),
            audience: audience_text(&what.audience),
            data: what.data.get(),
            at: what.at.as_millis(),
        }
    }
}

impl EventRow {
    fn into_event(self) -> Result<NewEvent, StoreError> {
        let Self { offset, name, ended, audience, data, at } = self;
        let key = || offset.to_string();
        what(&name, ended.as_deref(), &audience, data, at).ok_or_else(|| StoreError::unreadable("events", &key()))
    }
}

/// An event as it was stored; none if the row breaks its own rules.
pub(super) fn what(name: &str, ended: Option<&str>, audience: &str, data: String, at: i64) -> Option<NewEvent> {
    let delivery = match ended {
        None => Delivery::Each,
        Some(key) => Delivery::EachEnding(key.parse().ok()?),
    };
    Some(NewEvent {
        name: name.parse().ok()?,
        delivery,
        audience: serde_json::from_str(audience).ok()?,
        data: RawValue::from_string(data).ok()?,
        at: Timestamp::from_millis(at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{LatestKey, json};
    use crate::store::testing::Scratch;

    fn event(epoch: Epoch, offset: Offset) -> Event {
        let key = LatestKey::Telemetry(format!("MC-{offset}").parse().unwrap());
        let delivery = if offset.is_multiple_of(2) { Delivery::Each } else { Delivery::EachEnding(key) };
        let audience = vec![Channel::AllModules, Channel::ModulesOf("ada".parse().unwrap())];
        let (name, at) = ("rt_test".parse().unwrap(), Timestamp::from_millis(offset as i64));
        NewEvent { name, delivery, audience, data: json(&"x".repeat(98)), at }.stamped(epoch, offset)
    }

    fn offsets(events: &[Arc<Event>]) -> Vec<Offset> {
        events.iter().map(|event| event.offset()).collect()
    }

    #[actix::test]
    async fn events_are_read_as_they_were_written_a_page_at_a_time() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let epoch = store.write(order::open).await.unwrap().epoch;
        let written: Vec<_> = (1..=2000).map(|place| event(epoch, place * 3)).collect();
        store.write(move |conn| append(conn, &written)).await.unwrap();

        let page = Page { events: 10, bytes: usize::MAX };
        let found = store.read(move |conn| after(conn, epoch, 6, page)).await.unwrap();
        assert_eq!(offsets(&found), (3..13).map(|place| place * 3).collect::<Vec<_>>());
        assert_eq!(format!("{:?}", found[0].what), format!("{:?}", event(epoch, 9).what));
        assert_eq!(found[0].cursor, event(epoch, 9).cursor);
        let page = Page { events: 10, bytes: 201 };
        assert_eq!(offsets(&store.read(move |conn| after(conn, epoch, 0, page)).await.unwrap()), [3, 6, 9]);
        assert_eq!(offsets(&store.read(move |conn| tail(conn, epoch, page)).await.unwrap()), [5994, 5997, 6000]);
        assert!(store.read(move |conn| after(conn, epoch, 6000, page)).await.unwrap().is_empty());
    }

    #[actix::test]
    async fn an_order_is_begun_once() {
        let scratch = Scratch::new();
        let begun = scratch.store().write(order::open).await.unwrap();
        scratch.store().write(|conn| order::reserve(conn, 7).and_then(|()| order::set_pruned(conn, 3))).await.unwrap();

        let again = scratch.store().write(order::open).await.unwrap();

        assert_eq!(again, order::StoredOrder { epoch: begun.epoch, reserved: 7, pruned: 3 });
    }
}
