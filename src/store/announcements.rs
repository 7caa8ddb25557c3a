//! The table `announcements`: events of changes that are in the database, on their way into the journal.
//!
//! Whoever changes the database adds the event in the same transaction; taking it out again is part of the transaction
//! that puts it into the journal. So a change that happened is told, and told once, wherever the process ends.

use diesel::prelude::*;

use super::events::{audience_text, what};
use super::schema::announcements;
use super::{Connection, StoreError};
use crate::domain::event::NewEvent;
use crate::domain::time::Timestamp;

/// Names one announcement; those added later sort later.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AnnouncementId(String);

/// An event whose change is in the database.
#[derive(Debug, Clone)]
pub struct Announced {
    /// Under which name it waits.
    pub id: AnnouncementId,
    /// What happened; each subscriber gets it.
    pub event: NewEvent,
}

/// Adds an event in the transaction of the change that it tells of.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn add(conn: &mut Connection, event: NewEvent) -> Result<Announced, StoreError> {
    let id = AnnouncementId(uuid::Uuid::now_v7().simple().to_string());
    diesel::insert_into(announcements::table).values(AnnouncementRow::of(&id, &event)).execute(conn)?;
    Ok(Announced { id, event })
}

/// Takes one out; answers whether it was still there.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn take(conn: &mut Connection, id: &AnnouncementId) -> Result<bool, StoreError> {
    Ok(diesel::delete(announcements::table.find(&id.0)).execute(conn)? > 0)
}

/// Those that were added before a time, oldest first.
///
/// # Errors
/// [`StoreError::Unavailable`] for a row that breaks its own rules.
pub fn older_than(conn: &mut Connection, before: Timestamp, limit: i64) -> Result<Vec<Announced>, StoreError> {
    let rows = announcements::table
        // An id begins with the milliseconds of its making, within the transaction; the event may be a good deal older.
        .filter(announcements::id.lt(format!("{:012x}", before.as_millis())))
        .order(announcements::id)
        .limit(limit)
        .select(AnnouncementRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Announced::try_from).collect()
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = announcements)]
struct AnnouncementRow {
    id: String,
    name: String,
    ended: Option<String>,
    audience: String,
    data: String,
    at: i64,
}

impl AnnouncementRow {
    fn of(id: &AnnouncementId, event: &NewEvent) -> Self {
        Self {
            id: id.0.clone(),
            name: event.name.to_string(),
            ended: event.delivery.ended().map(ToString::to_string),
            audience: audience_text(&event.audience),
            data: event.data.get().to_owned(),
            at: event.at.as_millis(),
        }
    }
}

impl TryFrom<AnnouncementRow> for Announced {
    type Error = StoreError;

    fn try_from(row: AnnouncementRow) -> Result<Self, StoreError> {
        let AnnouncementRow { id, name, ended, audience, data, at } = row;
        let event = what(&name, ended.as_deref(), &audience, data, at);
        let event = event.ok_or_else(|| StoreError::unreadable("announcements", &id))?;
        Ok(Self { id: AnnouncementId(id), event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::payload::ModuleFacts;
    use crate::store::testing::Scratch;

    #[actix::test]
    async fn an_announcement_is_taken_once() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let id = "MC-1".parse().unwrap();
        let event = NewEvent::module_removed(ModuleFacts { id: &id, name: "North gate", kind: "Station", owner: None });
        let text = format!("{event:?}");
        let added = store.write(move |conn| add(conn, event)).await.unwrap();
        let later = added.event.at.plus(std::time::Duration::from_secs(1));

        let found = store.read(move |conn| older_than(conn, later, 10)).await.unwrap();
        assert_eq!((found.len(), &found[0].id), (1, &added.id));
        assert_eq!(format!("{:?}", found[0].event), text);
        assert!(store.read(move |conn| older_than(conn, added.event.at, 10)).await.unwrap().is_empty());
        let taken = store.write(move |conn| Ok((take(conn, &added.id)?, take(conn, &added.id)?))).await.unwrap();
        assert_eq!(taken, (true, false));
    }
}
