//! The actor that delivers to webhooks: in order for each module, all beside each other, until the target has it or it is given
//! up.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use actix::prelude::*;

use super::attempt::{PAUSE, attempt, patience, try_webhook};
use super::bounds::{Tidied, tidy};
use super::caller::Caller;
use super::course::Course;
use super::error::WebhookError;
use super::judgement::Verdict;
use super::plan::{Places, Plan};
use crate::config;
use crate::domain::ids::WebhookId;
use crate::domain::time::Timestamp;
use crate::observe::Metrics;
use crate::store::deliveries::{self, Delivery, DeliveryState};
use crate::store::webhooks::{self, Webhook};
use crate::store::{Connection, Store, StoreError};

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
/// Invariant: of what a webhook is told of one module one is under way at a time, the oldest first; whatever came of it is in
/// the database before the next begins. So a delivery may come twice after a crash, but none is left out.
pub struct Courier {
    store: Store,
    caller: Rc<Caller>,
    config: config::Webhooks,
    metrics: Metrics,
    courses: HashMap<WebhookId, Course>,
    is_looking: bool,
    /// Something has changed since it was looked.
    is_dirty: bool,
    timer: Option<SpawnHandle>,
    tries: usize,
}

/// What a look into the database has shown.
struct Seen {
    /// Who is told, and when each was last changed.
    told: Vec<(WebhookId, Timestamp)>,
    begin: Vec<(Webhook, Delivery)>,
    next: Option<Timestamp>,
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
            courses: HashMap::new(),
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
        let places = Places { all: self.config.max_at_once, each: self.config.max_at_once_each };
        let (store, courses) = (self.store.clone(), self.courses.clone());
        let looking = async move { store.read(move |conn| look(conn, courses, places)).await };
        ctx.spawn(looking.into_actor(self).map(|seen, courier, ctx| {
            courier.is_looking = false;
            match seen {
                Ok(seen) => courier.begin(seen, ctx),
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
    fn begin(&mut self, Seen { told, begin, next }: Seen, ctx: &mut Context<Self>) {
        let known: HashSet<_> = told.iter().map(|(id, _)| id).collect();
        self.courses.retain(|id, course| known.contains(id) || !course.busy.is_empty());
        for (id, version) in told {
            self.courses.entry(id).or_default().meet(version);
        }
        for (webhook, delivery) in begin {
            self.deliver(webhook, delivery, ctx);
        }
        if let Some(next) = next {
            self.look_at(next, ctx);
        }
    }

    fn deliver(&mut self, webhook: Webhook, delivery: Delivery, ctx: &mut Context<Self>) {
        let course = self.courses.entry(webhook.id.clone()).or_default();
        course.busy.insert(delivery.module_id.clone(), delivery.attempts > 0);
        course.last.clone_from(&delivery.module_id);
        let (store, caller, patience) = (self.store.clone(), Rc::clone(&self.caller), patience(&self.config));
        let delivering = async move { attempt(&store, &caller, &webhook, delivery, patience).await };
        ctx.spawn(delivering.into_actor(self).map(|(delivery, verdict), courier, ctx| {
            courier.tell(&delivery);
            if let Some(course) = courier.courses.get_mut(&delivery.webhook_id) {
                course.busy.remove(&delivery.module_id);
            }
            courier.learn(delivery, verdict, ctx);
            courier.look(ctx);
        }));
    }

    /// Takes note of how the target does; when it is back, what waited for that need not wait longer.
    fn learn(&mut self, delivery: Delivery, verdict: Verdict, ctx: &mut Context<Self>) {
        let Some(course) = self.courses.get_mut(&delivery.webhook_id) else { return };
        let (id, was_down) = (delivery.webhook_id, course.health.is_down());
        let (now, patience) = (Timestamp::now(), patience(&self.config));
        let is_back = course.health.note(delivery.module_id, verdict, now, patience, rand::random());
        if course.health.is_down() && !was_down {
            tracing::warn!(webhook.id = %id, "the target of a webhook is down; it is tried now and then");
        }
        if is_back {
            tracing::info!(webhook.id = %id, "the target of a webhook is back");
            let store = self.store.clone();
            let hastening = async move { store.write(move |conn| deliveries::hasten(conn, &id, now)).await };
            ctx.spawn(hastening.into_actor(self).map(|hastened, courier, ctx| match hastened {
                Ok(()) => courier.look(ctx),
                Err(error) => tracing::warn!(%error, "deliveries to a webhook wait longer than they need"),
            }));
        }
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
                Ok(Tidied::default())
            }
        };
        ctx.spawn(tidying.into_actor(self).map(|tidied, courier, ctx| match tidied {
            Ok(tidied) => courier.tell_tidied(tidied, ctx),
            Err(error) => tracing::warn!(%error, "the deliveries to webhooks could not be tidied"),
        }));
    }

    fn tell_tidied(&mut self, Tidied { too_old, dropped, waiting }: Tidied, ctx: &mut Context<Self>) {
        self.metrics.webhooks_given_up(too_old);
        self.metrics.webhooks_dropped(dropped);
        self.metrics.webhooks_waiting(waiting);
        if too_old + dropped > 0 {
            tracing::warn!(too_old, dropped, "deliveries to webhooks that waited were given up");
            self.look(ctx);
        }
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

/// Sees what each webhook is to be told next, and chooses of that.
fn look(conn: &mut Connection, mut courses: HashMap<WebhookId, Course>, places: Places) -> Result<Seen, StoreError> {
    let (enabled, now) = (webhooks::enabled(conn)?, Timestamp::now());
    let mut lines = Vec::with_capacity(enabled.len());
    for webhook in &enabled {
        let course = courses.entry(webhook.id.clone()).or_default();
        course.meet(webhook.updated_at);
        // What can be told nothing now may have much waiting: that need not be read.
        let may_be_told = course.has_place(now, places.each);
        let heads = if may_be_told { deliveries::heads(conn, &webhook.id)? } else { Vec::new() };
        lines.push((webhook.id.clone(), heads));
    }
    let Plan { begin: chosen, next } = Plan::of(&lines, &courses, now, places);
    let mut begin = Vec::with_capacity(chosen.len());
    for (webhook, id) in chosen {
        let webhook = enabled.iter().find(|known| known.id == webhook).cloned();
        // It may have been given up, or removed, since.
        let delivery = deliveries::find_pending(conn, &id)?;
        begin.extend(webhook.zip(delivery));
    }
    Ok(Seen { told: enabled.into_iter().map(|webhook| (webhook.id, webhook.updated_at)).collect(), begin, next })
}
