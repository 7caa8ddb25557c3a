//! Webhooks and deliveries as they go over the wire.

use serde::{Deserialize, Serialize};

use crate::connector::Target;
use crate::domain::ids::{DeliveryId, ModuleId, UserId, WebhookId};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{WebhookEvent, WebhookName};
use crate::store::deliveries::{Delivery, DeliveryState};
use crate::store::webhooks::Webhook;

/// A webhook; its secret is not shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub struct WebhookView {
    /// Which webhook.
    #[schema(value_type = String)]
    pub(super) id: WebhookId,
    /// What people call it.
    #[schema(value_type = String)]
    pub(super) name: WebhookName,
    /// Where it is told.
    pub(super) url: String,
    /// What of.
    pub(super) events: Vec<WebhookEvent>,
    /// Whether it is told.
    pub(super) enabled: bool,
    /// Who made it.
    #[schema(value_type = String)]
    pub(super) user_id: UserId,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub(super) created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub(super) updated_at: Timestamp,
}

/// A webhook and the secret that signs what it is told, shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct WebhookSecret {
    /// The webhook.
    pub(super) webhook: WebhookView,
    /// The key of the signature, all of the text.
    pub(super) secret: String,
}

/// A webhook to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookBody {
    /// What people call it.
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$", example = "Night shift")]
    pub(super) name: WebhookName,
    /// Where it is told: `http://` or `https://`, no name and password, a public address.
    #[schema(value_type = String, max_length = 2048, pattern = r"^https?://[a-z0-9]+\.example\.(com|org)(/[a-z0-9]*)*$", example = "https://alarms.example.org/carillon")]
    pub(super) url: Target,
    /// What of; D everything.
    #[schema(min_items = 1)]
    pub(super) events: Option<Vec<WebhookEvent>>,
    /// Whether it is told; D true.
    pub(super) enabled: Option<bool>,
}

/// What changes in a webhook; what is left out stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookPatch {
    /// What people call it.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$")]
    pub(super) name: Option<WebhookName>,
    /// Where it is told; what waits for it goes there too.
    #[schema(value_type = Option<String>, max_length = 2048, pattern = r"^https?://[a-z0-9]+\.example\.(com|org)(/[a-z0-9]*)*$")]
    pub(super) url: Option<Target>,
    /// What of, from now on.
    #[schema(min_items = 1)]
    pub(super) events: Option<Vec<WebhookEvent>>,
    /// Whether it is told; what waits for a webhook that is not waits on.
    pub(super) enabled: Option<bool>,
}

/// Something that a webhook was told, or is to be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookDelivery)]
pub struct DeliveryView {
    /// Which delivery, the same at every attempt; as in `X-Carillon-Delivery`.
    #[schema(value_type = String)]
    pub(super) id: DeliveryId,
    /// What it tells of; `webhook.test` for one that was only to be tried.
    pub(super) event: String,
    /// Of which module.
    #[schema(value_type = Option<String>)]
    pub(super) module_id: Option<ModuleId>,
    /// How far it has come.
    pub(super) state: DeliveryState,
    /// How often it was tried.
    pub(super) attempts: i64,
    /// When it was written down.
    #[schema(value_type = String, format = DateTime)]
    pub(super) created_at: Timestamp,
    /// When it is tried (again); null when it is not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) next_at: Option<Timestamp>,
    /// When it was delivered or given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) finished_at: Option<Timestamp>,
    /// The status of the last answer.
    pub(super) status: Option<i64>,
    /// Why the last attempt failed.
    pub(super) error: Option<String>,
}

/// Which deliveries to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// Counted from 1; D 1.
    #[param(minimum = 1)]
    pub(super) page: Option<u32>,
    /// Deliveries on a page, 1 to 100; D 20.
    #[param(minimum = 1, maximum = 100)]
    pub(super) per_page: Option<u32>,
    /// Only those that have come so far.
    pub(super) state: Option<DeliveryState>,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        let Webhook { id, name, url, events, enabled, by, created_at, updated_at, secret: _ } = webhook;
        Self { id, name, url, events, enabled, user_id: by, created_at, updated_at }
    }
}

impl From<Webhook> for WebhookSecret {
    fn from(webhook: Webhook) -> Self {
        let secret = webhook.secret.expose().to_owned();
        Self { webhook: webhook.into(), secret }
    }
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let is_pending = delivery.state == DeliveryState::Pending;
        Self {
            next_at: is_pending.then_some(delivery.next_at),
            id: delivery.id,
            event: delivery.event,
            module_id: delivery.module_id,
            state: delivery.state,
            attempts: delivery.attempts,
            created_at: delivery.created_at,
            finished_at: delivery.finished_at,
            status: delivery.status,
            error: delivery.error,
        }
    }
}
