//! Outside services that the hub calls: webhooks, told of alarms.
//!
//! What is told is written down with what happened, by [`enqueue`](crate::store::webhooks::enqueue); the [`Courier`] delivers
//! it. The [`Webhooks`] actor changes what people can change.

mod address;
mod attempt;
mod bounds;
mod caller;
mod courier;
mod course;
mod error;
mod health;
mod judgement;
mod look_up;
mod plan;
mod registry;
mod signature;
mod target;
#[cfg(test)]
mod testing;
mod trust;

pub use courier::{Courier, TryWebhook};
pub use error::WebhookError;
pub use registry::{
    ChangeWebhook, CreateWebhook, DeleteWebhook, FindWebhook, ListDeliveries, ListWebhooks, RotateSecret,
    WebhookChanges, Webhooks,
};
pub use target::{Target, TargetError};
pub use trust::{Trust, machine_trust};
