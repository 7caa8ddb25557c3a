//! What pages of other origins may do (CORS): those that are configured everything, others nothing.

use actix_cors::Cors;

/// How long a browser may remember the answer, in seconds.
const MAX_AGE: usize = 600;

/// Answers preflight requests and names the origins that may read answers.
pub fn cross_origin(allowed: &[String]) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
        .allow_any_header()
        .supports_credentials()
        .expose_headers(["retry-after", "x-request-id"])
        .max_age(MAX_AGE)
        // Same-origin pages send their origin too; whoever is not named simply gets no permission to read.
        .block_on_origin_mismatch(false);
    allowed.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
