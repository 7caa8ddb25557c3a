//! The pages and their files.

use crate::support::{Answer, TestHub};

#[actix::test]
async fn every_page_is_served_and_its_files_are_there() {
    let hub = TestHub::start().await;
    let get = async |path: &str| Answer::of(&hub.authority, "GET", path, &[], None).await;

    let pages = [
        "/",
        "/login",
        "/modules",
        "/modules/MC-1001-STN",
        "/alarms",
        "/stops",
        "/admin",
        "/retention",
        "/webhooks",
        "/account",
        "/setup",
    ];
    for page in pages {
        let answer = get(page).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")), "{page}");
    }
    let page = get("/").await.text;
    let files: Vec<_> = page.split('"').filter(|part| part.starts_with("/static/v-")).collect();
    assert!(files.len() > 3, "{page}");
    for file in files {
        let answer = get(file).await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(answer.header("cache-control").is_some_and(|kept| kept.contains("immutable")), "{file}");
    }
}

#[actix::test]
async fn files_are_sent_small_and_only_once() {
    let hub = TestHub::start().await;
    let get = async |headers: &[(&str, &str)]| Answer::of(&hub.authority, "GET", "/static/app.js", headers, None).await;

    let packed = get(&[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let tag = packed.header("etag").unwrap();

    assert_eq!(get(&[("if-none-match", tag)]).await.status, 304);
    assert_eq!(get(&[("if-none-match", "W/\"other\"")]).await.status, 200);
}

#[actix::test]
async fn the_page_to_try_the_api_needs_no_script_in_place() {
    let hub = TestHub::start().await;

    let docs = Answer::of(&hub.authority, "GET", "/docs", &[], None).await;

    assert_eq!(docs.status, 200);
    let policy = docs.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'self'") && !policy.contains("script-src"), "{policy}");
    for part in docs.text.split('"').filter(|part| part.ends_with(".css") || part.ends_with(".js")) {
        let answer = Answer::of(&hub.authority, "GET", part, &[], None).await;
        assert_eq!(answer.status, 200, "{part}");
    }
    let scripts: Vec<_> = docs.text.split("<script").skip(1).collect();
    assert!(!scripts.is_empty() && scripts.iter().all(|script| script.contains("src=\"/docs/")), "{}", docs.text);
}

#[actix::test]
async fn an_unknown_address_has_a_page_for_people_and_a_problem_for_programs() {
    let hub = TestHub::start().await;
    for path in ["/nothing", "/modules/MC-1/nothing", "/static/nothing.js", "/api/v1/nothing"] {
        for (accept, kind) in [("text/html,*/*;q=0.8", "text/html; charset=utf-8"), ("*/*", "application/problem+json")]
        {
            let answer = Answer::of(&hub.authority, "GET", path, &[("accept", accept)], None).await;
            assert_eq!((answer.status, answer.header("content-type")), (404, Some(kind)), "{path} {accept}");
        }
    }
}
