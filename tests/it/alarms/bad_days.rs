//! The database is locked: nothing is told that is not stored, and nothing is forgotten.

use serde_json::json;

use super::{ID, RULES, alarms, hot, make_rule, path};
use crate::support::TestHub;
use crate::support::database::Intruder;

#[actix::test]
async fn what_the_database_does_not_take_waits_and_is_told_in_its_order() {
    let hub = TestHub::with(&[("CARILLON__STORE__BUSY_TIMEOUT", "100ms")]).await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    make_rule(&owner, hot()).await;
    let mut tab = hub.tab(&owner, &["modules"]).await;
    device.report(1, json!({"t": 90})).await;
    let first = tab.event("rt_alarm_raised").await;
    let mut intruder = Intruder::of(hub.data());
    intruder.lock();

    for (id, t) in [(2, 10), (3, 91), (4, 20)] {
        device.send(json!({"type": "telemetry", "id": id, "telemetry": {"t": t}})).await;
        assert_eq!(device.next().await.expect("the socket stays open")["problem"]["status"], 503);
    }
    assert_eq!(owner.post(RULES, hot()).await.status, 503);
    assert_eq!(owner.post(&path(&first, "clear"), json!({})).await.status, 503);
    let told: Vec<_> =
        tab.settle().await.into_iter().filter(|frame| frame["event"] != "rt_telemetry_updated").collect();
    assert!(told.is_empty(), "{told:?}");
    intruder.give_back();

    assert_eq!(tab.event("rt_alarm_cleared").await["alarmId"], first["alarmId"]);
    let second = tab.event("rt_alarm_raised").await;
    assert_eq!((&second["value"], &tab.event("rt_alarm_cleared").await["alarmId"]), (&json!(91.0), &second["alarmId"]));
    let left = alarms(&owner, "").await;
    assert_eq!((&left["total"], &left["active"]), (&json!(2), &json!(0)));
    assert_eq!(owner.get(RULES).await.json()["total"], 1, "what is not stored is not there");
}
