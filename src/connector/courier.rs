//! The actor that delivers to webhooks: in order for each, all beside each other, until the target has it or it is given up.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use actix::prelude::*;

use super::caller::Caller;
use super::error::WebhookError;
use super::plan::{Free, Head, Patience, Plan, judged};
use crate::config;
use crate::domain::event::json;
use crate::domain::ids::{DeliveryId, WebhookId};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{TEST_EVENT, body};
use crate::observe::Metrics;
use crate::store::deliveries::{self, Delivery, DeliveryState};
use crate::store::{Connection, Store, StoreError, webhooks};

/// How long the database is left alone after it did not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// How often is looked for what is to be given up or forgotten.
const TIDY_INTERVAL: Duration = Duration::from_secs(30);
/// How many webhooks are tried at once because somebody asked for it.
const TRIES_MAX: usize = 4;

/// Tells a webhook something at once, beside what waits for it; answers what came of it.
#[derive(Debug, Message)]
#[rtype(result = "Result<Delivery, WebhookError>")]
pub struct TryWebhook(pub WebhookId);

/// Says that there may be more to deliver.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Look;

/// Delivers what is written down for webhooks, on a thread of its own.
///
/// Invariant: of what a webhook is told one is under way at a time, the oldest first; whatever came of it is in the database
/// before the next begins. So a delivery may come twice after a crash, but none is left out.
pub struct Courier {
    store: Store,
    caller: Rc<Caller>,
    config: config::Webhooks,
    metrics: Metrics,
    /// Who is being told something, and whether that has failed before.
    busy: HashMap<WebhookId, bool>,
    is_looking: bool,
    /// Something has changed since it was looked.
    is_dirty: bool,
    timer: Option<SpawnHandle>,
    tries: usize,
}

impl Courier {
    /// A courier of what is in a database.
    #[must_use]
    pub fn new(store: Store, config: config::Webhooks, metrics: Metrics) -> Self {
        Self {
            store,
            caller: Rc::new(Caller::new(&config)),
            config,
            metrics,
            busy: HashMap::new(),
            is_looking: false,
            is_dirty: false,
            timer: None,
            tries: 0,
        }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        self.is_dirty = true;
        if self.is_looking {
            return;
        }
        (self.is_looking, self.is_dirty) = (true, false);
        let (store, busy) = (self.store.clone(), self.busy.keys().cloned().collect::<Vec<_>>());
        let reading = async move { store.read(move |conn| heads(conn, &busy)).await }.into_actor(self);
        ctx.spawn(reading.map(|heads, courier, ctx| {
            courier.is_looking = false;
            match heads {
                Ok(heads) => courier.begin(heads, ctx),
                Err(error) => {
                    tracing::warn!(%error, "cannot see what webhooks are to be told; looking again in a moment");
                    courier.look_at(Timestamp::now().plus(PAUSE), ctx);
                }
            }
            if courier.is_dirty {
                courier.look(ctx);
            }
        }));
    }

    /// Begins what is due and waits for what is not.
    fn begin(&mut self, heads: Vec<Head>, ctx: &mut Context<Self>) {
        let again = self.busy.values().filter(|again| **again).count();
        let free = Free {
            all: self.config.max_at_once.saturating_sub(self.busy.len()),
            again: (self.config.max_at_once / 2).saturating_sub(again),
        };
        let plan = Plan::of(heads, Timestamp::now(), free);
        for head in plan.begin {
            self.deliver(head, ctx);
        }
        if let Some(next) = plan.next {
            self.look_at(next, ctx);
        }
    }

    fn deliver(&mut self, Head { webhook, delivery }: Head, ctx: &mut Context<Self>) {
        let id = webhook.id.clone();
        self.busy.insert(id.clone(), delivery.attempts > 0);
        let (store, caller, patience) = (self.store.clone(), Rc::clone(&self.caller), patience(&self.config));
        let delivering = async move {
            let came = caller.call(&webhook, &delivery).await;
            let delivery = judged(delivery, came, Timestamp::now(), patience, rand::random());
            write_down(&store, &delivery).await;
            delivery
        };
        ctx.spawn(delivering.into_actor(self).map(move |delivery, courier, ctx| {
            courier.busy.remove(&id);
            courier.tell(&delivery);
            courier.look(ctx);
        }));
    }

    fn tell(&self, delivery: &Delivery) {
        self.metrics.webhook_attempted(match delivery.state {
            DeliveryState::Pending => "retried",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Failed => "failed",
        });
        if delivery.state == DeliveryState::Failed {
            let error = delivery.error.as_deref().unwrap_or_default();
            tracing::warn!(webhook.id = %delivery.webhook_id, delivery.id = %delivery.id, error, "a delivery to a webhook was given up");
        }
    }

    /// Looks again at a time, and not before it unless something happens.
    fn look_at(&mut self, at: Timestamp, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        // A clock that was set back makes no wait longer than this.
        let wait = at.since(Timestamp::now()).min(self.config.max_retry_delay.max(PAUSE));
        self.timer = Some(ctx.run_later(wait, Self::look));
    }

    fn tidy(&mut self, ctx: &mut Context<Self>) {
        let (store, config) = (self.store.clone(), self.config.clone());
        let tidying = async move {
            // A hub without webhooks writes nothing.
            if store.read(webhooks::are_there).await? {
                store.write(move |conn| tidy(conn, &config, Timestamp::now())).await
            } else {
                Ok((0, 0))
            }
        };
        ctx.spawn(tidying.into_actor(self).map(|tidied, courier, ctx| match tidied {
            Ok((given_up, waiting)) => {
                courier.metrics.webhooks_given_up(given_up);
                courier.metrics.webhooks_waiting(waiting);
                if given_up > 0 {
                    tracing::warn!(deliveries = given_up, "deliveries to webhooks that waited were given up");
                    courier.look(ctx);
                }
            }
            Err(error) => tracing::warn!(%error, "the deliveries to webhooks could not be tidied"),
        }));
    }
}

impl Actor for Courier {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (store, courier) = (self.store.clone(), ctx.address());
        ctx.spawn(
            async move {
                loop {
                    store.deliveries_left().await;
                    if courier.send(Look).await.is_err() {
                        return;
                    }
                }
            }
            .into_actor(self),
        );
        self.tidy(ctx);
        ctx.run_interval(TIDY_INTERVAL, Self::tidy);
        self.look(ctx);
    }
}

impl Handler<Look> for Courier {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Context<Self>) {
        self.look(ctx);
    }
}

impl Handler<TryWebhook> for Courier {
    type Result = ResponseActFuture<Self, Result<Delivery, WebhookError>>;

    fn handle(&mut self, TryWebhook(id): TryWebhook, _: &mut Context<Self>) -> Self::Result {
        if self.tries >= TRIES_MAX {
            return Box::pin(fut::ready(Err(WebhookError::Busy)));
        }
        self.tries += 1;
        let (store, caller) = (self.store.clone(), Rc::clone(&self.caller));
        let trying = async move { try_webhook(&store, &caller, id).await };
        Box::pin(trying.into_actor(self).map(|tried, courier, _| {
            courier.tries -= 1;
            tried
        }))
    }
}

/// What each webhook is to be told next, but for those that are being told something.
fn heads(conn: &mut Connection, busy: &[WebhookId]) -> Result<Vec<Head>, StoreError> {
    let mut heads = Vec::new();
    for webhook in webhooks::enabled(conn)?.into_iter().filter(|webhook| !busy.contains(&webhook.id)) {
        if let Some(delivery) = deliveries::first_pending(conn, &webhook.id)? {
            heads.push(Head { webhook, delivery });
        }
    }
    Ok(heads)
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

async fn try_webhook(store: &Store, caller: &Caller, id: WebhookId) -> Result<Delivery, WebhookError> {
    let webhook = store.read(move |conn| webhooks::find(conn, &id)).await?.ok_or(WebhookError::NotFound)?;
    let (id, now) = (DeliveryId::generate(), Timestamp::now());
    let data = serde_json::json!({ "webhookId": webhook.id, "name": webhook.name });
    let text = body(&id, TEST_EVENT, now, &json(&data));
    let delivery = Delivery::new(id, webhook.id.clone(), TEST_EVENT, text, now);
    let came = caller.call(&webhook, &delivery).await;
    let once = Patience { delay: PAUSE, max_delay: PAUSE, max_attempts: 1, max_age: PAUSE };
    let tried = judged(delivery, came, Timestamp::now(), once, 0.0);
    let row = tried.clone();
    store.write(move |conn| deliveries::insert(conn, &row)).await?;
    Ok(tried)
}

/// Gives up what waits for too long or beyond the bound and forgets what is old; answers how many were given up, and how
/// many wait.
fn tidy(conn: &mut Connection, config: &config::Webhooks, now: Timestamp) -> Result<(u64, u64), StoreError> {
    let rows = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let mut given_up = deliveries::give_up_old(conn, now.minus(config.max_age), now)?;
    for webhook in webhooks::all(conn)? {
        given_up += deliveries::give_up_beyond(conn, &webhook.id, rows(config.max_waiting), now)?;
        deliveries::prune(conn, &webhook.id, rows(config.keep), now.minus(config.keep_age))?;
    }
    let waiting = deliveries::pending(conn)?;
    Ok((given_up as u64, u64::try_from(waiting).unwrap_or_default()))
}

fn patience(config: &config::Webhooks) -> Patience {
    Patience {
        delay: config.retry_delay,
        max_delay: config.max_retry_delay,
        max_attempts: config.max_attempts.into(),
        max_age: config.max_age,
    }
}
