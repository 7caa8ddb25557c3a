//! The table `announcements`: events of changes that are in the database, on their way into the journal.
//!
//! Whoever changes the database adds the event in the same transaction; taking it out again is part of the transaction
//! that puts it into the journal. So a change that happened is told, and told once, wherever the process ends.
//!
//! A row that cannot be read is set aside under a name that begins with `unreadable-`, where nobody looks for it any more.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

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
///
/// As long as somebody holds it, or a clone of it, it is on its way and is not left behind.
#[derive(Debug, Clone)]
pub struct Announced {
    /// Under which name it waits.
    pub id: AnnouncementId,
    /// What happened; each subscriber gets it.
    pub event: NewEvent,
    _claim: Option<Arc<Claim>>,
}

/// The announcements of this process that are on their way: their changes may not be in memory yet. Names are unique, so
/// that it makes no difference to which database they belong.
static UNDER_WAY: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Says that an announcement is on its way, from before its commit until it is dropped.
#[derive(Debug)]
struct Claim(AnnouncementId);

impl Claim {
    fn new(id: &AnnouncementId) -> Arc<Self> {
        UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).insert(id.0.clone());
        Arc::new(Self(id.clone()))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0.0);
    }
}

/// A part of what was announced, oldest first.
#[derive(Debug, Default)]
pub struct Left {
    /// What nobody has told, and nobody is about to tell.
    pub announced: Vec<Announced>,
    /// Those that break their own rules.
    pub unreadable: Vec<AnnouncementId>,
    /// Behind which name the next part begins; none when this was the last.
    pub next: Option<AnnouncementId>,
}

/// Adds an event in the transaction of the change that it tells of.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn add(conn: &mut Connection, event: NewEvent) -> Result<Announced, StoreError> {
    let id = AnnouncementId(uuid::Uuid::now_v7().simple().to_string());
    let claim = Claim::new(&id);
    diesel::insert_into(announcements::table).values(AnnouncementRow::of(&id, &event)).execute(conn)?;
    Ok(Announced { id, event, _claim: Some(claim) })
}

/// Takes one out; answers whether it was still there.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn take(conn: &mut Connection, id: &AnnouncementId) -> Result<bool, StoreError> {
    Ok(diesel::delete(announcements::table.find(&id.0)).execute(conn)? > 0)
}

/// Takes many out; answers those that were still there.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn take_all<'a>(
    conn: &mut Connection,
    ids: impl Iterator<Item = &'a AnnouncementId>,
) -> Result<HashSet<AnnouncementId>, StoreError> {
    match conn {
        Connection::Sqlite(_) => {
            let mut taken = HashSet::new();
            for id in ids {
                if take(conn, id)? {
                    taken.insert(id.clone());
                }
            }
            Ok(taken)
        }
        Connection::Postgres(conn) => {
            let ids: Vec<_> = ids.map(|id| id.0.as_str()).collect();
            if ids.is_empty() {
                return Ok(HashSet::new());
            }
            let taken = diesel::delete(announcements::table.filter(announcements::id.eq_any(ids)));
            let taken: Vec<String> = taken.returning(announcements::id).get_results(conn)?;
            Ok(taken.into_iter().map(AnnouncementId).collect())
        }
    }
}

/// Those that were added before a time and are left behind, oldest first: of so many rows behind a name.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn left(
    conn: &mut Connection,
    before: Timestamp,
    behind: Option<&AnnouncementId>,
    rows: usize,
) -> Result<Left, StoreError> {
    let found: Vec<AnnouncementRow> = announcements::table
        // An id begins with the milliseconds of its making, within the transaction; the event may be a good deal older.
        .filter(announcements::id.lt(format!("{:012x}", before.as_millis())))
        .filter(announcements::id.gt(behind.map_or("", |id| &id.0)))
        .order(announcements::id)
        .limit(i64::try_from(rows).unwrap_or(i64::MAX))
        .select(AnnouncementRow::as_select())
        .load(conn)?;
    let mut left = Left::default();
    if found.len() >= rows {
        left.next = found.last().map(|row| AnnouncementId(row.id.clone()));
    }
    let under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
    for row in found.into_iter().filter(|row| !under_way.contains(&row.id)) {
        match Announced::try_from(row) {
            Ok(announced) => left.announced.push(announced),
            Err(id) => left.unreadable.push(id),
        }
    }
    Ok(left)
}

/// Sets aside those that cannot be read, so that they stand in nobody's way, and says so once.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn set_aside(conn: &mut Connection, unreadable: &[AnnouncementId]) -> Result<(), StoreError> {
    for AnnouncementId(id) in unreadable {
        let aside = format!("unreadable-{id}");
        diesel::update(announcements::table.find(id)).set(announcements::id.eq(&aside)).execute(conn)?;
        tracing::error!(announcement.id = aside, "a change cannot be told, its row in `announcements` cannot be read");
    }
    Ok(())
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
    type Error = AnnouncementId;

    fn try_from(row: AnnouncementRow) -> Result<Self, AnnouncementId> {
        let AnnouncementRow { id, name, ended, audience, data, at } = row;
        let id = AnnouncementId(id);
        match what(&name, ended.as_deref(), &audience, data, at) {
            Some(event) => Ok(Self { id, event, _claim: None }),
            None => Err(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::payload::ModuleFacts;
    use crate::domain::ids::ModuleId;
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

        let look = async |before| store.read(move |conn| left(conn, before, None, 10)).await.unwrap().announced;
        assert!(look(later).await.is_empty(), "it is on its way");
        let (id, at) = (added.id.clone(), added.event.at);
        drop(added);
        let found = look(later).await;
        assert_eq!((found.len(), &found[0].id), (1, &id));
        assert_eq!(format!("{:?}", found[0].event), text);
        assert!(look(at).await.is_empty());
        let taken = store.write(move |conn| Ok((take(conn, &id)?, take(conn, &id)?))).await.unwrap();
        assert_eq!(taken, (true, false));
    }

    #[actix::test]
    async fn one_that_cannot_be_read_stands_in_nobodys_way() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let id: ModuleId = "MC-1".parse().unwrap();
        let event = || NewEvent::module_removed(ModuleFacts { id: &id, name: "Gate", kind: "Station", owner: None });
        let (first, second) = (event(), event());
        let spoil = |conn: &mut Connection| {
            let added = add(conn, first)?;
            let row = announcements::table.find(&added.id.0);
            diesel::update(row).set(announcements::audience.eq("nobody")).execute(conn)?;
            add(conn, second).map(|added| added.id)
        };
        let good = store.write(spoil).await.unwrap();
        let end = Timestamp::from_millis(i64::MAX);
        let look = async || store.read(move |conn| left(conn, end, None, 10)).await.unwrap();

        let found = look().await;
        assert_eq!((found.unreadable.len(), found.announced[0].id == good), (1, true));
        store.write(move |conn| set_aside(conn, &found.unreadable)).await.unwrap();

        let found = look().await;
        assert_eq!((found.unreadable.len(), found.announced.len()), (0, 1));
    }
}
