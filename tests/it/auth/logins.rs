//! Logging in and out, tokens, cookies, passwords.

use serde_json::json;

use crate::support::{ADMIN, Account, Answer, PASSWORD, TestHub};

const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh";
const ME: &str = "/api/v1/auth/me";

async fn log_in(hub: &TestHub, email: &str, password: &str) -> Answer {
    Answer::of(&hub.authority, "POST", LOGIN, &[], Some(json!({"email": email, "password": password}))).await
}

async fn refresh(hub: &TestHub, token: &str) -> Answer {
    Answer::of(&hub.authority, "POST", REFRESH, &[], Some(json!({"refreshToken": token}))).await
}

fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a login sets a cookie").to_owned()
}

#[actix::test]
async fn a_login_answers_tokens_a_person_and_a_guarded_cookie() {
    let hub = TestHub::start().await;

    let answer = log_in(&hub, " Admin@Example.org", PASSWORD).await;

    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let body = answer.json();
    assert_eq!(body["expiresIn"], 900);
    assert_eq!((&body["user"]["email"], &body["user"]["isAdmin"]), (&json!(ADMIN), &json!(true)));
    assert_eq!(body["user"]["roles"], json!(["admin"]));
    assert_eq!(body["user"].as_object().map(serde_json::Map::len), Some(5));
    let cookie = answer.header("set-cookie").unwrap();
    for part in ["carillon_session=", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    assert_eq!(Account::new(&hub.authority, body).get(ME).await.json()["email"], ADMIN);
}

#[actix::test]
async fn wrong_addresses_and_passwords_get_one_answer() {
    let hub = TestHub::start().await;
    let wrong = log_in(&hub, ADMIN, "wrong").await;
    assert_eq!((wrong.status, wrong.header("content-type")), (401, Some("application/problem+json")));
    for (email, password) in [("nobody@example.org", PASSWORD), ("no address", PASSWORD), (ADMIN, &*"x".repeat(5000))] {
        assert_eq!(log_in(&hub, email, password).await.text, wrong.text, "{email}");
    }
}

#[actix::test]
async fn a_cookie_reads_from_anywhere_and_writes_from_the_hubs_own_pages_only() {
    let hub = TestHub::start().await;
    let cookie = cookie_of(&log_in(&hub, ADMIN, PASSWORD).await);
    let rename = async |headers: &[(&str, &str)]| {
        let headers: Vec<_> = [("cookie", cookie.as_str())].into_iter().chain(headers.iter().copied()).collect();
        Answer::of(&hub.authority, "PATCH", ME, &headers, Some(json!({"name": "Renamed"}))).await.status
    };
    let own = format!("http://{}", hub.authority);

    assert_eq!(Answer::of(&hub.authority, "GET", ME, &[("cookie", &cookie)], None).await.status, 200);
    assert_eq!(rename(&[]).await, 403);
    assert_eq!(rename(&[("origin", "http://evil.example")]).await, 403);
    assert_eq!(rename(&[("origin", "null")]).await, 403);
    assert_eq!(rename(&[("sec-fetch-site", "cross-site")]).await, 403);
    assert_eq!(rename(&[("origin", &own)]).await, 200);
    assert_eq!(rename(&[("sec-fetch-site", "same-origin")]).await, 200);
}

#[actix::test]
async fn forged_and_missing_credentials_are_not_known() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    // The good one is known to be good when its forgeries come.
    assert_eq!(admin.get(ME).await.status, 200);
    let good = admin.access_token;
    let (claims, _) = good.rsplit_once('.').unwrap();
    for credential in ["", "Bearer", "Bearer x", "Basic YTpi", &format!("Bearer {claims}."), &format!("Bearer {good}x")]
    {
        let answer = Answer::of(&hub.authority, "GET", ME, &[("authorization", credential)], None).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{credential}");
    }
    let cookie = [("cookie", "carillon_session=guessed")];
    assert_eq!(Answer::of(&hub.authority, "GET", ME, &cookie, None).await.status, 401);
}

#[actix::test]
async fn an_access_token_ends_in_time_and_the_refresh_token_goes_on() {
    let hub = TestHub::with(&[("CARILLON__AUTH__ACCESS_LIFETIME", "1s")]).await;
    let admin = hub.admin().await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while admin.get(ME).await.status == 200 {
        assert!(std::time::Instant::now() < deadline, "the token must end after a second");
        tokio::task::yield_now().await;
    }
    assert_eq!(admin.get(ME).await.status, 401);
    let renewed = Account::new(&hub.authority, refresh(&hub, &admin.refresh_token).await.json());
    assert_eq!(renewed.get(ME).await.status, 200);
}

#[actix::test]
async fn a_refresh_token_used_twice_ends_the_login_and_no_other() {
    let hub = TestHub::start().await;
    let (admin, other) = (hub.admin().await, hub.admin().await);

    let renewed = Account::new(&hub.authority, refresh(&hub, &admin.refresh_token).await.json());
    assert_eq!(renewed.get(ME).await.status, 200);
    assert_eq!(refresh(&hub, &admin.refresh_token).await.status, 401);

    assert_eq!(refresh(&hub, &renewed.refresh_token).await.status, 401);
    assert_eq!((renewed.get(ME).await.status, admin.get(ME).await.status, other.get(ME).await.status), (401, 401, 200));
}

#[actix::test]
async fn logging_out_ends_token_and_cookie() {
    let hub = TestHub::start().await;
    let login = log_in(&hub, ADMIN, PASSWORD).await;
    let (cookie, account) = (cookie_of(&login), Account::new(&hub.authority, login.json()));

    let answer = account.send("POST", "/api/v1/auth/logout", None).await;

    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert!(answer.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    assert_eq!(account.get(ME).await.status, 401);
    assert_eq!(Answer::of(&hub.authority, "GET", ME, &[("cookie", &cookie)], None).await.status, 401);
    assert_eq!(refresh(&hub, &account.refresh_token).await.status, 401);
}

#[actix::test]
async fn a_new_password_ends_the_other_logins() {
    let hub = TestHub::start().await;
    let (here, elsewhere) = (hub.admin().await, hub.admin().await);
    let change = |current: &str, new: &str| json!({"currentPassword": current, "newPassword": new});

    let wrong = here.post("/api/v1/auth/password", change("wrong", "another horse")).await;
    assert_eq!((wrong.status, &wrong.json()["errors"][0]["pointer"]), (403, &json!("/currentPassword")));
    let short = here.post("/api/v1/auth/password", change(PASSWORD, "short")).await;
    assert_eq!((short.status, &short.json()["errors"][0]["pointer"]), (422, &json!("/newPassword")));
    assert_eq!(here.post("/api/v1/auth/password", change(PASSWORD, "another horse")).await.status, 204);

    assert_eq!((here.get(ME).await.status, elsewhere.get(ME).await.status), (200, 401));
    assert_eq!(log_in(&hub, ADMIN, PASSWORD).await.status, 401);
    assert_eq!(log_in(&hub, ADMIN, "another horse").await.status, 200);
}

#[actix::test]
async fn accounts_and_logins_outlive_a_restart() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let data = hub.stop().await;

    let hub = TestHub::on(&data, &[]).await;
    let bearer = format!("Bearer {}", admin.access_token);
    let me = Answer::of(&hub.authority, "GET", ME, &[("authorization", &bearer)], None).await;
    assert_eq!(me.json()["email"], ADMIN);
    assert_eq!(refresh(&hub, &admin.refresh_token).await.status, 200);
}

#[actix::test]
async fn tickets_are_given_to_those_who_are_known() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let answer = admin.send("POST", "/api/v1/auth/ticket", None).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    assert_eq!(answer.json()["ticket"].as_str().map(str::len), Some(43));
    assert_eq!(Answer::of(&hub.authority, "POST", "/api/v1/auth/ticket", &[], None).await.status, 401);
}

#[actix::test]
async fn logins_are_counted_by_their_outcome() {
    let hub = TestHub::with(&[("CARILLON__AUTH__ACCOUNT_ATTEMPTS", "2")]).await;
    for (password, status) in [(PASSWORD, 200), ("wrong", 401), (PASSWORD, 429)] {
        assert_eq!(log_in(&hub, ADMIN, password).await.status, status);
    }

    let figures = Answer::of(&hub.authority, "GET", "/metrics", &[], None).await.text;

    for outcome in ["ok", "failed", "throttled"] {
        let line = format!("carillon_logins_total{{outcome=\"{outcome}\"}} 1");
        assert!(figures.contains(&line), "no `{line}` in:\n{figures}");
    }
}
