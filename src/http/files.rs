//! The pages: static files, embedded in the binary.
//!
//! `index.html` is served for every page and names its files under `/static/v-<version>/`, where they may be kept for
//! ever; the version changes with any file. The same files under `/static/` are asked for anew each time, by ETag.

use std::borrow::Cow;
use std::sync::OnceLock;

use actix_web::http::Method;
use actix_web::http::header::{self, Accept, CacheDirective, EntityTag, Header};
use actix_web::mime::Mime;
use actix_web::web::{Bytes, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};

use super::extract::not_found;
use super::problem::ApiResult;
use super::table::methods;

/// The addresses at which the one page is served; it routes by itself.
const PAGES: [&str; 12] = [
    "/",
    "/login",
    "/modules",
    "/modules/{id}",
    "/alarms",
    "/stops",
    "/admin",
    "/retention",
    "/webhooks",
    "/account",
    "/setup",
    "/client",
];
const HTML: &str = "text/html; charset=utf-8";
/// How long a versioned file may be kept, in seconds: a year.
const FOR_EVER: u32 = 31_536_000;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The routes of this file, outside the API's prefix.
pub fn routes(config: &mut ServiceConfig) {
    for page in PAGES {
        config.service(methods(page, [(Method::GET, to(send_page))]));
    }
    config.service(methods("/static/{path:.+}", [(Method::GET, to(send_file))]));
    config.service(methods("/favicon.ico", [(Method::GET, to(send_icon))]));
}

async fn send_page(request: HttpRequest) -> ApiResult<HttpResponse> {
    let tag = EntityTag::new_weak(version());
    if is_known(&request, &tag) {
        return Ok(HttpResponse::NotModified().insert_header(header::ETag(tag)).finish());
    }
    Ok(revalidated(tag).content_type(HTML).body(page()?))
}

/// Says that there is nothing at an address: to a person by the page, which then shows the way home, else by a problem.
///
/// # Errors
/// 404, for whoever does not ask for a page.
pub async fn send_lost(request: HttpRequest) -> ApiResult<HttpResponse> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read || !prefers_page(&request) {
        return Err(not_found());
    }
    let mut answer = HttpResponse::NotFound();
    answer.insert_header(header::CacheControl(vec![CacheDirective::NoStore])).insert_header((header::VARY, "accept"));
    Ok(answer.content_type(HTML).body(page()?))
}

/// Whether somebody names HTML, and would not rather have what programs read; `*/*` names nothing.
fn prefers_page(request: &HttpRequest) -> bool {
    let ranked = Accept::parse(request).map(|accept| accept.ranked()).unwrap_or_default();
    let named = ranked.iter().map(Mime::essence_str).find(|name| *name == "text/html" || name.ends_with("json"));
    named == Some("text/html")
}

/// The one page, with the names of its files as they are now.
fn page() -> ApiResult<String> {
    let file = Files::get("index.html").ok_or_else(not_found)?;
    Ok(String::from_utf8_lossy(&file.data).replace("\"/static/", &format!("\"/static/v-{}/", version())))
}

async fn send_file(request: HttpRequest) -> ApiResult<HttpResponse> {
    let path = request.match_info().query("path");
    let versioned = path.strip_prefix("v-").and_then(|rest| rest.split_once('/'));
    let (wanted, path) = versioned.map_or((None, path), |(wanted, path)| (Some(wanted), path));
    let Some(file) = Files::get(path).filter(|_| path != "index.html") else { return send_lost(request).await };
    let is_current = wanted.is_some_and(|wanted| wanted == version());
    Ok(answer(&request, file, is_current))
}

async fn send_icon(request: HttpRequest) -> ApiResult<HttpResponse> {
    let file = Files::get("favicon.svg").ok_or_else(not_found)?;
    Ok(answer(&request, file, false))
}

fn answer(request: &HttpRequest, file: EmbeddedFile, is_current: bool) -> HttpResponse {
    let tag = EntityTag::new_weak(hex(&file.metadata.sha256_hash()[..12]));
    if is_known(request, &tag) {
        return HttpResponse::NotModified().insert_header(header::ETag(tag)).finish();
    }
    let mut answer = revalidated(tag);
    if is_current {
        let kept = [CacheDirective::Public, CacheDirective::MaxAge(FOR_EVER), immutable()];
        answer.insert_header(header::CacheControl(kept.into()));
    }
    answer.content_type(content_type(file.metadata.mimetype())).body(into_bytes(file.data))
}

fn immutable() -> CacheDirective {
    CacheDirective::Extension("immutable".to_owned(), None)
}

fn revalidated(tag: EntityTag) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer.insert_header(header::CacheControl(vec![CacheDirective::NoCache])).insert_header(header::ETag(tag));
    answer
}

/// Whether the caller has the file already; encodings do not matter, so tags are compared weakly.
fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    use actix_web::http::header::IfNoneMatch;
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => request.headers().contains_key(header::IF_NONE_MATCH),
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}

fn content_type(guessed: &str) -> String {
    let is_text = guessed.starts_with("text/") || matches!(guessed, "application/json" | "image/svg+xml");
    if is_text { format!("{guessed}; charset=utf-8") } else { guessed.to_owned() }
}

fn into_bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    }
}

/// A name for the state of all files together.
fn version() -> String {
    static VERSION: OnceLock<String> = OnceLock::new();
    // A debug build reads the files from the disk, where they change.
    if cfg!(debug_assertions) { hash_all() } else { VERSION.get_or_init(hash_all).clone() }
}

fn hash_all() -> String {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort_unstable();
    let hash = names.iter().fold(Sha256::new(), |hash, name| {
        let content = Files::get(name).map(|file| file.metadata.sha256_hash()).unwrap_or_default();
        hash.chain_update(name.as_bytes()).chain_update(content)
    });
    hex(&hash.finalize()[..6])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, ResponseError};

    use super::*;

    async fn get_with(path: &str, tag: Option<&str>) -> (StatusCode, header::HeaderMap, String) {
        let app = init_service(App::new().configure(routes)).await;
        let mut request = TestRequest::get().uri(path);
        if let Some(tag) = tag {
            request = request.insert_header((header::IF_NONE_MATCH, tag));
        }
        let answer = call_service(&app, request.to_request()).await;
        let (status, headers) = (answer.status(), answer.headers().clone());
        (status, headers, String::from_utf8_lossy(&read_body(answer).await).into_owned())
    }

    fn text<'a>(headers: &'a header::HeaderMap, name: &str) -> &'a str {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[actix_web::test]
    async fn the_page_names_versioned_files_that_may_be_kept() {
        let (status, headers, page) = get_with("/modules/MC-1001-STN", None).await;
        assert_eq!((status, text(&headers, "cache-control")), (StatusCode::OK, "no-cache"));
        let script = page.split('"').find(|part| part.ends_with("/app.js")).unwrap();

        let (status, headers, _) = get_with(script, None).await;

        assert_eq!(status, StatusCode::OK);
        assert_eq!(text(&headers, "cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(text(&headers, "content-type"), "text/javascript; charset=utf-8");
    }

    #[actix_web::test]
    async fn a_file_that_is_known_is_not_sent_again() {
        let (_, headers, _) = get_with("/static/app.js", None).await;
        assert_eq!(text(&headers, "cache-control"), "no-cache");

        let (status, _, body) = get_with("/static/app.js", Some(text(&headers, "etag"))).await;

        assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    }

    #[actix_web::test]
    async fn an_unknown_address_is_told_to_people_by_the_page_and_to_programs_by_a_problem() {
        let chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for (method, accept, is_page) in [
            (Method::GET, chromium, true),
            (Method::HEAD, "text/html; charset=utf-8", true),
            (Method::POST, chromium, false),
            (Method::GET, "*/*", false),
            (Method::GET, "", false),
            (Method::GET, "text/html;q=0.5, application/problem+json", false),
            (Method::GET, "application/json, text/html;q=0.9", false),
            (Method::GET, "no type at all", false),
        ] {
            let request = TestRequest::get().method(method).uri("/nothing").insert_header((header::ACCEPT, accept));
            let told = send_lost(request.to_http_request()).await;

            assert_eq!(told.is_ok(), is_page, "{accept}");
            let answer = told.unwrap_or_else(|error| error.error_response());
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{accept}");
        }
    }

    #[actix_web::test]
    async fn nothing_else_is_served() {
        for path in
            ["/static/nothing.js", "/static/../Cargo.toml", "/static/v-0/index.html", "/static/%2e%2e/Cargo.toml"]
        {
            assert_eq!(get_with(path, None).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }
}
