//! Whether the hub lives and is ready.

use crate::support::{Answer, TestHub};

#[actix::test]
async fn a_started_hub_is_live_and_ready_and_names_its_checks() {
    let hub = TestHub::start().await;

    let live = Answer::of(&hub.authority, "GET", "/health/live", &[], None).await;
    let ready = Answer::of(&hub.authority, "GET", "/health/ready", &[], None).await;

    assert_eq!((live.status, live.json()["version"].as_str()), (200, Some(env!("CARGO_PKG_VERSION"))));
    assert_eq!((ready.status, ready.json()["status"].as_str()), (200, Some("ready")));
    let checks = ready.json()["checks"].as_array().unwrap().clone();
    let names: Vec<_> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["database", "broker", "relays"]);
    assert!(checks.iter().all(|check| check["ok"] == true));
    assert_eq!(ready.header("cache-control"), Some("no-store"));
}
