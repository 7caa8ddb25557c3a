//! What waits for webhooks: in a line for each module.

use diesel::dsl::{count_star, min};
use diesel::prelude::*;

use super::super::schema::webhook_deliveries as deliveries;
use super::super::{Connection, StoreError};
use super::{Delivery, DeliveryState, PENDING, Row, name_of, of};
use crate::domain::ids::{DeliveryId, ModuleId, WebhookId};
use crate::domain::time::Timestamp;

/// The oldest that waits of a module: it comes before the others, also while it waits for another attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Which delivery.
    pub id: DeliveryId,
    /// Of which module.
    pub module_id: Option<ModuleId>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried (again).
    pub next_at: Timestamp,
}

/// What waits of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Of which module.
    pub module_id: Option<ModuleId>,
    /// How many.
    pub count: i64,
    /// The oldest.
    pub oldest: DeliveryId,
}

/// The oldest pending delivery of each module to a webhook.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn heads(conn: &mut Connection, webhook: &WebhookId) -> Result<Vec<Head>, StoreError> {
    type Found = (String, Option<String>, i64, i64);
    let oldest = deliveries::table
        .filter(deliveries::webhook_id.eq(webhook.as_str()))
        .filter(deliveries::state.eq(PENDING))
        .group_by(deliveries::module_id)
        .select(min(deliveries::id).assume_not_null());
    let head = diesel::alias!(deliveries as heads);
    let shown = head.fields((deliveries::id, deliveries::module_id, deliveries::attempts, deliveries::next_at));
    let rows: Vec<Found> = head.filter(head.field(deliveries::id).eq_any(oldest)).select(shown).load(conn)?;
    let read = rows.into_iter().map(|(id, module_id, attempts, next_at)| {
        let (id, module_id) = read_ids(&id, module_id.as_deref())?;
        Ok(Head { id, module_id, attempts, next_at: Timestamp::from_millis(next_at) })
    });
    read.collect()
}

/// A delivery, if it is pending.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn find_pending(conn: &mut Connection, id: &DeliveryId) -> Result<Option<Delivery>, StoreError> {
    let pending = deliveries::table.find(id.as_str()).filter(deliveries::state.eq(PENDING));
    let row: Option<Row> = pending.select(Row::as_select()).first(conn).optional()?;
    row.map(Row::read).transpose()
}

/// How much waits for a webhook, by module.
///
/// # Errors
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
pub fn waiting(conn: &mut Connection, webhook: &WebhookId) -> Result<Vec<Waiting>, StoreError> {
    let rows: Vec<(Option<String>, i64, String)> = deliveries::table
        .filter(deliveries::webhook_id.eq(webhook.as_str()))
        .filter(deliveries::state.eq(PENDING))
        .group_by(deliveries::module_id)
        .select((deliveries::module_id, count_star(), min(deliveries::id).assume_not_null()))
        .load(conn)?;
    let read = rows.into_iter().map(|(module_id, count, oldest)| {
        let (oldest, module_id) = read_ids(&oldest, module_id.as_deref())?;
        Ok(Waiting { module_id, count, oldest })
    });
    read.collect()
}

fn read_ids(id: &str, module_id: Option<&str>) -> Result<(DeliveryId, Option<ModuleId>), StoreError> {
    let unreadable = || StoreError::unreadable("webhook_deliveries", id);
    let module_id = module_id.map(str::parse).transpose().map_err(|_| unreadable())?;
    Ok((id.parse().map_err(|_| unreadable())?, module_id))
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

/// Gives up the oldest of what waits of a module for a webhook, so many; answers how many.
///
/// # Errors
/// [`StoreError`] of the database only.
pub fn drop_oldest(
    conn: &mut Connection,
    webhook: &WebhookId,
    module: Option<&ModuleId>,
    many: i64,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let mut line = of(webhook).filter(deliveries::state.eq(PENDING));
    line = match module {
        Some(module) => line.filter(deliveries::module_id.eq(module.as_str())),
        None => line.filter(deliveries::module_id.is_null()),
    };
    let last: Option<String> =
        line.order(deliveries::id).select(deliveries::id).offset((many - 1).max(0)).first(conn).optional()?;
    let Some(last) = last.filter(|_| many > 0) else { return Ok(0) };
    let mut oldest = diesel::update(deliveries::table).set(given_up(now, "too many of its module waited")).into_boxed();
    oldest = oldest.filter(deliveries::webhook_id.eq(webhook.as_str())).filter(deliveries::state.eq(PENDING));
    oldest = match module {
        Some(module) => oldest.filter(deliveries::module_id.eq(module.as_str())),
        None => oldest.filter(deliveries::module_id.is_null()),
    };
    Ok(oldest.filter(deliveries::id.le(last)).execute(conn)?)
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
