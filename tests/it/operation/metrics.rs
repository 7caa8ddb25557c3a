//! Who may read the figures, and what they tell.

use serde_json::json;

use crate::support::{Account, Answer, TestHub, TestTab};

/// What an unknown proxy on this machine adds for a caller from elsewhere.
const FORWARDED: (&str, &str) = ("x-forwarded-for", "198.51.100.7");

async fn read(hub: &TestHub, caller: Option<&Account>, forwarded: bool) -> Answer {
    let bearer = caller.map(|caller| format!("Bearer {}", caller.access_token));
    let mut headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    headers.extend(forwarded.then_some(FORWARDED));
    Answer::of(&hub.authority, "GET", "/metrics", &headers, None).await
}

#[actix::test]
async fn this_machine_and_admins_may_read_the_figures() {
    let hub = TestHub::start().await;
    let (admin, user) = (hub.admin().await, hub.user("ada@example.org").await);

    assert_eq!(read(&hub, None, false).await.status, 200);
    assert_eq!(read(&hub, None, true).await.status, 401);
    assert_eq!(read(&hub, Some(&user), true).await.status, 403);
    assert_eq!(read(&hub, Some(&admin), true).await.status, 200);
}

#[actix::test]
async fn who_may_read_the_figures_can_be_chosen() {
    let hub = TestHub::with(&[("CARILLON__HTTP__METRICS", "admin")]).await;
    assert_eq!(read(&hub, None, false).await.status, 401);
    assert_eq!(read(&hub, Some(&hub.admin().await), false).await.status, 200);

    let open = TestHub::with(&[("CARILLON__HTTP__METRICS", "public")]).await;
    assert_eq!(read(&open, None, true).await.status, 200);
}

#[actix::test]
async fn the_figures_follow_what_happens() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let _tab = hub.tab(&admin, &["modules"]).await;
    let refused = admin.post("/api/v1/modules", json!({"moduleId": "?"})).await;
    assert_eq!(refused.status, 422);
    admin.get("/api/v1/modules/MC-1001-STN").await;

    let figures = read(&hub, None, false).await;

    assert!(figures.header("content-type").is_some_and(|text| text.starts_with("application/openmetrics-text")));
    for line in [
        "carillon_sockets_open{door=\"ws\"} 1",
        "carillon_sessions{page=\"modules\"} 1",
        "carillon_refused_total{reason=\"invalid-fields\"} 1",
        "carillon_http_requests_total{route=\"/api/v1/modules/{moduleId}\",status=\"404\"} 1",
        "carillon_logins_total{outcome=\"ok\"} 1",
    ] {
        assert!(figures.text.contains(line), "no `{line}` in:\n{}", figures.text);
    }
    assert!(figures.text.trim_end().ends_with("# EOF"));
}

#[actix::test]
async fn the_figures_tell_how_clients_come_back() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let first = hub.tab(&admin, &["modules"]).await;
    let mut resumed = TestTab::connect(&hub.authority, &admin.access_token).await;
    let outage = json!({"attempts": 3, "ms": 1500});
    resumed.send(json!({"type": "hello", "cursor": first.cursor, "topics": [], "outage": outage})).await;
    assert_eq!(resumed.next_of("welcome").await["recovered"], true);
    let mut lost = TestTab::connect(&hub.authority, &admin.access_token).await;
    lost.send(json!({"type": "hello", "cursor": "nonsense", "topics": [], "outage": {"attempts": -1, "ms": 0}})).await;
    lost.next_of("welcome").await;
    assert_eq!(lost.next_of("reply").await["problem"]["status"], 422);
    lost.send(json!({"type": "hello", "cursor": "nonsense", "topics": []})).await;
    lost.next_of("welcome").await;
    lost.next_of("gap").await;

    let figures = read(&hub, None, false).await.text;

    for line in [
        "carillon_reconnection_seconds_sum 1.5",
        "carillon_reconnection_seconds_count 1",
        "carillon_reconnection_attempts_total 3",
        "carillon_sessions_begun_total{start=\"fresh\"} 1",
        "carillon_sessions_begun_total{start=\"resumed\"} 1",
        "carillon_sessions_begun_total{start=\"gapped\"} 1",
    ] {
        assert!(figures.contains(line), "no `{line}` in:\n{figures}");
    }
}
