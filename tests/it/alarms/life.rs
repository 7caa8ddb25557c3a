//! From what raises an alarm to what ends it.

use serde_json::json;

use super::{ALARMS, ID, ago, alarms, hot, make_rule, path, report};
use crate::support::{Answer, TestHub};

#[actix::test]
async fn an_alarm_is_raised_acknowledged_and_cleared_by_itself_and_everybody_is_told() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    let mut tabs = [hub.tab(&owner, &["module:MC-1001-STN"]).await, hub.tab(&owner, &["modules"]).await];
    let rule = make_rule(&owner, hot()).await;

    device.report(1, json!({"t": 80})).await;
    device.report(2, json!({"t": 81.5})).await;
    let raised = tabs[0].event("rt_alarm_raised").await;
    assert_eq!(raised, tabs[1].event("rt_alarm_raised").await);
    assert_eq!(
        (&raised["ruleId"], &raised["moduleId"], &raised["severity"], &raised["value"], &raised["state"]),
        (&rule["ruleId"], &json!(ID), &json!("critical"), &json!(81.5), &json!("active"))
    );
    assert_eq!(raised["condition"], rule["condition"]);
    let listed = alarms(&owner, "state=active").await;
    assert_eq!((&listed["active"], &listed["total"], &listed["items"][0]), (&json!(1), &json!(1), &raised));

    let seen = owner.post(&path(&raised, "acknowledge"), json!({})).await;
    assert_eq!((seen.status, &seen.json()["acknowledgedBy"]), (200, &json!(owner.id)), "{}", seen.text);
    assert_eq!(tabs[0].event("rt_alarm_acknowledged").await, seen.json());
    assert_eq!(owner.post(&path(&raised, "acknowledge"), json!({})).await.json(), seen.json(), "once is enough");
    assert_eq!(alarms(&owner, "state=acknowledged&severity=critical").await["active"], 0);

    device.report(3, json!({"t": 90})).await;
    device.report(4, json!({"t": 76})).await;
    device.report(5, json!({"t": 75})).await;
    let cleared = tabs[0].event("rt_alarm_cleared").await;
    assert_eq!(
        (&cleared["alarmId"], &cleared["clearCause"], &cleared["clearedBy"], &cleared["state"]),
        (&raised["alarmId"], &json!("condition"), &json!(null), &json!("cleared"))
    );
    assert_eq!(owner.get(&path(&raised, "")[..path(&raised, "").len() - 1]).await.json(), cleared);
    assert_eq!(owner.post(&path(&raised, "acknowledge"), json!({})).await.status, 409);
    assert_eq!(alarms(&owner, &format!("state=cleared&moduleId={ID}")).await["total"], 1);
    assert_eq!(alarms(&owner, "severity=info").await["total"], 0);
    let metrics = Answer::of(&hub.authority, "GET", "/metrics", &[], None).await.text;
    assert!(metrics.contains(r#"carillon_alarms_raised_total{kind="threshold",severity="critical"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"carillon_alarms_open{severity="critical"} 0"#), "{metrics}");
}

#[actix::test]
async fn what_a_person_clears_is_not_raised_again_until_it_was_over() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    make_rule(&owner, hot()).await;
    let mut tab = hub.tab(&owner, &["modules"]).await;
    device.report(1, json!({"t": 90})).await;
    let raised = tab.event("rt_alarm_raised").await;

    let cleared = owner.post(&path(&raised, "clear"), json!({})).await;
    assert_eq!((cleared.status, &cleared.json()["clearCause"]), (200, &json!("person")), "{}", cleared.text);
    assert_eq!(owner.post(&path(&raised, "clear"), json!({})).await.json(), cleared.json());
    assert_eq!(tab.event("rt_alarm_cleared").await["clearedBy"], json!(owner.id));
    for (id, t) in [(2, 95), (3, 70), (4, 85)] {
        device.report(id, json!({"t": t})).await;
    }

    assert_eq!(tab.event("rt_alarm_raised").await["value"], 85.0);
    assert_eq!(alarms(&owner, "").await["total"], 2);
    let audit = owner.get("/api/v1/audit?search=MC-1001").await.json();
    let done: Vec<_> = audit["items"].as_array().expect("deeds").iter().map(|deed| deed["action"].clone()).collect();
    assert_eq!(done, [json!("alarm.clear"), json!("alarm_rule.create")], "{audit}");
}

#[actix::test]
async fn a_condition_must_hold_by_the_time_of_its_readings_also_while_the_actor_rests() {
    let hub =
        TestHub::with(&[("CARILLON__PRESENCE__PASSIVATE_AFTER", "50ms"), ("CARILLON__PRESENCE__TIMEOUT", "50ms")])
            .await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let mut rule = hot();
    rule["condition"]["for"] = json!("5m");
    make_rule(&owner, rule).await;
    let mut tab = hub.tab(&owner, &["modules"]).await;
    report(&hub, &token, json!({"ts": ago(600), "telemetry": {"t": 90}})).await;
    assert_eq!(tab.event("rt_module_offline").await["moduleId"], ID);
    for _ in 0..600 {
        let metrics = Answer::of(&hub.authority, "GET", "/metrics", &[], None).await.text;
        if metrics.contains("carillon_module_actors_active 0") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    let late = json!({"ts": ago(500), "telemetry": {"t": 10}});
    report(
        &hub,
        &token,
        json!([{"ts": ago(400), "telemetry": {"t": 90}}, late, {"ts": ago(299), "telemetry": {"t": 91}}]),
    )
    .await;

    let raised = tab.event("rt_alarm_raised").await;
    assert_eq!((&raised["value"], raised["since"].as_str() < raised["raisedAt"].as_str()), (&json!(91.0), true));
    assert_eq!(alarms(&owner, "").await["total"], 1);
}

#[actix::test]
async fn silence_is_told_of_a_module_whose_actor_rests_and_ends_with_a_reading() {
    let keys = [
        ("CARILLON__PRESENCE__PASSIVATE_AFTER", "50ms"),
        ("CARILLON__PRESENCE__TIMEOUT", "50ms"),
        ("CARILLON__ALARMS__START_GRACE", "0s"),
    ];
    let hub = TestHub::with(&keys).await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let mut tab = hub.tab(&owner, &["modules"]).await;
    report(&hub, &token, json!({"telemetry": {"t": 1}})).await;
    let condition = json!({"kind": "silence", "span": "1s"});
    make_rule(&owner, json!({"name": "Quiet", "severity": "info", "type": "station", "condition": condition})).await;

    let raised = tab.event("rt_alarm_raised").await;
    assert_eq!((&raised["value"], &raised["condition"]), (&json!(null), &condition));
    report(&hub, &token, json!({"telemetry": {"t": 1}})).await;
    assert_eq!(tab.event("rt_alarm_cleared").await["alarmId"], raised["alarmId"]);
    assert_ne!(tab.event("rt_alarm_raised").await["alarmId"], raised["alarmId"], "it is silent again");
}

#[actix::test]
async fn a_rate_of_change_is_told() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let condition = json!({"kind": "rate", "key": "level", "direction": "below", "limit": -1, "window": "1m"});
    make_rule(&owner, json!({"name": "Leak", "severity": "warning", "moduleId": ID, "condition": condition})).await;
    let mut tab = hub.tab(&owner, &["admin"]).await;

    let readings = [(300, 500), (270, 490), (240, 480), (210, 440), (180, 300)];
    let readings: Vec<_> = readings.map(|(at, level)| json!({"ts": ago(at), "telemetry": {"level": level}})).into();
    report(&hub, &token, json!(readings)).await;

    let raised = tab.event("rt_alarm_raised").await;
    assert!((raised["value"].as_f64().expect("a rate") + 3.0).abs() < 0.1, "{raised}");
}

#[actix::test]
async fn who_may_not_see_a_module_sees_none_of_its_alarms() {
    let hub = TestHub::start().await;
    let (ada, ben) = (hub.user("ada@example.org").await, hub.user("ben@example.org").await);
    let token = ada.create_module(ID).await;
    let mut tab = hub.tab(&ben, &["modules"]).await;
    let rule = make_rule(&ada, hot()).await;
    report(&hub, &token, json!({"telemetry": {"t": 90}})).await;
    let mut own = hub.tab(&ada, &["modules"]).await;
    report(&hub, &token, json!([{"telemetry": {"t": 10}}])).await;
    let cleared = own.event("rt_alarm_cleared").await;
    report(&hub, &token, json!({"telemetry": {"t": 90}})).await;
    let raised = own.event("rt_alarm_raised").await;

    let seen = alarms(&ben, "").await;
    assert_eq!((&seen["total"], &seen["active"]), (&json!(0), &json!(0)));
    assert_eq!(ben.get(&format!("{ALARMS}?moduleId={ID}")).await.status, 404);
    assert_eq!(ben.get(&format!("{ALARMS}/{}", cleared["alarmId"].as_str().expect("an id"))).await.status, 404);
    for word in ["acknowledge", "clear"] {
        assert_eq!(ben.post(&path(&raised, word), json!({})).await.status, 404);
        assert_eq!(ada.post(&format!("{ALARMS}/nothing/{word}"), json!({})).await.status, 404);
    }
    assert!(tab.settle().await.is_empty(), "others hear nothing");

    let given = hub.admin().await.patch(&format!("/api/v1/modules/{ID}"), json!({"userId": ben.id})).await;
    assert_eq!(given.status, 200, "{}", given.text);
    assert_eq!((&alarms(&ben, "").await["active"], &alarms(&ada, "").await["total"]), (&json!(1), &json!(0)));
    let rules = ben.get(super::RULES).await.json();
    assert_eq!((&rules["items"][0]["ruleId"], &rules["total"]), (&rule["ruleId"], &json!(1)));
    assert_eq!(ben.post(&path(&raised, "acknowledge"), json!({})).await.status, 200);
}

#[actix::test]
async fn who_sees_all_modules_hears_of_alarms_and_stops_on_any_page_and_counts_as_on_none() {
    let hub = TestHub::start().await;
    let (ada, admin) = (hub.user("ada@example.org").await, hub.admin().await);
    let token = ada.create_module(ID).await;
    make_rule(&ada, hot()).await;
    let mut tab = hub.tab(&admin, &["alarms"]).await;

    report(&hub, &token, json!({"telemetry": {"t": 90}})).await;
    let made = ada.post("/api/v1/emergency-stops", json!({"scope": "module", "moduleId": ID})).await.json();

    assert_eq!(tab.event("rt_alarm_raised").await["moduleId"], ID);
    assert_eq!(tab.event("rt_emergency_stop_updated").await["stopId"], made["stopId"]);
    let stats = admin.get("/api/v1/stats").await.json();
    assert_eq!((&stats["connections"], &stats["connectionsByPage"]["admin"]), (&json!(1), &json!(0)), "{stats}");
}
