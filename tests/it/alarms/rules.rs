//! Rules: who makes them, what they may say, and what becomes of their alarms when they change.

use serde_json::{Value, json};

use super::{ID, RULES, alarms, hot, make_rule, report};
use crate::support::TestHub;

fn rule_path(rule: &Value) -> String {
    format!("{RULES}/{}", rule["ruleId"].as_str().expect("an id"))
}

#[actix::test]
async fn a_rule_that_is_disabled_changed_or_deleted_clears_its_alarms_and_tells_it() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    let rule = make_rule(&owner, hot()).await;
    let mut tab = hub.tab(&owner, &["modules"]).await;
    device.report(1, json!({"t": 90, "u": 90})).await;
    tab.event("rt_alarm_raised").await;

    let off = owner.patch(&rule_path(&rule), json!({"enabled": false, "name": "Hot"})).await.json();
    assert_eq!((&off["enabled"], &off["name"], &off["condition"]), (&json!(false), &json!("Hot"), &rule["condition"]));
    assert_eq!(tab.event("rt_alarm_cleared").await["clearCause"], "rule");
    owner.patch(&rule_path(&rule), json!({"enabled": true})).await;
    assert_eq!(tab.event("rt_alarm_raised").await["value"], 90.0, "the newest value counts at once");

    let mut condition = rule["condition"].clone();
    condition["limit"] = json!(85);
    owner.patch(&rule_path(&rule), json!({"condition": condition})).await;
    condition["limit"] = json!(120);
    owner.patch(&rule_path(&rule), json!({"condition": condition})).await;
    assert_eq!(tab.event("rt_alarm_cleared").await["clearCause"], "condition");
    (condition["key"], condition["limit"]) = (json!("u"), json!(10));
    owner.patch(&rule_path(&rule), json!({"condition": condition})).await;
    let raised = tab.event("rt_alarm_raised").await;

    assert_eq!(owner.delete(&rule_path(&rule)).await.status, 204);
    let cleared = tab.event("rt_alarm_cleared").await;
    assert_eq!((&cleared["alarmId"], &cleared["clearCause"]), (&raised["alarmId"], &json!("rule")));
    assert_eq!(owner.get(&rule_path(&rule)).await.status, 404);
    assert_eq!(owner.delete(&rule_path(&rule)).await.status, 404);
    assert_eq!(alarms(&owner, "").await["total"], 3, "what was stays in the history");
}

#[actix::test]
async fn a_module_of_another_type_follows_the_rules_of_that_type() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    let of_type = |kind: &str, limit: u32| {
        let mut rule = hot();
        rule.as_object_mut().expect("a rule").remove("moduleId");
        (rule["type"], rule["name"], rule["condition"]["limit"]) = (json!(kind), json!(kind), json!(limit));
        rule
    };
    let (stations, gates) = (of_type("station", 80), of_type("Gate", 50));
    make_rule(&owner, stations).await;
    make_rule(&owner, gates).await;
    let mut tab = hub.tab(&owner, &["modules"]).await;
    device.report(1, json!({"t": 90})).await;
    assert_eq!(tab.event("rt_alarm_raised").await["ruleName"], "station");

    owner.patch(&format!("/api/v1/modules/{ID}"), json!({"type": "gate"})).await;
    let (cleared, raised) = (tab.event("rt_alarm_cleared").await, tab.event("rt_alarm_raised").await);
    assert_eq!((&cleared["clearCause"], &raised["ruleName"]), (&json!("rule"), &json!("Gate")));

    assert_eq!(owner.delete(&format!("/api/v1/modules/{ID}")).await.status, 204);
    let left = alarms(&owner, "").await;
    assert_eq!((&left["total"], &left["active"]), (&json!(0), &json!(0)));
    assert_eq!(owner.get(RULES).await.json()["total"], 2, "rules of types stay");
}

#[actix::test]
async fn owners_make_rules_for_their_modules_and_admins_for_types() {
    let hub = TestHub::start().await;
    let (ada, ben, admin) = (hub.user("ada@example.org").await, hub.user("ben@example.org").await, hub.admin().await);
    ada.create_module(ID).await;
    let mut of_type = hot();
    of_type.as_object_mut().expect("a rule").remove("moduleId");
    of_type["type"] = json!("Station");

    let own = make_rule(&ada, hot()).await;
    assert_eq!(ada.post(RULES, of_type.clone()).await.status, 403);
    assert_eq!(ben.post(RULES, hot()).await.status, 404);
    let wide = make_rule(&admin, of_type).await;
    assert_eq!(ben.get(RULES).await.json()["total"], 0);
    assert_eq!(ada.get(&format!("{RULES}?moduleId={ID}")).await.json()["total"], 2);
    assert_eq!(ada.get(&rule_path(&wide)).await.json(), wide, "it is said of a module of theirs");
    for (rule, by, status) in [(&own, &ben, 404), (&wide, &ben, 404), (&wide, &ada, 403)] {
        assert_eq!(by.patch(&rule_path(rule), json!({"enabled": false})).await.status, status);
        assert_eq!(by.delete(&rule_path(rule)).await.status, status);
    }
    assert_eq!(ada.delete(&format!("/api/v1/modules/{ID}")).await.status, 204);
    assert_eq!(admin.get(&rule_path(&own)).await.status, 404, "it goes with its module");
}

#[actix::test]
async fn rules_that_cannot_be_name_their_field_and_their_number_is_bounded() {
    let keys = [("CARILLON__ALARMS__MAX_RULES_EACH", "2"), ("CARILLON__ALARMS__MAX_RULES", "3")];
    let hub = TestHub::with(&keys).await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    owner.create_module("MC-2").await;
    let with = |field: &str, value: Value| {
        let mut rule = hot();
        rule["condition"][field] = value;
        rule
    };
    for (bad, pointer) in [
        (with("hysteresis", json!(-1)), "/condition/hysteresis"),
        (with("limit", json!(null)), "/condition/limit"),
        (with("for", json!("1 week")), "/condition/for"),
        (with("window", json!("1m")), "/condition/window"),
        (with("kind", json!("silence")), "/condition/kind"),
        (json!({"name": "a", "severity": "info", "condition": {"kind": "silence", "span": "1m"}}), "/moduleId"),
        (json!({"name": "", "severity": "info", "moduleId": ID, "condition": {"kind": "silence"}}), "/name"),
    ] {
        let answer = owner.post(RULES, bad).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{}", answer.text);
    }
    let elsewhere = |id: &str| {
        let mut rule = hot();
        rule["moduleId"] = json!(id);
        rule
    };
    for (id, status) in [(ID, 201), (ID, 201), (ID, 409), ("MC-2", 201), ("MC-2", 409), ("MC-3", 404)] {
        assert_eq!(owner.post(RULES, elsewhere(id)).await.status, status, "{id}");
    }
    report(&hub, &token, json!({"telemetry": {"t": "hot", "other": 99}})).await;
    report(&hub, &token, json!({"telemetry": {"t": null}})).await;
    assert_eq!(alarms(&owner, "").await["total"], 0, "no number, no alarm");
}
