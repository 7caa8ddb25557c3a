//! How a resource says which methods it has.

use actix_web::guard::{Guard, fn_guard};
use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, header};
use actix_web::web::{resource, to};
use actix_web::{HttpResponse, Resource, ResponseError, Route};

use super::problem::ApiError;

/// A resource with a route for each method; other methods are refused with 405 and the list of these.
///
/// What answers GET answers HEAD too (RFC 9110, 9.1); the server leaves the body out.
#[must_use]
pub fn methods<const N: usize>(path: &str, routes: [(Method, Route); N]) -> Resource {
    let allowed: Vec<&str> = routes.iter().flat_map(|(method, _)| names_of(method)).collect();
    let allowed = allowed.join(", ");
    let refuse = move || {
        let refusal = refusal(&allowed);
        async move { refusal }
    };
    let routes = routes.into_iter().map(|(method, route)| route.guard(by_method(method)));
    routes.fold(resource(path), Resource::route).default_service(to(refuse))
}

/// Lets a method through; guards of actix's own also note each method that was asked for, which a resource that refuses by
/// itself has no use for.
fn by_method(wanted: Method) -> impl Guard {
    fn_guard(move |request| {
        let method = &request.head().method;
        *method == wanted || (wanted == Method::GET && *method == Method::HEAD)
    })
}

fn names_of(method: &Method) -> impl Iterator<Item = &str> {
    let with_it = (*method == Method::GET).then_some("HEAD");
    [method.as_str()].into_iter().chain(with_it)
}

fn refusal(allowed: &str) -> HttpResponse {
    let problem = ApiError::new("method-not-allowed", 405, format!("this resource has only the methods {allowed}"));
    let mut answer = problem.error_response();
    if let Ok(value) = HeaderValue::from_str(allowed) {
        answer.headers_mut().insert(header::ALLOW, value);
    }
    answer
}
