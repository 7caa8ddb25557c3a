//! Webhooks: who outside is told of alarms, and in which words.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::ids::DeliveryId;
use super::text::wrapped_text;
use super::time::Timestamp;

/// The longest name, in characters.
pub const WEBHOOK_NAME_MAX: usize = 100;

/// What a delivery that was only asked for to try a webhook says that it tells of.
pub const TEST_EVENT: &str = "webhook.test";

/// What a webhook can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub enum WebhookEvent {
    /// The condition of a rule holds, as in `rt_alarm_raised`.
    #[serde(rename = "alarm.raised")]
    AlarmRaised,
    /// Somebody has seen it, as in `rt_alarm_acknowledged`.
    #[serde(rename = "alarm.acknowledged")]
    AlarmAcknowledged,
    /// It is over, as in `rt_alarm_cleared`.
    #[serde(rename = "alarm.cleared")]
    AlarmCleared,
}

impl WebhookEvent {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AlarmRaised, Self::AlarmAcknowledged, Self::AlarmCleared];

    /// The name it goes by outside.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AlarmRaised => "alarm.raised",
            Self::AlarmAcknowledged => "alarm.acknowledged",
            Self::AlarmCleared => "alarm.cleared",
        }
    }
}

/// What people call a webhook: 1 to 100 characters, no control characters; spaces around it go.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookName(Arc<str>);

/// A text that is no name of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a webhook's name has 1 to {WEBHOOK_NAME_MAX} characters, none of them a control character")]
pub struct WebhookNameError;

impl std::str::FromStr for WebhookName {
    type Err = WebhookNameError;

    fn from_str(text: &str) -> Result<Self, WebhookNameError> {
        let text = text.trim();
        let fits = (1..=WEBHOOK_NAME_MAX).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) { Ok(Self(text.into())) } else { Err(WebhookNameError) }
    }
}

wrapped_text!(WebhookName);

/// What is sent: `{"id", "event", "ts", "data"}`.
#[must_use]
pub fn body(id: &DeliveryId, event: &str, ts: Timestamp, data: &RawValue) -> String {
    #[derive(Serialize)]
    struct Body<'a> {
        id: &'a DeliveryId,
        event: &'a str,
        ts: Timestamp,
        data: &'a RawValue,
    }
    // Texts and a value that is JSON already: writing them cannot fail.
    serde_json::to_string(&Body { id, event, ts, data }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::json;

    #[test]
    fn events_go_by_their_names() {
        for event in WebhookEvent::ALL {
            assert_eq!(serde_json::to_string(&event).unwrap(), format!("\"{}\"", event.name()));
        }
    }

    #[test]
    fn a_body_is_json_that_names_its_delivery() {
        let id: DeliveryId = "d1".parse().unwrap();
        let body = body(&id, "alarm.raised", Timestamp::from_millis(0), &json(&["x"]));
        assert_eq!(body, r#"{"id":"d1","event":"alarm.raised","ts":"1970-01-01T00:00:00.000Z","data":["x"]}"#);
    }

    #[test]
    fn names_follow_their_rule() {
        assert_eq!(" Ops ".parse::<WebhookName>().unwrap().as_str(), "Ops");
        for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(bad.parse::<WebhookName>().is_err(), "{bad}");
        }
    }
}
