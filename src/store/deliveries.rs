//! The table `webhook_deliveries`: what webhooks are told, what waits for it and what came of it.

use diesel::prelude::*;

use super::schema::webhook_deliveries as deliveries;
use super::{Connection, StoreError};
use crate::domain::ids::{DeliveryId, ModuleId, WebhookId};
use crate::domain::time::Timestamp;

mod kept;
mod waiting;

pub use kept::{list, prune};
pub use waiting::{Head, Waiting, drop_oldest, find_pending, give_up_old, hasten, heads, pending, waiting};

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
    /// Why the last attempt failed, or why there is no other.
    pub error: Option<String>,
    /// How many answers refused it.
    pub refusals: i64,
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
            refusals: 0,
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

const PENDING: &str = "pending";

fn of(webhook: &WebhookId) -> deliveries::BoxedQuery<'_, super::Backend> {
    deliveries::table.filter(deliveries::webhook_id.eq(webhook.as_str())).into_boxed()
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
    refusals: i64,
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
            refusals: delivery.refusals,
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
            refusals: self.refusals,
        })
    }
}

#[cfg(test)]
mod tests;
