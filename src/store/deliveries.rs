//! The table `webhook_deliveries`: what webhooks are told, what waits for it and what came of it.

use diesel::dsl::count_star;
use diesel::prelude::*;

use super::schema::webhook_deliveries as deliveries;
use super::{Connection, StoreError};
use crate::domain::ids::{DeliveryId, ModuleId, WebhookId};
use crate::domain::time::Timestamp;

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It waits for its first attempt or for the next.
    Pending,
    /// The target has taken it.
    Delivered,
    /// It was given up.
    Failed,
}

/// A delivery as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which delivery.
    pub id: DeliveryId,
    /// To whom.
    pub webhook_id: WebhookId,
    /// What it tells of, such as `alarm.raised`.
    pub event: String,
    /// Of which module, perhaps removed since.
    pub module_id: Option<ModuleId>,
    /// What is sent, the same at every attempt.
    pub body: String,
    /// How far it has come.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When it is tried (again), while it is pending.
    pub next_at: Timestamp,
    /// When it was delivered or given up.
    pub finished_at: Option<Timestamp>,
    /// The status of the last answer.
    pub status: Option<i64>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

impl Delivery {
    /// One that was not tried yet and may be at once.
    #[must_use]
    pub fn new(id: DeliveryId, webhook_id: WebhookId, event: &str, body: String, at: Timestamp) -> Self {
        Self {
            id,
            webhook_id,
            event: event.to_owned(),
            module_id: None,
            body,
            state: DeliveryState::Pending,
            attempts: 0,
            created_at: at,
            next_at: at,
            finished_at: None,
            status: None,
            error: None,
        }
    }
}

/// Adds a delivery.
///
/// # Errors
/// [`StoreError::Conflict`] when the webhook is gone.
pub fn insert(conn: &mut Connection, delivery: &Delivery) -> Result<(), StoreError> {
    diesel::insert_into(deliveries::table).values(Row::of(delivery)).execute(conn)?;
    Ok(())
}

/// Stores what came of an attempt; one that is gone, or that is not pending any more, stays as it is.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn update(conn: &mut Connection, delivery: &Delivery) -> Result<(), StoreError> {
    let pending = deliveries::table.find(delivery.id.as_str()).filter(deliveries::state.eq(PENDING));
    diesel::update(pending).set(Row::of(delivery)).execute(conn)?;
    Ok(())
}

/// The oldest pending delivery to a webhook: it comes before the others, also while it waits for another attempt.
///
/// # Errors
/// [`StoreError::Unavailable`] for a row that breaks its own rules.
pub fn first_pending(conn: &mut Connection, webhook: &WebhookId) -> Result<Option<Delivery>, StoreError> {
    let first = of(webhook).filter(deliveries::state.eq(PENDING)).order(deliveries::id);
    let row: Option<Row> = first.select(Row::as_select()).first(conn).optional()?;
    row.map(Row::read).transpose()
}

/// How many are pending.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn pending(conn: &mut Connection) -> Result<i64, StoreError> {
    Ok(deliveries::table.filter(deliveries::state.eq(PENDING)).select(count_star()).first(conn)?)
}

/// Has what waits for another attempt tried at once.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn hasten(conn: &mut Connection, webhook: &WebhookId, now: Timestamp) -> Result<(), StoreError> {
    let waiting = deliveries::table
        .filter(deliveries::webhook_id.eq(webhook.as_str()))
        .filter(deliveries::state.eq(PENDING))
        .filter(deliveries::next_at.gt(now.as_millis()));
    diesel::update(waiting).set(deliveries::next_at.eq(now.as_millis())).execute(conn)?;
    Ok(())
}

/// Gives up what is pending for longer than since a time; answers how many.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn give_up_old(conn: &mut Connection, since: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
    let old =
        deliveries::table.filter(deliveries::state.eq(PENDING)).filter(deliveries::created_at.lt(since.as_millis()));
    Ok(diesel::update(old).set(given_up(now, "it waited for too long")).execute(conn)?)
}

/// Gives up the oldest of those that are pending for a webhook beyond a number; answers how many.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn give_up_beyond(
    conn: &mut Connection,
    webhook: &WebhookId,
    most: i64,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let newest = of(webhook).filter(deliveries::state.eq(PENDING)).order(deliveries::id.desc());
    let beyond: Option<String> = newest.select(deliveries::id).offset(most).first(conn).optional()?;
    let Some(id) = beyond else { return Ok(0) };
    let old = deliveries::table
        .filter(deliveries::webhook_id.eq(webhook.as_str()))
        .filter(deliveries::state.eq(PENDING))
        .filter(deliveries::id.le(id));
    Ok(diesel::update(old).set(given_up(now, "too many waited")).execute(conn)?)
}

/// Forgets those to a webhook that are finished and older than a time, or beyond a number.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn prune(conn: &mut Connection, webhook: &WebhookId, keep: i64, since: Timestamp) -> Result<usize, StoreError> {
    let newest = of(webhook).filter(deliveries::state.ne(PENDING)).order(deliveries::id.desc());
    let beyond: Option<String> = newest.select(deliveries::id).offset(keep).first(conn).optional()?;
    let finished = deliveries::table
        .filter(deliveries::webhook_id.eq(webhook.as_str()))
        .filter(deliveries::state.ne(PENDING))
        .filter(deliveries::created_at.lt(since.as_millis()).or(deliveries::id.le(beyond.unwrap_or_default())));
    Ok(diesel::delete(finished).execute(conn)?)
}

/// One page of the deliveries to a webhook, newest first, and how many there are on all pages.
///
/// # Errors
/// [`StoreError::Unavailable`] for a row that breaks its own rules.
pub fn list(
    conn: &mut Connection,
    webhook: &WebhookId,
    state: Option<DeliveryState>,
    skip: i64,
    limit: i64,
) -> Result<(Vec<Delivery>, i64), StoreError> {
    let wanted = || match state {
        Some(state) => of(webhook).filter(deliveries::state.eq(name_of(state))),
        None => of(webhook),
    };
    let total = wanted().count().get_result(conn)?;
    let rows = wanted().order(deliveries::id.desc()).offset(skip).limit(limit);
    let rows: Vec<Row> = rows.select(Row::as_select()).load(conn)?;
    Ok((rows.into_iter().map(Row::read).collect::<Result<_, _>>()?, total))
}

const PENDING: &str = "pending";

fn of(webhook: &WebhookId) -> deliveries::BoxedQuery<'_, super::Backend> {
    deliveries::table.filter(deliveries::webhook_id.eq(webhook.as_str())).into_boxed()
}

#[derive(AsChangeset)]
#[diesel(table_name = deliveries)]
struct GivenUp {
    state: &'static str,
    finished_at: i64,
    error: &'static str,
}

fn given_up(now: Timestamp, error: &'static str) -> GivenUp {
    GivenUp { state: name_of(DeliveryState::Failed), finished_at: now.as_millis(), error }
}

const fn name_of(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending => PENDING,
        DeliveryState::Delivered => "delivered",
        DeliveryState::Failed => "failed",
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = deliveries, treat_none_as_null = true)]
struct Row {
    id: String,
    webhook_id: String,
    event: String,
    module_id: Option<String>,
    body: String,
    state: String,
    attempts: i64,
    created_at: i64,
    next_at: i64,
    finished_at: Option<i64>,
    status: Option<i64>,
    error: Option<String>,
}

impl Row {
    fn of(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            webhook_id: delivery.webhook_id.to_string(),
            event: delivery.event.clone(),
            module_id: delivery.module_id.as_ref().map(ToString::to_string),
            body: delivery.body.clone(),
            state: name_of(delivery.state).to_owned(),
            attempts: delivery.attempts,
            created_at: delivery.created_at.as_millis(),
            next_at: delivery.next_at.as_millis(),
            finished_at: delivery.finished_at.map(Timestamp::as_millis),
            status: delivery.status,
            error: delivery.error.clone(),
        }
    }

    fn read(self) -> Result<Delivery, StoreError> {
        let unreadable = || StoreError::unreadable("webhook_deliveries", &self.id);
        let states = [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Failed];
        let state = states.into_iter().find(|state| name_of(*state) == self.state);
        let module_id = self.module_id.as_ref().map(|id| id.parse()).transpose();
        Ok(Delivery {
            id: self.id.parse().map_err(|_| unreadable())?,
            webhook_id: self.webhook_id.parse().map_err(|_| unreadable())?,
            module_id: module_id.map_err(|_| unreadable())?,
            state: state.ok_or_else(unreadable)?,
            event: self.event,
            body: self.body,
            attempts: self.attempts,
            created_at: Timestamp::from_millis(self.created_at),
            next_at: Timestamp::from_millis(self.next_at),
            finished_at: self.finished_at.map(Timestamp::from_millis),
            status: self.status,
            error: self.error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{Scratch, webhook};
    use crate::store::webhooks;

    fn delivery(webhook: &WebhookId, at: i64) -> Delivery {
        Delivery::new(DeliveryId::generate(), webhook.clone(), "alarm.raised", "{}".into(), Timestamp::from_millis(at))
    }

    #[actix::test]
    async fn the_oldest_comes_first_until_something_came_of_it() {
        let scratch = Scratch::new();
        let work = |conn: &mut Connection| {
            let hook = webhook("a");
            webhooks::insert(conn, &hook)?;
            let (first, second) = (delivery(&hook.id, 9), delivery(&hook.id, 3));
            insert(conn, &first)?;
            insert(conn, &second)?;
            let found = first_pending(conn, &hook.id)?;
            let done = Delivery { state: DeliveryState::Delivered, status: Some(200), attempts: 1, ..first.clone() };
            update(conn, &done)?;
            update(conn, &Delivery { state: DeliveryState::Failed, ..first.clone() })?;
            let (listed, total) = list(conn, &hook.id, Some(DeliveryState::Delivered), 0, 9)?;
            let then = first_pending(conn, &hook.id)?;
            Ok(((found, then), (first, second), done, listed, total, pending(conn)?))
        };
        let (found, (first, second), done, listed, total, pending) = scratch.store().write(work).await.unwrap();
        assert_eq!(found, (Some(first), Some(second)));
        assert_eq!((listed, total, pending), (vec![done], 1, 1));
    }

    #[actix::test]
    async fn what_waits_and_what_is_kept_has_a_bound() {
        let scratch = Scratch::new();
        let work = |conn: &mut Connection| {
            let hook = webhook("a");
            webhooks::insert(conn, &hook)?;
            let all: Vec<_> = (0..10).map(|at| delivery(&hook.id, at)).collect();
            all.iter().try_for_each(|delivery| insert(conn, delivery))?;
            let (since, now) = (Timestamp::from_millis(2), Timestamp::from_millis(99));
            let given_up = (give_up_old(conn, since, now)?, give_up_beyond(conn, &hook.id, 3, now)?);
            let left = first_pending(conn, &hook.id)?.map(|left| left.id) == Some(all[7].id.clone());
            let pruned = (prune(conn, &hook.id, 5, since)?, prune(conn, &hook.id, 1, since)?);
            let failed = list(conn, &hook.id, Some(DeliveryState::Failed), 0, 9)?.0;
            Ok((given_up, left, pruned, failed, pending(conn)?))
        };
        let (given_up, left, pruned, failed, pending) = scratch.store().write(work).await.unwrap();
        assert_eq!((given_up, left, pruned, pending), ((2, 5), true, (2, 4), 3));
        assert_eq!((failed[0].error.as_deref(), failed[0].created_at.as_millis()), (Some("too many waited"), 6));
    }

    #[test]
    fn what_waits_is_found_by_an_index() {
        #[derive(QueryableByName)]
        struct Step {
            #[diesel(sql_type = diesel::sql_types::Text)]
            detail: String,
        }
        let scratch = Scratch::of_sqlite();
        drop(scratch.store());
        let Connection::Sqlite(mut conn) = scratch.connection() else { panic!("SQLite was asked for") };
        for wanted in ["state = 'pending'", "state = 'pending' AND created_at < 9"] {
            let query = format!("EXPLAIN QUERY PLAN SELECT count(*) FROM webhook_deliveries WHERE {wanted}");
            let steps: Vec<Step> = diesel::sql_query(query).load(&mut conn).unwrap();
            assert!(steps[0].detail.contains("webhook_deliveries_by_age"), "{}", steps[0].detail);
        }
    }
}
