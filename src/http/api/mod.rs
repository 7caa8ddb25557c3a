//! The resources of the API, one file each.

use actix_web::web::ServiceConfig;

pub mod events;
pub mod health;
pub mod metrics;
pub mod stats;

/// The routes under `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config.configure(events::routes).configure(stats::routes);
}
