//! What is served outside the API's prefix: health, figures, description, pages.

use actix_web::web::ServiceConfig;

use super::{api, files, openapi};

/// The routes outside `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .configure(api::health::routes)
        .configure(api::metrics::routes)
        .configure(openapi::routes)
        .configure(files::routes);
}
