//! Who makes, sees and changes webhooks.

use serde_json::{Value, json};

use super::receiver::{Does, Receiver};
use super::{EAGER, WEBHOOKS, create, raise, until};
use crate::support::TestHub;

#[actix::test]
async fn only_admins_manage_webhooks_and_a_secret_is_shown_once() {
    let hub = TestHub::with(&EAGER).await;
    let (admin, user) = (hub.admin().await, hub.user("ada@example.org").await);
    let (path, secret) = create(&admin, "https://alarms.example.org/a?b=c").await;
    assert!(secret.starts_with("whsec_") && secret.len() > 40);

    let shown = admin.get(&path).await;
    assert_eq!((shown.status, &shown.json()["url"]), (200, &json!("https://alarms.example.org/a?b=c")));
    assert_eq!(shown.json()["events"], json!(["alarm.raised", "alarm.acknowledged", "alarm.cleared"]));
    let listed = admin.get(WEBHOOKS).await;
    assert_eq!(
        (&listed.json()["total"], shown.text.contains(&secret), listed.text.contains(&secret)),
        (&json!(1), false, false)
    );
    for (method, path) in [
        ("GET", WEBHOOKS.to_owned()),
        ("POST", WEBHOOKS.to_owned()),
        ("GET", path.clone()),
        ("PATCH", path.clone()),
        ("DELETE", path.clone()),
        ("POST", format!("{path}/rotate")),
        ("POST", format!("{path}/test")),
        ("GET", format!("{path}/deliveries")),
    ] {
        let body = (method != "GET").then(|| json!({"name": "a", "url": "https://example.org/"}));
        assert_eq!(user.send(method, &path, body).await.status, 403, "{method} {path}");
    }
    let patched =
        admin.patch(&path, json!({"events": ["alarm.cleared"], "enabled": false, "name": "Day"})).await.json();
    assert_eq!(
        (&patched["events"], &patched["enabled"], &patched["name"]),
        (&json!(["alarm.cleared"]), &json!(false), &json!("Day"))
    );
    let twice = json!(["alarm.cleared", "alarm.raised", "alarm.cleared"]);
    let named = json!({"name": "Twice", "url": "https://alarms.example.org/", "events": twice});
    let made = admin.post(WEBHOOKS, named).await.json();
    assert_eq!(made["webhook"]["events"], json!(["alarm.raised", "alarm.cleared"]));
    let patched = admin.patch(&path, json!({"events": twice})).await.json();
    assert_eq!(patched["events"], json!(["alarm.raised", "alarm.cleared"]));
    for bad in [
        json!({"events": []}),
        json!({"events": ["rt_alarm_raised"]}),
        json!({"url": "x"}),
        json!({"name": " "}),
        json!({"secret": "x"}),
    ] {
        assert_eq!(admin.patch(&path, bad.clone()).await.status, 422, "{bad}");
    }
    assert_eq!(admin.delete(&path).await.status, 204);
    for gone in
        [admin.get(&path).await, admin.delete(&path).await, admin.post(&format!("{path}/test"), json!({})).await]
    {
        assert_eq!(gone.status, 404);
    }
    let audit = admin.get("/api/v1/audit?search=webhook:").await.json();
    let done: Vec<_> = audit["items"].as_array().expect("deeds").iter().map(|deed| deed["action"].clone()).collect();
    let done: Vec<_> = done.iter().filter_map(Value::as_str).collect();
    let all = ["webhook.delete", "webhook.update", "webhook.create", "webhook.update", "webhook.create"];
    assert_eq!(done, all);
}

#[actix::test]
async fn a_webhook_can_be_tried_and_what_waits_for_it_waits_until_it_is_enabled() {
    let hub = TestHub::with(&EAGER).await;
    let (admin, mut outside) = (hub.admin().await, Receiver::that([Does::Answer(200)]).await);
    let (path, secret) = create(&admin, &outside.url()).await;
    let mut elsewhere = Receiver::that([Does::Answer(500)]).await;
    raise(hub.data(), 0..1, &admin, &path).await;
    assert_eq!(outside.next().await.json()["data"]["n"], 0);
    until(&admin, &path, "delivered", 1).await;

    admin.patch(&path, json!({"url": elsewhere.url()})).await;
    raise(hub.data(), 1..2, &admin, &path).await;
    elsewhere.next().await;
    admin.patch(&path, json!({"enabled": false, "url": outside.url()})).await;
    raise(hub.data(), 2..3, &admin, &path).await;
    let tried = admin.post(&format!("{path}/test"), json!({})).await.json();

    let came = outside.next().await;
    assert_eq!((tried["state"].as_str(), came.json()["event"].as_str()), (Some("delivered"), Some("webhook.test")));
    assert!(came.is_signed_by(&secret) && tried["id"] == came.json()["id"], "{came:?}");
    assert_eq!(admin.patch(&path, json!({"enabled": true})).await.status, 200);
    assert_eq!(outside.next().await.json()["data"]["n"], 1, "what happened while it was off is not told");
    let delivered = until(&admin, &path, "delivered", 3).await;
    let events: Vec<&Value> = delivered.iter().map(|delivery| &delivery["event"]).collect();
    assert_eq!(events, ["alarm.raised", "alarm.raised", "webhook.test"]);
}
