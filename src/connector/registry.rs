//! The actor that changes what people can change of webhooks.

use actix::prelude::*;

use super::error::WebhookError;
use super::signature::new_secret;
use super::target::Target;
use crate::config::Secret;
use crate::domain::ids::{UserId, WebhookId};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{WebhookEvent, WebhookName};
use crate::store::deliveries::{self, Delivery, DeliveryState};
use crate::store::webhooks::{self, Webhook};
use crate::store::{Connection, Store, StoreError};

/// Asks for all webhooks.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<Webhook>, WebhookError>")]
pub struct ListWebhooks;

/// Asks for one.
#[derive(Debug, Message)]
#[rtype(result = "Result<Webhook, WebhookError>")]
pub struct FindWebhook(pub WebhookId);

/// Makes one, with a secret of its own.
#[derive(Debug, Message)]
#[rtype(result = "Result<Webhook, WebhookError>")]
pub struct CreateWebhook {
    /// Who asks.
    pub by: UserId,
    /// What it is called.
    pub name: WebhookName,
    /// Where it is told.
    pub url: Target,
    /// What of.
    pub events: Vec<WebhookEvent>,
    /// Whether it is told.
    pub enabled: bool,
}

/// What changes in a webhook; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookChanges {
    /// What it is called.
    pub name: Option<WebhookName>,
    /// Where it is told.
    pub url: Option<Target>,
    /// What of.
    pub events: Option<Vec<WebhookEvent>>,
    /// Whether it is told.
    pub enabled: Option<bool>,
}

/// Changes one; what waits for it is tried at once.
#[derive(Debug, Message)]
#[rtype(result = "Result<Webhook, WebhookError>")]
pub struct ChangeWebhook {
    /// Which one.
    pub id: WebhookId,
    /// What changes.
    pub changes: WebhookChanges,
}

/// Gives one a new secret; the old one signs nothing more.
#[derive(Debug, Message)]
#[rtype(result = "Result<Webhook, WebhookError>")]
pub struct RotateSecret(pub WebhookId);

/// Removes one with its deliveries.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), WebhookError>")]
pub struct DeleteWebhook(pub WebhookId);

/// Asks for a page of what one was told, newest first, and how many there are.
#[derive(Debug, Message)]
#[rtype(result = "Result<(Vec<Delivery>, i64), WebhookError>")]
pub struct ListDeliveries {
    /// To whom.
    pub webhook: WebhookId,
    /// Only those that have come so far.
    pub state: Option<DeliveryState>,
    /// How many to pass over.
    pub skip: i64,
    /// How many at most.
    pub limit: i64,
}

/// Makes, shows, changes and removes webhooks; all it knows is in the database.
pub struct Webhooks {
    store: Store,
}

impl Webhooks {
    /// The webhooks of a database.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> ResponseFuture<Result<T, WebhookError>> {
        let store = self.store.clone();
        Box::pin(async move { Ok(store.write(work).await?) })
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> ResponseFuture<Result<T, WebhookError>> {
        let store = self.store.clone();
        Box::pin(async move { Ok(store.read(work).await?) })
    }

    /// Changes a webhook as it is stored.
    fn change(
        &self,
        id: WebhookId,
        change: impl FnOnce(&mut Webhook) + Send + 'static,
    ) -> ResponseFuture<Result<Webhook, WebhookError>> {
        self.write(move |conn| {
            let mut webhook = webhooks::find(conn, &id)?.ok_or(StoreError::NotFound)?;
            change(&mut webhook);
            webhook.updated_at = Timestamp::now();
            webhooks::update(conn, &webhook)?;
            deliveries::hasten(conn, &id, webhook.updated_at)?;
            Ok(webhook)
        })
    }
}

impl Actor for Webhooks {
    type Context = Context<Self>;
}

impl Handler<ListWebhooks> for Webhooks {
    type Result = ResponseFuture<Result<Vec<Webhook>, WebhookError>>;

    fn handle(&mut self, _: ListWebhooks, _: &mut Context<Self>) -> Self::Result {
        self.read(webhooks::all)
    }
}

impl Handler<FindWebhook> for Webhooks {
    type Result = ResponseFuture<Result<Webhook, WebhookError>>;

    fn handle(&mut self, FindWebhook(id): FindWebhook, _: &mut Context<Self>) -> Self::Result {
        self.read(move |conn| webhooks::find(conn, &id)?.ok_or(StoreError::NotFound))
    }
}

impl Handler<CreateWebhook> for Webhooks {
    type Result = ResponseFuture<Result<Webhook, WebhookError>>;

    fn handle(&mut self, new: CreateWebhook, _: &mut Context<Self>) -> Self::Result {
        let now = Timestamp::now();
        let webhook = Webhook {
            id: WebhookId::generate(),
            name: new.name,
            url: new.url.as_str().to_owned(),
            events: new.events,
            enabled: new.enabled,
            secret: new_secret(),
            by: new.by,
            created_at: now,
            updated_at: now,
        };
        let row = webhook.clone();
        let inserting = self.write(move |conn| webhooks::insert(conn, &row));
        Box::pin(async move { if inserting.await? { Ok(webhook) } else { Err(WebhookError::TooMany) } })
    }
}

impl Handler<ChangeWebhook> for Webhooks {
    type Result = ResponseFuture<Result<Webhook, WebhookError>>;

    fn handle(&mut self, ChangeWebhook { id, changes }: ChangeWebhook, _: &mut Context<Self>) -> Self::Result {
        self.change(id, move |webhook| {
            let WebhookChanges { name, url, events, enabled } = changes;
            webhook.name = name.unwrap_or_else(|| webhook.name.clone());
            if let Some(url) = url {
                webhook.url = url.as_str().to_owned();
            }
            if let Some(events) = events {
                webhook.events = events;
            }
            webhook.enabled = enabled.unwrap_or(webhook.enabled);
        })
    }
}

impl Handler<RotateSecret> for Webhooks {
    type Result = ResponseFuture<Result<Webhook, WebhookError>>;

    fn handle(&mut self, RotateSecret(id): RotateSecret, _: &mut Context<Self>) -> Self::Result {
        let secret: Secret = new_secret();
        self.change(id, move |webhook| webhook.secret = secret)
    }
}

impl Handler<DeleteWebhook> for Webhooks {
    type Result = ResponseFuture<Result<(), WebhookError>>;

    fn handle(&mut self, DeleteWebhook(id): DeleteWebhook, _: &mut Context<Self>) -> Self::Result {
        self.write(move |conn| if webhooks::delete(conn, &id)? { Ok(()) } else { Err(StoreError::NotFound) })
    }
}

impl Handler<ListDeliveries> for Webhooks {
    type Result = ResponseFuture<Result<(Vec<Delivery>, i64), WebhookError>>;

    fn handle(&mut self, asked: ListDeliveries, _: &mut Context<Self>) -> Self::Result {
        let ListDeliveries { webhook, state, skip, limit } = asked;
        self.read(move |conn| {
            webhooks::find(conn, &webhook)?.ok_or(StoreError::NotFound)?;
            deliveries::list(conn, &webhook, state, skip, limit)
        })
    }
}
