//! What is told, when, and how often.

use carillon::config::Webhooks;
use carillon::connector::Courier;
use carillon::domain::webhook::WebhookEvent;
use carillon::observe::Metrics;
use carillon::store::{Options, Store, webhooks};
use serde_json::json;

use super::receiver::{Does, Receiver};
use super::{EAGER, create, deliveries, raise, until};
use crate::support::process::{Scratch, TestProcess, logs_of};
use crate::support::{TestDevice, TestHub};

#[actix::test]
async fn what_happened_is_told_signed_and_once() {
    let hub = TestHub::with(&EAGER).await;
    let (admin, mut outside) = (hub.admin().await, Receiver::that([Does::Answer(204)]).await);
    let (path, secret) = create(&admin, &outside.url()).await;

    raise(hub.data(), 5..6, &admin, &path).await;
    let came = outside.next().await;

    let body = came.json();
    assert_eq!((body["event"].as_str(), body["ts"].as_str()), (Some("alarm.raised"), Some("1970-01-01T00:00:00.005Z")));
    assert_eq!((&body["data"]["moduleId"], &body["data"]["n"]), (&"MC-1".into(), &5.into()));
    assert_eq!(
        (body["id"].as_str(), came.header("x-carillon-event")),
        (Some(came.header("x-carillon-delivery")), "alarm.raised")
    );
    assert_eq!(came.header("content-type"), "application/json");
    assert!(came.is_signed_by(&secret) && !came.is_signed_by("whsec_other"), "{came:?}");
    let delivered = until(&admin, &path, "delivered", 1).await;
    assert_eq!(
        (&delivered[0]["id"], &delivered[0]["attempts"], &delivered[0]["status"]),
        (&body["id"], &1.into(), &204.into())
    );
    assert_eq!((&delivered[0]["moduleId"], &delivered[0]["nextAt"]), (&"MC-1".into(), &serde_json::Value::Null));

    let rotated = admin.post(&format!("{path}/rotate"), json!({})).await.json();
    let newer = rotated["secret"].as_str().expect("a secret");
    raise(hub.data(), 6..7, &admin, &path).await;
    let came = outside.next().await;
    assert!(came.is_signed_by(newer) && !came.is_signed_by(&secret), "{came:?}");
    until(&admin, &path, "delivered", 2).await;
    assert!(outside.is_quiet());
    hub.until_metric("carillon_webhook_deliveries_total{outcome=\"delivered\"}", |count| count == 2.0).await;
}

#[actix::test]
async fn a_target_that_fails_is_told_again_the_same_in_the_same_order() {
    let hub = TestHub::with(&EAGER).await;
    let admin = hub.admin().await;
    let mut elsewhere = Receiver::that([Does::Answer(200)]).await;
    let does = [
        Does::Answer(500),
        Does::Redirect(elsewhere.url()),
        Does::Answer(404),
        Does::Flood,
        Does::Answer(503),
        Does::Answer(200),
    ];
    let mut outside = Receiver::that(does).await;
    let (path, _) = create(&admin, &outside.url()).await;

    raise(hub.data(), 0..3, &admin, &path).await;
    let mut came = Vec::new();
    for _ in 0..7 {
        came.push(outside.next().await);
    }

    let numbers: Vec<_> = came.iter().map(|came| came.json()["data"]["n"].as_i64().expect("a number")).collect();
    assert_eq!(numbers, [0, 0, 0, 0, 1, 1, 2]);
    assert!(came[1..4].iter().all(|again| again.body == came[0].body), "{came:?}");
    let delivered = until(&admin, &path, "delivered", 3).await;
    let attempts: Vec<_> = delivered.iter().map(|delivery| delivery["attempts"].as_i64()).collect();
    assert_eq!(attempts, [Some(4), Some(2), Some(1)]);
    assert!(elsewhere.is_quiet() && outside.is_quiet(), "no redirect is followed");
}

#[actix::test]
async fn what_is_not_delivered_outlives_kill_9_and_no_secret_is_logged() {
    let data = Scratch::new();
    let keys = [&EAGER[..], &[("CARILLON__LOG__LEVEL", "info,carillon=trace,awc=trace")]].concat();
    let mut hub = TestProcess::start_with(data.path(), &keys).await;
    let mut outside = Receiver::that([Does::Answer(500)]).await;
    let admin = hub.admin().await;
    let (path, secret) = create(&admin, &outside.url()).await;
    raise(data.path(), 0..2, &admin, &path).await;
    let first = outside.next().await;
    // Only what came of the first attempt brings a second.
    outside.next().await;
    hub.kill().await;
    outside.will(Does::Answer(200));

    let mut hub = TestProcess::start_with(data.path(), &keys).await;
    let mut again = outside.next().await;
    // What was under way when the hub was killed may come late.
    while again.json()["data"]["n"] == 0 {
        assert_eq!((&again.body, again.is_signed_by(&secret)), (&first.body, true));
        again = outside.next().await;
    }
    assert_eq!(again.json()["data"]["n"], 1);
    let delivered = until(&hub.admin().await, &path, "delivered", 2).await;
    assert!(delivered[0]["attempts"].as_i64() > Some(1), "{delivered:?}");
    hub.terminate();
    hub.exit().await;
    let logged = hub.rest_of_log().await + &logs_of(&data);
    assert!(logged.contains("stopped") && !logged.contains(&secret) && !logged.contains("in-the-address"), "{logged}");
}

#[actix::test]
async fn a_target_that_hangs_holds_up_no_other() {
    let keys =
        [&EAGER[..], &[("CARILLON__WEBHOOKS__MAX_AT_ONCE", "2"), ("CARILLON__WEBHOOKS__TIMEOUT", "5s")]].concat();
    let hub = TestHub::with(&keys).await;
    let admin = hub.admin().await;
    let (mut hanging, mut good) = (Receiver::that([Does::Hang]).await, Receiver::that([Does::Answer(200)]).await);
    let (stuck, _) = create(&admin, &hanging.url()).await;
    let (path, _) = create(&admin, &good.url()).await;

    raise(hub.data(), 0..20, &admin, &path).await;
    hanging.next().await;
    for n in 0..20 {
        assert_eq!(good.next().await.json()["data"]["n"], n);
    }

    assert!(hanging.is_quiet(), "it was told once, and is waited for");
    assert_eq!(deliveries(&admin, &stuck, "pending").await.len(), 20);
    assert_eq!(until(&admin, &path, "delivered", 20).await.len(), 20);
}

#[actix::test]
async fn what_is_given_up_says_so() {
    let keys = [&EAGER[..3], &[("CARILLON__WEBHOOKS__MAX_ATTEMPTS", "2")]].concat();
    let hub = TestHub::with(&keys).await;
    let (admin, mut outside) = (hub.admin().await, Receiver::that([Does::Answer(500)]).await);
    let (path, _) = create(&admin, &outside.url()).await;

    raise(hub.data(), 0..1, &admin, &path).await;
    outside.next().await;
    outside.next().await;

    let failed = until(&admin, &path, "failed", 1).await;
    assert_eq!((&failed[0]["attempts"], &failed[0]["status"]), (&2.into(), &500.into()));
    assert_eq!(failed[0]["error"], "it was answered with 500");
    hub.until_metric("carillon_webhook_deliveries_total{outcome=\"failed\"}", |count| count == 1.0).await;
    assert!(outside.is_quiet());
}

#[actix::test]
async fn an_alarm_is_told_outside_as_it_comes_and_goes() {
    let hub = TestHub::with(&EAGER).await;
    let (admin, mut outside) = (hub.admin().await, Receiver::that([Does::Answer(200)]).await);
    create(&admin, &outside.url()).await;
    let token = admin.create_module("MC-1").await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let condition = json!({"kind": "threshold", "key": "t", "direction": "above", "limit": 80, "hysteresis": 5});
    let rule = json!({"name": "Too hot", "severity": "critical", "moduleId": "MC-1", "condition": condition});
    assert_eq!(admin.post("/api/v1/alarm-rules", rule).await.status, 201);

    device.report(1, json!({"t": 90})).await;
    let raised = outside.next().await.json();
    let alarm = raised["data"]["alarmId"].as_str().expect("the alarm is named").to_owned();
    assert_eq!(admin.post(&format!("/api/v1/alarms/{alarm}/acknowledge"), json!({})).await.status, 200);
    let acknowledged = outside.next().await.json();
    device.report(2, json!({"t": 10})).await;
    let cleared = outside.next().await.json();

    assert_eq!((&raised["event"], &raised["data"]["moduleId"]), (&json!("alarm.raised"), &json!("MC-1")));
    assert_eq!((&acknowledged["event"], &cleared["event"]), (&json!("alarm.acknowledged"), &json!("alarm.cleared")));
    assert_eq!([&acknowledged["data"]["alarmId"], &cleared["data"]["alarmId"]], [&json!(alarm), &json!(alarm)]);
}

#[actix::test]
async fn what_is_written_down_is_told_as_soon_as_it_is_committed() {
    let hub = TestHub::with(&EAGER).await;
    let (admin, mut outside) = (hub.admin().await, Receiver::that([Does::Answer(200)]).await);
    create(&admin, &outside.url()).await;
    let data = hub.stop().await;
    let database = crate::support::database::database_of(&data);
    let store = Store::open(database, &Options { readers: 1, ..Options::default() }).expect("the database is there");
    let config = Webhooks { allow_private: true, ..Webhooks::default() };
    let courier = actix::Actor::start(Courier::new(store.clone(), config, Metrics::default()));

    for _ in 0..3 {
        let raising = store.write(|conn| {
            let data = carillon::domain::event::json(&1);
            let at = carillon::domain::time::Timestamp::now();
            webhooks::enqueue(conn, &"MC-1".parse().expect("an id"), WebhookEvent::AlarmCleared, &data, at)
        });
        raising.await.expect("the database is written to");
        assert_eq!(outside.next().await.header("x-carillon-event"), "alarm.cleared");
    }
    drop(courier);
}

#[actix::test]
async fn the_alarms_of_a_removed_module_are_cleared_for_all_who_hear_of_them() {
    let hub = TestHub::with(&EAGER).await;
    let (admin, mut outside) = (hub.admin().await, Receiver::that([Does::Answer(204), Does::Answer(204)]).await);
    create(&admin, &outside.url()).await;
    let (owner, mut device) = hub.owner_with_module("MC-1").await;
    let condition = json!({"kind": "threshold", "key": "t", "direction": "above", "limit": 80});
    let rule = json!({"name": "Too hot", "severity": "critical", "moduleId": "MC-1", "condition": condition});
    assert_eq!(owner.post("/api/v1/alarm-rules", rule).await.status, 201);
    let mut tab = hub.tab(&owner, &["modules"]).await;
    device.report(1, json!({"t": 90})).await;
    let raised = tab.event("rt_alarm_raised").await;
    assert_eq!(outside.next().await.json()["event"], "alarm.raised");
    let open = "carillon_alarms_open{severity=\"critical\"}";
    hub.until_metric(open, |count| count == 1.0).await;

    assert_eq!(owner.delete("/api/v1/modules/MC-1").await.status, 204);

    assert_eq!(tab.event("rt_alarm_cleared").await["alarmId"], raised["alarmId"]);
    assert_eq!(tab.event("rt_module_removed").await["moduleId"], "MC-1");
    let told = outside.next().await.json();
    assert_eq!((&told["event"], &told["data"]["alarmId"]), (&"alarm.cleared".into(), &raised["alarmId"]));
    hub.until_metric(open, |count| count == 0.0).await;
}
