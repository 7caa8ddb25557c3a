//! What came of deliveries, for people.

use diesel::prelude::*;

use super::super::schema::webhook_deliveries as deliveries;
use super::super::{Connection, StoreError};
use super::{Delivery, DeliveryState, PENDING, Row, name_of, of};
use crate::domain::ids::WebhookId;
use crate::domain::time::Timestamp;

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
/// [`StoreError::Unreadable`] for a row that breaks its own rules.
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
