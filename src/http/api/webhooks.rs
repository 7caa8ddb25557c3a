//! `/api/v1/webhooks`: who outside is told of alarms, for admins.

use std::time::Duration;

use actix::Addr;
use actix_web::http::{Method, header};
use actix_web::web::{self, Data, ServiceConfig, to};
use actix_web::{HttpResponse, Responder};

use super::super::extract::{Json, Path, Query};
use super::super::paging::{Listed, PageQuery};
use super::super::problem::{ApiError, ApiResult};
use super::super::table::methods;
use super::audit::note;
use super::{ReadProblems, WriteProblems};
use crate::admin::Audit;
use crate::auth::Principal;
use crate::config;
use crate::connector::{
    ChangeWebhook, Courier, CreateWebhook, DeleteWebhook, FindWebhook, ListDeliveries, ListWebhooks, RotateSecret,
    Target, TryWebhook, WebhookChanges, WebhookError, Webhooks,
};
use crate::domain::audit::Action;
use crate::domain::grant::Permission;
use crate::domain::ids::WebhookId;
use crate::domain::problem::Faults;
use crate::domain::webhook::WebhookEvent;

mod views;

use views::{DeliveryQuery, DeliveryView, WebhookBody, WebhookPatch, WebhookSecret, WebhookView};

/// How long the actor may take; longer than the store's own time-outs.
const WEBHOOKS_TIMEOUT: Duration = Duration::from_secs(15);

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    let one =
        [(Method::GET, to(tell_webhook)), (Method::PATCH, to(change_webhook)), (Method::DELETE, to(delete_webhook))];
    config
        .service(methods("/webhooks", [(Method::GET, to(list_webhooks)), (Method::POST, to(create_webhook))]))
        .service(methods("/webhooks/{id}", one))
        .service(methods("/webhooks/{id}/rotate", [(Method::POST, to(rotate_secret))]))
        .service(methods("/webhooks/{id}/test", [(Method::POST, to(try_webhook))]))
        .service(methods("/webhooks/{id}/deliveries", [(Method::GET, to(list_deliveries))]));
}

/// Lists webhooks, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks",
    tag = "webhooks",
    params(PageQuery),
    responses((status = 200, description = "One page of the webhooks", body = Listed<WebhookView>), ReadProblems)
)]
pub async fn list_webhooks(
    caller: Principal,
    query: Query<PageQuery>,
    webhooks: Data<Addr<Webhooks>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::WebhooksManage)?;
    let page = query.0.check()?;
    let all = webhooks.send(ListWebhooks).timeout(WEBHOOKS_TIMEOUT).await??;
    let (total, skip) = (all.len() as u64, usize::try_from(page.offset()).unwrap_or(usize::MAX));
    let items = all.into_iter().skip(skip).take(page.size as usize).map(WebhookView::from).collect();
    Ok(web::Json(Listed::new(items, page, total)))
}

/// Makes a webhook; answers its secret, shown this once.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks",
    tag = "webhooks",
    request_body = WebhookBody,
    responses(
        (status = 201, description = "Made", body = WebhookSecret, headers(("location" = String, description = "Where it is"))),
        WriteProblems
    )
)]
pub async fn create_webhook(
    caller: Principal,
    body: Json<WebhookBody>,
    webhooks: Data<Addr<Webhooks>>,
    config: Data<config::Webhooks>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::WebhooksManage)?;
    let WebhookBody { name, url, events, enabled } = body.into_inner();
    let events = distinct(events.unwrap_or_else(|| WebhookEvent::ALL.to_vec()));
    check(Some(&url), Some(&events), &config)?;
    let new = CreateWebhook { by: caller.user_id.clone(), name, url, events, enabled: enabled.unwrap_or(true) };
    let webhook = webhooks.send(new).timeout(WEBHOOKS_TIMEOUT).await??;
    note(&audit, caller.deed(Action::WebhookCreate, subject(&webhook.id))).await;
    let location = format!("/api/v1/webhooks/{}", webhook.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(WebhookSecret::from(webhook)))
}

/// Tells a webhook.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/{id}",
    tag = "webhooks",
    params(("id" = String, Path, description = "Which webhook")),
    responses((status = 200, description = "The webhook", body = WebhookView), ReadProblems)
)]
pub async fn tell_webhook(
    caller: Principal,
    id: Path<WebhookId>,
    webhooks: Data<Addr<Webhooks>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::WebhooksManage)?;
    let webhook = webhooks.send(FindWebhook(id.0)).timeout(WEBHOOKS_TIMEOUT).await??;
    Ok(web::Json(WebhookView::from(webhook)))
}

/// Changes a webhook; what waits for it is tried at once.
#[utoipa::path(
    patch,
    path = "/api/v1/webhooks/{id}",
    tag = "webhooks",
    params(("id" = String, Path, description = "Which webhook")),
    request_body = WebhookPatch,
    responses((status = 200, description = "The webhook as it is now", body = WebhookView), WriteProblems)
)]
pub async fn change_webhook(
    caller: Principal,
    id: Path<WebhookId>,
    body: Json<WebhookPatch>,
    webhooks: Data<Addr<Webhooks>>,
    config: Data<config::Webhooks>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::WebhooksManage)?;
    let WebhookPatch { name, url, events, enabled } = body.into_inner();
    check(url.as_ref(), events.as_deref(), &config)?;
    let changes = WebhookChanges { name, url, events: events.map(distinct), enabled };
    let webhook = webhooks.send(ChangeWebhook { id: id.0, changes }).timeout(WEBHOOKS_TIMEOUT).await??;
    note(&audit, caller.deed(Action::WebhookUpdate, subject(&webhook.id))).await;
    Ok(web::Json(WebhookView::from(webhook)))
}

/// Removes a webhook with its deliveries; an attempt that is under way ends by itself.
#[utoipa::path(
    delete,
    path = "/api/v1/webhooks/{id}",
    tag = "webhooks",
    params(("id" = String, Path, description = "Which webhook")),
    responses((status = 204, description = "Removed"), ReadProblems)
)]
pub async fn delete_webhook(
    caller: Principal,
    id: Path<WebhookId>,
    webhooks: Data<Addr<Webhooks>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<HttpResponse> {
    caller.require(Permission::WebhooksManage)?;
    webhooks.send(DeleteWebhook(id.0.clone())).timeout(WEBHOOKS_TIMEOUT).await??;
    note(&audit, caller.deed(Action::WebhookDelete, subject(&id))).await;
    Ok(HttpResponse::NoContent().finish())
}

/// Gives a webhook a new secret, shown this once; the old one signs nothing more.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{id}/rotate",
    tag = "webhooks",
    params(("id" = String, Path, description = "Which webhook")),
    responses((status = 200, description = "The new secret", body = WebhookSecret), ReadProblems)
)]
pub async fn rotate_secret(
    caller: Principal,
    id: Path<WebhookId>,
    webhooks: Data<Addr<Webhooks>>,
    audit: Data<Addr<Audit>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::WebhooksManage)?;
    let webhook = webhooks.send(RotateSecret(id.0)).timeout(WEBHOOKS_TIMEOUT).await??;
    note(&audit, caller.deed(Action::WebhookUpdate, subject(&webhook.id))).await;
    Ok(web::Json(WebhookSecret::from(webhook)))
}

/// Tells a webhook `webhook.test` at once, beside what waits for it, also one that is not enabled; answers what came of it.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{id}/test",
    tag = "webhooks",
    params(("id" = String, Path, description = "Which webhook")),
    responses((status = 200, description = "What came of it", body = DeliveryView), ReadProblems)
)]
pub async fn try_webhook(
    caller: Principal,
    id: Path<WebhookId>,
    courier: Data<Addr<Courier>>,
    config: Data<config::Webhooks>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::WebhooksManage)?;
    let patience = config.timeout + WEBHOOKS_TIMEOUT;
    let delivery = courier.send(TryWebhook(id.0)).timeout(patience).await??;
    Ok(web::Json(DeliveryView::from(delivery)))
}

/// Lists what a webhook was told and what waits for it, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/{id}/deliveries",
    tag = "webhooks",
    params(("id" = String, Path, description = "Which webhook"), DeliveryQuery),
    responses((status = 200, description = "One page of the deliveries", body = Listed<DeliveryView>), ReadProblems)
)]
pub async fn list_deliveries(
    caller: Principal,
    id: Path<WebhookId>,
    query: Query<DeliveryQuery>,
    webhooks: Data<Addr<Webhooks>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::WebhooksManage)?;
    let Query(DeliveryQuery { page, per_page, state }) = query;
    let page = PageQuery { page, per_page }.check()?;
    let skip = i64::try_from(page.offset()).unwrap_or(i64::MAX);
    let asked = ListDeliveries { webhook: id.0, state, skip, limit: page.size.into() };
    let (found, total) = webhooks.send(asked).timeout(WEBHOOKS_TIMEOUT).await??;
    let items = found.into_iter().map(DeliveryView::from).collect();
    Ok(web::Json(Listed::new(items, page, u64::try_from(total).unwrap_or_default())))
}

fn subject(id: &WebhookId) -> String {
    format!("webhook:{id}")
}

/// As roles of an account, an event that is named twice counts once.
fn distinct(mut events: Vec<WebhookEvent>) -> Vec<WebhookEvent> {
    events.sort_unstable();
    events.dedup();
    events
}

fn check(url: Option<&Target>, events: Option<&[WebhookEvent]>, config: &config::Webhooks) -> ApiResult<()> {
    let mut faults = Faults::default();
    if let Some(Err(error)) = url.filter(|_| !config.allow_private).map(Target::check_public) {
        faults.add("/url", error.to_string());
    }
    if events.is_some_and(<[_]>::is_empty) {
        faults.add("/events", "must name at least one event");
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(faults.into_problem("invalid-fields", 422, "some fields are not as they must be").into())
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        match &error {
            WebhookError::NotFound => super::super::extract::not_found(),
            WebhookError::TooMany => Self::new("too-many-webhooks", 409, error.to_string()),
            WebhookError::Busy => Self::new("busy", 429, error.to_string()).retry_after(5),
            WebhookError::Store(cause) => {
                tracing::error!(error = %cause, "webhooks could not be read or changed");
                Self::unavailable()
            }
        }
    }
}
