//! What people see on their pages without asking again.

use serde_json::json;

use crate::support::{TestDevice, TestHub};

#[actix::test]
async fn a_second_tab_sees_the_module_go_offline() {
    let hub = TestHub::start().await;
    let (owner, device) = hub.owner_with_module("MC-1001-STN").await;
    let mut tab = hub.tab(&owner, &["modules"]).await;

    device.disconnect().await;

    let data = tab.event("rt_module_offline").await;
    assert_eq!(data["moduleId"], "MC-1001-STN");
    assert!(data["disconnectedAt"].is_string());
}

#[actix::test]
async fn changes_in_one_tab_show_in_the_others() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut first = hub.tab(&admin, &["modules"]).await;
    let mut second = hub.tab(&admin, &["modules", "admin"]).await;

    let token = admin.create_module("MC-1").await;
    assert_eq!(admin.patch("/api/v1/modules/MC-1", json!({"name": "Main station"})).await.status, 200);
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    device.report(1, json!({"speed": 3})).await;
    assert_eq!(admin.delete("/api/v1/modules/MC-1").await.status, 204);

    for tab in [&mut first, &mut second] {
        assert_eq!(tab.event("rt_module_added").await["moduleId"], "MC-1");
        assert_eq!(tab.event("rt_module_updated").await["name"], "Main station");
        assert_eq!(tab.event("rt_module_online").await["moduleId"], "MC-1");
        let telemetry = tab.event("rt_telemetry_updated").await;
        assert_eq!(telemetry, json!({"moduleId": "MC-1", "telemetry": {"speed": 3}}));
        assert_eq!(tab.event("rt_module_removed").await["moduleId"], "MC-1");
    }
}

#[actix::test]
async fn an_event_of_several_topics_comes_once() {
    let hub = TestHub::start().await;
    let (admin, mut device) = hub.owner_with_module("MC-1").await;
    let mut tab = hub.tab(&admin, &["modules", "module:MC-1", "admin"]).await;
    tab.settle().await;

    device.report(1, json!({"speed": 1})).await;
    admin.patch("/api/v1/modules/MC-1", json!({"name": "One"})).await;

    // A change is told a moment after it was answered.
    let mut frames = vec![tab.next().await.unwrap()];
    while frames.iter().all(|frame| frame["event"] != "rt_module_updated") {
        frames.push(tab.next().await.unwrap());
    }
    frames.extend(tab.settle().await);
    let count = |name: &str| frames.iter().filter(|frame| frame["event"] == name).count();
    assert_eq!((count("rt_telemetry_updated"), count("rt_module_updated")), (1, 1), "{frames:?}");
}

#[actix::test]
async fn people_see_their_own_modules_only() {
    let hub = TestHub::start().await;
    let (admin, user) = (hub.admin().await, hub.user("ann@example.org").await);
    user.create_module("MC-OWN").await;
    admin.create_module("MC-OTHER").await;
    let mut tab = hub.tab(&user, &[]).await;

    tab.send(json!({"type": "subscribe", "id": 1, "topics": ["modules"]})).await;
    assert_eq!(tab.next_of("reply").await["ok"], true);
    let snapshot = tab.next_of("snapshot").await;
    let ids: Vec<_> =
        snapshot["data"]["modules"].as_array().unwrap().iter().map(|module| &module["moduleId"]).collect();
    assert_eq!(ids, [&json!("MC-OWN")]);

    admin.patch("/api/v1/modules/MC-OTHER", json!({"name": "Hidden"})).await;
    admin.patch("/api/v1/modules/MC-OWN", json!({"name": "Shown"})).await;
    assert_eq!(tab.event("rt_module_updated").await["name"], "Shown");
    assert!(tab.settle().await.is_empty());
    let foreign = tab.ask(json!({"type": "subscribe", "id": 2, "topics": ["module:MC-OTHER"]})).await;
    assert_eq!(foreign["problem"]["status"], 404);
}

#[actix::test]
async fn a_transferred_module_leaves_one_page_and_appears_on_the_other() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let (ann, bob) = (hub.user("ann@example.org").await, hub.user("bob@example.org").await);
    ann.create_module("MC-1").await;
    let mut of_ann = hub.tab(&ann, &["modules"]).await;
    let mut of_bob = hub.tab(&bob, &["modules"]).await;

    assert_eq!(admin.patch("/api/v1/modules/MC-1", json!({"userId": bob.id})).await.status, 200);

    assert_eq!(of_ann.event("rt_module_removed").await["moduleId"], "MC-1");
    assert_eq!(of_bob.event("rt_module_added").await["moduleId"], "MC-1");
    assert_eq!(ann.get("/api/v1/modules/MC-1").await.status, 404);
}

#[actix::test]
async fn admins_see_who_comes_and_goes_and_the_figures_move() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut tab = hub.tab(&admin, &["admin"]).await;

    let user = hub.user("ann@example.org").await;
    let login = tab.event("rt_user_logged_in").await;
    while tab.event("rt_user_logged_in").await["email"] != "ann@example.org" {}
    assert!(login["isAdmin"].is_boolean());
    user.create_module("MC-1").await;
    let _tab = hub.tab(&user, &["modules"]).await;

    loop {
        let stats = tab.event("rt_global_stats_updated").await["stats"].clone();
        if stats["connections"] == 2 && stats["connectionsByPage"]["modules"] == 1 && stats["totalModules"] == 1 {
            assert_eq!((&stats["totalUsers"], &stats["activeUsers"]), (&json!(2), &json!(2)));
            break;
        }
    }
    user.post("/api/v1/auth/logout", json!({})).await;
    assert_eq!(tab.event("rt_user_logged_out").await["id"], user.id);
}

#[actix::test]
async fn the_figures_of_a_quiet_house_are_told_once() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut tab = hub.tab(&admin, &["admin"]).await;

    // The rates of the login and of this very tab pass, then nothing is left to tell.
    let mut last = tab.event("rt_global_stats_updated").await["stats"].clone();
    while last["eventsPerSecond"] != 0.0 || last["deliveriesPerSecond"] != 0.0 {
        last = tab.event("rt_global_stats_updated").await["stats"].clone();
    }

    let more = actix::clock::timeout(std::time::Duration::from_secs(3), tab.next()).await;
    assert!(more.is_err(), "{more:?}");
}
