//! The table `webhooks`: who outside is told of alarms.

use std::cell::Cell;

use diesel::prelude::*;
use serde_json::value::RawValue;

use super::deliveries::{self, Delivery};
use super::schema::webhooks;
use super::{Connection, StoreError};
use crate::config::Secret;
use crate::domain::ids::{DeliveryId, ModuleId, UserId, WebhookId};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{WebhookEvent, WebhookName, body};

/// How many there may be; what is told is written once for each.
pub const WEBHOOKS_MAX: i64 = 100;

/// A webhook as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Which webhook.
    pub id: WebhookId,
    /// What people call it.
    pub name: WebhookName,
    /// Where it is told.
    pub url: String,
    /// What of.
    pub events: Vec<WebhookEvent>,
    /// Whether it is told.
    pub enabled: bool,
    /// What signs that which is sent.
    pub secret: Secret,
    /// Who made it, perhaps removed since.
    pub by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

thread_local! {
    /// Whether the transaction on this thread has left something to do for whoever delivers.
    static LEFT_TO_DO: Cell<bool> = const { Cell::new(false) };
}

/// Runs the work of a transaction; answers also whether it has left something to do for whoever delivers.
pub(super) fn noticing<T>(
    conn: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<(T, bool), StoreError> {
    LEFT_TO_DO.set(false);
    work(conn).map(|done| (done, LEFT_TO_DO.get()))
}

/// Has every webhook told that is told of such events, in the transaction of what happened; whoever delivers hears of it
/// when that is committed. `data` is what the event tells, `at` when it happened.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn enqueue(
    conn: &mut Connection,
    module_id: &ModuleId,
    event: WebhookEvent,
    data: &RawValue,
    at: Timestamp,
) -> Result<(), StoreError> {
    for webhook in enabled(conn)?.into_iter().filter(|webhook| webhook.events.contains(&event)) {
        let id = DeliveryId::generate();
        let body = body(&id, event.name(), at, data);
        let delivery = Delivery::new(id, webhook.id, event.name(), body, Timestamp::now());
        deliveries::insert(conn, &Delivery { module_id: Some(module_id.clone()), ..delivery })?;
        LEFT_TO_DO.set(true);
    }
    Ok(())
}

/// Adds a webhook; answers false when there are as many as there may be.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn insert(conn: &mut Connection, webhook: &Webhook) -> Result<bool, StoreError> {
    let there: i64 = webhooks::table.count().get_result(conn)?;
    if there >= WEBHOOKS_MAX {
        return Ok(false);
    }
    diesel::insert_into(webhooks::table).values(Row::of(webhook)).execute(conn)?;
    Ok(true)
}

/// Stores a webhook as it is now.
///
/// # Errors
/// [`StoreError::NotFound`] when it is not there.
pub fn update(conn: &mut Connection, webhook: &Webhook) -> Result<(), StoreError> {
    let row = Row::of(webhook);
    let changed = diesel::update(webhooks::table.find(&row.id)).set(&row).execute(conn)?;
    LEFT_TO_DO.set(true);
    if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// Removes a webhook with its deliveries; answers whether it was there.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn delete(conn: &mut Connection, id: &WebhookId) -> Result<bool, StoreError> {
    Ok(diesel::delete(webhooks::table.find(id.as_str())).execute(conn)? > 0)
}

/// One webhook.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn find(conn: &mut Connection, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
    let row: Option<Row> = webhooks::table.find(id.as_str()).select(Row::as_select()).first(conn).optional()?;
    row.map(Row::read).transpose()
}

/// Whether there are any.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn are_there(conn: &mut Connection) -> Result<bool, StoreError> {
    Ok(webhooks::table.select(webhooks::id).first::<String>(conn).optional()?.is_some())
}

/// All webhooks, oldest first.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn all(conn: &mut Connection) -> Result<Vec<Webhook>, StoreError> {
    let rows: Vec<Row> = webhooks::table.order(webhooks::id).select(Row::as_select()).load(conn)?;
    rows.into_iter().map(Row::read).collect()
}

/// Those that are told, oldest first; a row that breaks its own rules is left out, so that no alarm stays untold for it.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn enabled(conn: &mut Connection) -> Result<Vec<Webhook>, StoreError> {
    let rows = webhooks::table.filter(webhooks::enabled.ne(0)).order(webhooks::id);
    let rows: Vec<Row> = rows.select(Row::as_select()).load(conn)?;
    let read = rows.into_iter().map(Row::read);
    Ok(read
        .filter_map(|read| read.inspect_err(|error| tracing::error!(%error, "a webhook is told nothing")).ok())
        .collect())
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhooks)]
struct Row {
    id: String,
    name: String,
    url: String,
    events: String,
    enabled: i64,
    secret: String,
    user_id: String,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn of(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id.to_string(),
            name: webhook.name.to_string(),
            url: webhook.url.clone(),
            // A list of names: writing it cannot fail.
            events: serde_json::to_string(&webhook.events).unwrap_or_default(),
            enabled: webhook.enabled.into(),
            secret: webhook.secret.expose().to_owned(),
            user_id: webhook.by.to_string(),
            created_at: webhook.created_at.as_millis(),
            updated_at: webhook.updated_at.as_millis(),
        }
    }

    fn read(self) -> Result<Webhook, StoreError> {
        let unreadable = || StoreError::unreadable("webhooks", &self.id);
        Ok(Webhook {
            id: self.id.parse().map_err(|_| unreadable())?,
            name: self.name.parse().map_err(|_| unreadable())?,
            events: serde_json::from_str(&self.events).map_err(|_| unreadable())?,
            by: self.user_id.parse().map_err(|_| unreadable())?,
            url: self.url,
            enabled: self.enabled != 0,
            secret: Secret::new(self.secret),
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::json;
    use crate::store::testing::{Scratch, webhook};

    #[actix::test]
    async fn whoever_is_told_of_an_event_gets_a_delivery_and_nobody_else() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let work = |conn: &mut Connection| {
            let (told, mut disabled, mut other) = (webhook("a"), webhook("b"), webhook("c"));
            disabled.enabled = false;
            other.events = vec![WebhookEvent::AlarmCleared];
            for webhook in [&told, &disabled, &other] {
                assert!(insert(conn, webhook)?);
            }
            enqueue(conn, &"MC-1".parse().unwrap(), WebhookEvent::AlarmRaised, &json(&1), Timestamp::from_millis(7))?;
            let found = [&told, &disabled, &other].map(|webhook| deliveries::list(conn, &webhook.id, None, 0, 9));
            Ok((all(conn)?, told, found))
        };
        let (all, told, found) = store.write(work).await.unwrap();
        let found = found.map(|found| found.unwrap().0);

        assert_eq!((all.len(), &all[0]), (3, &told));
        assert!(found[0][0].body.ends_with(r#""ts":"1970-01-01T00:00:00.007Z","data":1}"#), "{found:?}");
        assert_eq!(found.map(|found| found.len()), [1, 0, 0]);
        tokio::time::timeout(std::time::Duration::from_secs(5), store.deliveries_left()).await.expect("it is told");
    }

    #[actix::test]
    async fn nobody_is_told_of_what_was_taken_back() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let work = |conn: &mut Connection| {
            insert(conn, &webhook("a"))?;
            enqueue(conn, &"MC-1".parse().unwrap(), WebhookEvent::AlarmRaised, &json(&1), Timestamp::from_millis(7))?;
            Err::<(), _>(StoreError::NotFound)
        };
        assert!(store.write(work).await.is_err());
        store.write(|conn| insert(conn, &webhook("b")).map(drop)).await.unwrap();

        let told = tokio::time::timeout(std::time::Duration::from_millis(50), store.deliveries_left());
        assert!(told.await.is_err());
    }

    #[actix::test]
    async fn there_is_a_bound() {
        let scratch = Scratch::new();
        let work = |conn: &mut Connection| {
            let added = (0..=WEBHOOKS_MAX).map(|number| insert(conn, &webhook(&format!("w{number}"))));
            added.collect::<Result<Vec<_>, _>>()
        };
        let added = scratch.store().write(work).await.unwrap();
        assert_eq!(added.iter().filter(|added| **added).count() as i64, WEBHOOKS_MAX);
    }
}
