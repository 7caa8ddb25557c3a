//! A module whose alarms come and go faster than they can be told.

use serde_json::{Value, json};

use super::{ID, alarms, hot, make_rule, report};
use crate::support::TestHub;

const OPEN: &str = r#"carillon_alarms_open{severity="critical"}"#;

/// More changes of alarms than one module may have waiting, and then some; the last reading is beyond the limit.
fn flapping() -> Value {
    let reading = |value| json!({"telemetry": {"t": value}});
    Value::from_iter((0..1000).map(|place| reading(if place % 2 == 0 { 10 } else { 90 })))
}

#[actix::test]
async fn a_module_whose_alarms_come_and_go_delays_nobody_and_is_judged_by_its_newest_values_in_the_end() {
    let hub = TestHub::start().await;
    let (loud, ben) = (hub.user("ada@example.org").await, hub.user("ben@example.org").await);
    let token = loud.create_module(ID).await;
    let soft = ben.create_module("MC-2").await;
    for _ in 0..20 {
        make_rule(&loud, hot()).await;
    }
    let mut rule = hot();
    rule["moduleId"] = json!("MC-2");
    make_rule(&ben, rule).await;
    let mut tab = hub.tab(&ben, &["modules"]).await;
    let mut device = crate::support::TestDevice::connect(&hub.authority, &soft).await;

    report(&hub, &token, flapping()).await;
    device.report(1, json!({"t": 90})).await;

    assert_eq!(tab.event("rt_alarm_raised").await["moduleId"], "MC-2");
    let told = hub.metric(r#"carillon_alarms_raised_total{kind="threshold",severity="critical"}"#).await;
    assert!(told <= 100.0, "{told} alarms were told before this one");
    assert!(hub.metric("carillon_alarm_readings_lost_total").await >= 1000.0);
    hub.until_metric(OPEN, |open| open == 21.0).await;
    assert_eq!(alarms(&loud, "state=active").await["total"], 20, "the newest value of the module is beyond the limit");
    report(&hub, &token, json!({"telemetry": {"t": 10}})).await;
    hub.until_metric(OPEN, |open| open == 1.0).await;
}
