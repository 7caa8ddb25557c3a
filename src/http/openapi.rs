//! `/openapi.json` and `/docs`: the API as the handlers' own types describe it, with a page to try it.

use std::sync::Arc;

use actix_web::http::{Method, header};
use actix_web::web::{Data, Path, ServiceConfig, to};
use actix_web::{HttpResponse, Responder};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::Config;

use super::api;
use super::extract::not_found;
use super::middleware::DOCS_POLICY;
use super::problem::ApiResult;
use super::table::methods;

/// The API's description.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Carillon",
        description = "A realtime event hub. Log in at `/api/v1/auth/login`, then send the access token as `Bearer`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        api::auth::log_in,
        api::auth::refresh,
        api::auth::log_out,
        api::auth::make_ticket,
        api::auth::set_up,
        api::profile::tell_profile,
        api::profile::change_profile,
        api::profile::change_password,
        api::users::list_users,
        api::users::create_user,
        api::users::tell_user,
        api::users::change_user,
        api::users::delete_user,
        api::modules::list_modules,
        api::modules::list_types,
        api::modules::create_module,
        api::modules::tell_module,
        api::modules::change_module,
        api::modules::delete_module,
        api::modules::rotate_credential,
        api::claims::issue_code,
        api::claims::revoke_code,
        api::claims::claim_module,
        api::commands::send_command,
        api::commands::list_commands,
        api::twin::read_twin,
        api::twin::change_desired,
        api::twin::report_state,
        api::stops::make_stop,
        api::stops::clear_stop,
        api::stops::list_stops,
        api::stops::list_stop_modules,
        api::alarm_rules::list_rules,
        api::alarm_rules::create_rule,
        api::alarm_rules::tell_rule,
        api::alarm_rules::change_rule,
        api::alarm_rules::delete_rule,
        api::alarms::list_alarms,
        api::alarms::tell_alarm,
        api::alarms::acknowledge_alarm,
        api::alarms::clear_alarm,
        api::telemetry::report_telemetry,
        api::history::read_history,
        api::export::export_history,
        api::retention::tell_retention,
        api::retention::set_retention,
        api::retention::preview_retention,
        api::webhooks::list_webhooks,
        api::webhooks::create_webhook,
        api::webhooks::tell_webhook,
        api::webhooks::change_webhook,
        api::webhooks::delete_webhook,
        api::webhooks::rotate_secret,
        api::webhooks::try_webhook,
        api::webhooks::list_deliveries,
        api::events::publish_event,
        api::stream::listen_to_events,
        api::stats::read_stats,
        api::audit::list_deeds,
        api::monitor::read_monitor,
        api::metrics::tell_metrics,
        api::health::tell_live,
        api::health::tell_ready,
    ),
    security(("bearer" = []), ("session" = [])),
    modifiers(&Credentials),
)]
pub struct Description;

/// How a caller shows who they are.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An access or module token"));
        let session = ApiKeyValue::with_description("carillon_session", "The cookie of a login in a browser");
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    }
}

/// The routes of this file, outside the API's prefix.
pub fn routes(config: &mut ServiceConfig) {
    let page = Config::from("/openapi.json").try_it_out_enabled(true).validator_url("none");
    config
        .app_data(Data::new(Description::openapi()))
        .app_data(Data::new(Arc::new(page)))
        .service(methods("/openapi.json", [(Method::GET, to(send_description))]))
        .service(methods("/docs", [(Method::GET, to(send_page))]))
        .service(methods("/docs/{file:.*}", [(Method::GET, to(send_part))]));
}

async fn send_description(description: Data<utoipa::openapi::OpenApi>) -> impl Responder {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-cache")).json(&**description)
}

async fn send_page(page: Data<Arc<Config<'static>>>) -> ApiResult<HttpResponse> {
    docs_file("index.html", &page)
}

async fn send_part(file: Path<String>, page: Data<Arc<Config<'static>>>) -> ApiResult<HttpResponse> {
    docs_file(if file.is_empty() { "index.html" } else { &file }, &page)
}

fn docs_file(name: &str, page: &Data<Arc<Config<'static>>>) -> ApiResult<HttpResponse> {
    let found = utoipa_swagger_ui::serve(name, Arc::clone(page)).ok().flatten().ok_or_else(not_found)?;
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(found.content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, DOCS_POLICY))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    if name != "index.html" {
        return Ok(answer.body(found.bytes.into_owned()));
    }
    // The page names its parts beside itself; `/docs` without a slash would look for them at the root.
    let text = String::from_utf8_lossy(&found.bytes).replace("\"./", "\"");
    let text = text.replace("href=\"", "href=\"/docs/").replace("src=\"", "src=\"/docs/");
    Ok(answer.body(text))
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::test::{TestRequest, call_and_read_body, init_service};

    use super::*;

    #[actix_web::test]
    async fn the_page_and_its_parts_are_there() {
        let app = init_service(App::new().configure(routes)).await;
        let page = call_and_read_body(&app, TestRequest::get().uri("/docs").to_request()).await;
        let page = String::from_utf8_lossy(&page).into_owned();
        let parts: Vec<_> = page.split('"').filter(|part| part.starts_with("/docs/")).collect();
        assert!(parts.len() >= 6, "{page}");
        assert!(!page.contains("<script>"), "{page}");
        for part in parts {
            let body = call_and_read_body(&app, TestRequest::get().uri(part).to_request()).await;
            assert!(!body.is_empty(), "{part}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let description = serde_json::to_value(Description::openapi()).unwrap();
        let text = description.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(description.pointer(reference).is_some(), "{reference}");
        }
        assert!(text.contains("/components/schemas/Problem"));
    }

    #[test]
    fn the_description_names_how_to_log_in() {
        let description = serde_json::to_value(Description::openapi()).unwrap();
        assert_eq!(description["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
        assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
