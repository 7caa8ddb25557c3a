//! `/api/v1/events`: custom events of other programs, and the stream of all that happens.

use std::time::Duration;

use actix::Recipient;
use actix_web::http::Method;
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpResponse, Responder};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::extract::Json;
use super::super::problem::{ApiError, ApiResult};
use super::super::table::methods;
use super::stream::listen_to_events;
use crate::auth::Principal;
use crate::broker::Publish;
use crate::domain::event::{Delivery, EventName, EventNameError, NewEvent};
use crate::domain::grant::Permission;
use crate::domain::problem::{Faults, Problem};
use crate::domain::time::Timestamp;
use crate::domain::topic::{Channel, Topic};

/// How long publishing may take.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest payload, in bytes.
const DATA_MAX: usize = 64 * 1024;
/// What the hub's own events begin with.
const OWN: [&str; 8] = [
    "rt_module_",
    "rt_user_",
    "rt_telemetry_",
    "rt_global_",
    "rt_twin_",
    "rt_command_",
    "rt_alarm_",
    "rt_emergency_stop_",
];

/// The routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config.service(methods("/events", [(Method::GET, to(listen_to_events)), (Method::POST, to(publish_event))]));
}

/// An event to publish.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomEvent {
    /// `rt_` and a name of your own in `a-z 0-9 _`.
    #[schema(value_type = String, pattern = "^rt_(?!module_|user_|telemetry_|global_|twin_|command_|alarm_|emergency_stop_)[a-z0-9_]{1,61}$", example = "rt_weather_changed")]
    event: String,
    /// `custom:<name>`, `dashboard`, `admin`, `user:<id>` or `module:<moduleId>`.
    #[schema(value_type = String, pattern = "^(dashboard|admin|custom:[A-Za-z0-9._:-]{1,64}|user:[A-Za-z0-9-]{1,64}|module:[A-Za-z0-9][A-Za-z0-9._-]{0,63})$", example = "custom:weather")]
    topic: String,
    /// A JSON object up to 64 KiB.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
}

/// Where an event stands in the order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Published {
    /// Its place; later events have larger ones, not always the next.
    offset: u64,
}

/// Publishes a custom event; every subscriber of the topic gets it.
#[utoipa::path(
    post,
    path = "/api/v1/events",
    tag = "events",
    request_body = CustomEvent,
    responses(
        (status = 202, description = "Published", body = Published),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too much waits", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn publish_event(
    caller: Principal,
    body: Json<CustomEvent>,
    broker: Data<Recipient<Publish>>,
) -> ApiResult<impl Responder> {
    caller.require(Permission::EventsPublish)?;
    let event = body.into_inner().check()?;
    let offset = broker.send(Publish(event)).timeout(PUBLISH_TIMEOUT).await?.map_err(|error| {
        tracing::error!(%error, "a custom event was not published");
        ApiError::unavailable()
    })?;
    Ok(HttpResponse::Accepted().json(Published { offset }))
}

impl CustomEvent {
    fn check(self) -> Result<NewEvent, Problem> {
        let mut faults = Faults::default();
        let name = faults.take("/event", name_of(&self.event));
        let topic = self.topic.parse::<Topic>().map_err(|error| error.to_string());
        let channel = faults.take("/topic", topic.and_then(channel_of));
        if !self.data.get().starts_with('{') {
            faults.add("/data", "the payload must be a JSON object");
        }
        if self.data.get().len() > DATA_MAX {
            faults.add("/data", "the payload is longer than 64 KiB");
        }
        match (name, channel) {
            (Some(name), Some(channel)) if faults.is_empty() => {
                let (delivery, audience) = (Delivery::Each, vec![channel]);
                Ok(NewEvent { name, delivery, audience, data: self.data, at: Timestamp::now() })
            }
            _ => Err(faults.into_problem("invalid-fields", 422, "some fields are not as they must be")),
        }
    }
}

fn name_of(text: &str) -> Result<EventName, String> {
    let name: EventName = text.parse().map_err(|error: EventNameError| error.to_string())?;
    let is_own = OWN.iter().any(|own| name.as_str().starts_with(own));
    if is_own { Err("the hub's own events cannot be published by others".to_owned()) } else { Ok(name) }
}

fn channel_of(topic: Topic) -> Result<Channel, String> {
    match topic {
        Topic::Custom(name) => Ok(Channel::Custom(name)),
        Topic::Dashboard => Ok(Channel::Dashboard),
        Topic::Admin => Ok(Channel::Admin),
        Topic::User(id) => Ok(Channel::User(id)),
        Topic::Module(id) => Ok(Channel::Module(id)),
        Topic::Alarms => Err("`alarms` tells of modules; use `admin` or a custom topic".into()),
        Topic::Tap(_) => Err("a tap only listens; publish to the topic itself".into()),
        Topic::Modules => Err("`modules` means other modules for everybody; use `dashboard` or a custom topic".into()),
    }
}
