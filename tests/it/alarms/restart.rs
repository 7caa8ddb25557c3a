//! What is left of alarms when the hub has stopped.

use serde_json::json;

use super::{ID, alarms, hot, make_rule, path, report};
use crate::support::TestHub;

#[actix::test]
async fn alarms_outlive_a_restart_and_go_on_where_they_were() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let mut tab = hub.tab(&owner, &["modules"]).await;
    for (name, limit) in [("one", 80), ("other", 50)] {
        let mut rule = hot();
        (rule["name"], rule["condition"]["limit"]) = (json!(name), json!(limit));
        make_rule(&owner, rule).await;
    }
    report(&hub, &token, json!({"telemetry": {"t": 90}})).await;
    let (one, other) = (tab.event("rt_alarm_raised").await, tab.event("rt_alarm_raised").await);
    assert_eq!(owner.post(&path(&other, "clear"), json!({})).await.status, 200);

    let hub = TestHub::on(&hub.stop().await, &[]).await;
    let owner = hub.admin().await;
    let mut tab = hub.tab(&owner, &["modules"]).await;
    report(&hub, &token, json!({"telemetry": {"t": 91}})).await;
    assert_eq!(alarms(&owner, "").await["total"], 2, "neither is raised again");
    report(&hub, &token, json!({"telemetry": {"t": 70}})).await;

    assert_eq!(tab.event("rt_alarm_cleared").await["alarmId"], one["alarmId"]);
}

#[actix::test]
async fn silence_goes_on_over_a_restart() {
    let keys = [("CARILLON__ALARMS__START_GRACE", "0s")];
    let hub = TestHub::with(&keys).await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    report(&hub, &token, json!({"telemetry": {"t": 1}})).await;
    let rule =
        json!({"name": "Quiet", "severity": "warning", "moduleId": ID, "condition": {"kind": "silence", "span": "2s"}});
    make_rule(&owner, rule).await;

    let hub = TestHub::on(&hub.stop().await, &keys).await;
    let owner = hub.admin().await;
    let mut tab = hub.tab(&owner, &["modules"]).await;
    let mut found = alarms(&owner, "").await["items"][0].clone();
    if found.is_null() {
        found = tab.event("rt_alarm_raised").await;
    }
    assert_eq!(found["ruleName"], "Quiet");

    let hub = TestHub::on(&hub.stop().await, &keys).await;
    let owner = hub.admin().await;
    let mut tab = hub.tab(&owner, &["modules"]).await;
    report(&hub, &token, json!({"telemetry": {"t": 1}})).await;
    assert_eq!(tab.event("rt_alarm_cleared").await["alarmId"], found["alarmId"]);
}
