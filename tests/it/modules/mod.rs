//! Modules: their registry, their presence, and the doors by which they report.

mod bad_days;
mod goodbye;
mod link;
mod presence;
mod registry;
mod telemetry;
mod transfer;

use serde_json::Value;

use crate::support::{Answer, TestHub};

/// Posts readings of a module.
async fn push(hub: &TestHub, id: &str, token: &str, readings: Value) -> Answer {
    push_as(hub, id, token, "application/json", &readings.to_string()).await
}

/// Posts a body of any kind as a module.
async fn push_as(hub: &TestHub, id: &str, token: &str, kind: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
    let path = format!("/api/v1/modules/{id}/telemetry");
    Answer::raw(&hub.authority, "POST", &path, &headers, Some(body.as_bytes())).await
}
