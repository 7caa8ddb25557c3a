//! The resources of the API, one file each.

use actix_web::web::ServiceConfig;

pub mod alarm_rules;
pub mod alarms;
pub mod audit;
pub mod auth;
pub mod claims;
pub mod commands;
pub mod events;
pub mod export;
pub mod health;
pub mod history;
pub mod metrics;
pub mod modules;
pub mod monitor;
pub mod profile;
pub mod retention;
mod schemas;
pub mod stats;
pub mod stops;
pub mod stream;
pub mod telemetry;
pub mod twin;
pub mod users;
pub mod webhooks;

pub use schemas::{ReadProblems, UserSummary, WriteProblems};

/// The routes under `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        // Routes are tried one after the other: those of devices and programs, which come all the time, first, and of those
        // the one that is a plain text.
        .configure(events::routes)
        .configure(telemetry::routes)
        .configure(auth::routes)
        .configure(profile::routes)
        .configure(users::routes)
        .configure(claims::routes)
        .configure(modules::routes)
        .configure(commands::routes)
        .configure(twin::routes)
        .configure(stops::routes)
        .configure(alarms::routes)
        .configure(alarm_rules::routes)
        .configure(export::routes)
        .configure(retention::routes)
        .configure(webhooks::routes)
        .configure(stats::routes)
        .configure(audit::routes)
        .configure(monitor::routes);
}
