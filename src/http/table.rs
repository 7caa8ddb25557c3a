//! How a resource says which methods it has.

use actix_web::http::{Method, header};
use actix_web::web::resource;
use actix_web::{HttpResponse, Resource, ResponseError, Route};

use super::problem::ApiError;

/// A resource with a route for each method; other methods are refused with 405 and the list of these.
#[must_use]
pub fn methods<const N: usize>(path: &str, routes: [(Method, Route); N]) -> Resource {
    let allowed = routes.iter().map(|(method, _)| method.as_str()).collect::<Vec<_>>().join(", ");
    let refuse = move || {
        let allowed = allowed.clone();
        async move { refusal(&allowed) }
    };
    let resource =
        routes.into_iter().fold(resource(path), |resource, (method, route)| resource.route(route.method(method)));
    resource.default_service(actix_web::web::to(refuse))
}

fn refusal(allowed: &str) -> HttpResponse {
    let problem = ApiError::new("method-not-allowed", 405, format!("this resource has only the methods {allowed}"));
    let mut answer = problem.error_response();
    if let Ok(value) = header::HeaderValue::from_str(allowed) {
        answer.headers_mut().insert(header::ALLOW, value);
    }
    answer
}
