//! One attempt to deliver, and what came of it in the database.

use std::time::Duration;

use super::caller::Caller;
use super::error::WebhookError;
use super::judgement::{Patience, Verdict, judged};
use crate::config;
use crate::domain::event::json;
use crate::domain::ids::{DeliveryId, WebhookId};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{TEST_EVENT, body};
use crate::store::Store;
use crate::store::deliveries::{self, Delivery};
use crate::store::webhooks::{self, Webhook};

/// How long the database is left alone after it did not answer.
pub const PAUSE: Duration = Duration::from_secs(1);

/// How long is tried, by the configuration.
#[must_use]
pub fn patience(config: &config::Webhooks) -> Patience {
    Patience {
        delay: config.retry_delay,
        max_delay: config.max_retry_delay,
        max_attempts: config.max_attempts.into(),
        max_refusals: config.max_refusals.into(),
        max_age: config.max_age,
    }
}

/// Calls a target with a delivery; what came of it is in the database when this ends.
pub async fn attempt(
    store: &Store,
    caller: &Caller,
    webhook: &Webhook,
    delivery: Delivery,
    patience: Patience,
) -> (Delivery, Verdict) {
    let came = caller.call(webhook, &delivery).await;
    let verdict = Verdict::of(&came);
    let delivery = judged(delivery, came, Timestamp::now(), patience, rand::random());
    write_down(store, &delivery).await;
    (delivery, verdict)
}

/// Writes down what came of a delivery, however long the database does not answer: the next one waits for that.
async fn write_down(store: &Store, delivery: &Delivery) {
    loop {
        let row = delivery.clone();
        let Err(error) = store.write(move |conn| deliveries::update(conn, &row)).await else { return };
        tracing::warn!(%error, "what came of a delivery to a webhook cannot be written down; trying again in a moment");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Tells a webhook, enabled or not, that it is tried.
///
/// # Errors
/// [`WebhookError`] when there is none, or the database does not answer.
pub async fn try_webhook(store: &Store, caller: &Caller, id: WebhookId) -> Result<Delivery, WebhookError> {
    let webhook = store.read(move |conn| webhooks::find(conn, &id)).await?.ok_or(WebhookError::NotFound)?;
    let (id, now) = (DeliveryId::generate(), Timestamp::now());
    let data = serde_json::json!({ "webhookId": webhook.id, "name": webhook.name });
    let text = body(&id, TEST_EVENT, now, &json(&data));
    let delivery = Delivery::new(id, webhook.id.clone(), TEST_EVENT, text, now);
    let came = caller.call(&webhook, &delivery).await;
    let once = Patience { delay: PAUSE, max_delay: PAUSE, max_attempts: 1, max_refusals: 1, max_age: PAUSE };
    let tried = judged(delivery, came, Timestamp::now(), once, 0.0);
    let row = tried.clone();
    store.write(move |conn| deliveries::insert(conn, &row)).await?;
    Ok(tried)
}
