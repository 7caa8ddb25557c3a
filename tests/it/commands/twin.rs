//! The desired and the reported state.

use serde_json::{Value, json};

use super::ID;
use crate::support::{Answer, TestDevice, TestHub};

const TWIN: &str = "/api/v1/modules/MC-1001-STN/twin";

async fn as_module(hub: &TestHub, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
    let bearer = format!("Bearer {token}");
    Answer::of(&hub.authority, method, path, &[("authorization", &bearer)], body).await
}

#[actix::test]
async fn a_device_is_told_the_desired_state_when_it_comes_and_when_it_changes() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let mut tab = hub.tab(&owner, &["module:MC-1001-STN"]).await;

    let twin = owner.patch(TWIN, json!({"light": {"on": true, "level": 3}})).await;
    assert_eq!((twin.status, twin.header("etag"), &twin.json()["desiredVersion"]), (200, Some("\"1\""), &json!(1)));
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let told = device.next().await.expect("it is told at once");
    assert_eq!(told, json!({"type": "desired", "desired": {"light": {"on": true, "level": 3}}, "version": 1}));
    owner.patch(TWIN, json!({"light": {"level": null}})).await;
    let told = device.next().await.expect("it is told of the change");
    assert_eq!(told, json!({"type": "desired", "desired": {"light": {"on": true}}, "version": 2}));
    owner.patch(TWIN, json!({"light": {"on": true}})).await;
    device.send(json!({"type": "reported", "id": 4, "reported": {"light": {"on": true}}})).await;
    assert_eq!(device.next().await, Ok(json!({"type": "ack", "id": 4})), "what changes nothing is not told");

    let twin = owner.get(TWIN).await.json();
    assert_eq!((&twin["desiredVersion"], &twin["reportedVersion"]), (&json!(2), &json!(1)));
    assert_eq!(
        (&twin["reported"], &twin["desired"]),
        (&json!({"light": {"on": true}}), &json!({"light": {"on": true}}))
    );
    loop {
        let event = tab.event("rt_twin_updated").await;
        if event["reportedVersion"] == 1 {
            assert_eq!((&event["moduleId"], &event["desiredVersion"]), (&json!(ID), &json!(2)));
            break;
        }
    }
}

#[actix::test]
async fn a_patch_of_another_version_is_refused_and_changes_nothing() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    owner.create_module(ID).await;
    let bearer = format!("Bearer {}", owner.access_token);
    let patch = |version: &'static str, body: Value| {
        let bearer = bearer.clone();
        let authority = hub.authority.clone();
        async move {
            let headers = [("authorization", bearer.as_str()), ("if-match", version)];
            Answer::of(&authority, "PATCH", TWIN, &headers, Some(body)).await
        }
    };

    assert_eq!(patch("\"0\"", json!({"a": 1})).await.status, 200);
    assert_eq!(patch("\"0\"", json!({"a": 2})).await.status, 412);
    assert_eq!(patch("\"1\"", json!({"a": 3})).await.json()["desired"], json!({"a": 3}));
    assert_eq!(patch("*", json!({"a": 4})).await.status, 200);
    assert_eq!(patch("3", json!({"a": 5})).await.status, 422);
    assert_eq!(owner.get(TWIN).await.json()["desired"], json!({"a": 4}));
}

#[actix::test]
async fn a_module_reports_over_http_and_learns_what_is_wanted() {
    let hub = TestHub::start().await;
    let owner = hub.user("ada@example.org").await;
    let token = owner.create_module(ID).await;
    owner.patch(TWIN, json!({"rate": 5})).await;
    let reported = format!("{TWIN}/reported");

    let answer = as_module(&hub, "PATCH", &reported, &token, Some(json!({"rate": 4}))).await;
    assert_eq!((answer.status, &answer.json()["desired"]), (200, &json!({"rate": 5})));
    assert_eq!(as_module(&hub, "GET", TWIN, &token, None).await.json()["reported"], json!({"rate": 4}));
    assert_eq!(owner.get("/api/v1/modules/MC-1001-STN").await.json()["status"], "online");
    for (method, path) in [("PATCH", reported.as_str()), ("GET", TWIN), ("GET", "/api/v1/modules/nobody/twin")] {
        let body = (method == "PATCH").then(|| json!({"rate": 1}));
        assert_eq!(as_module(&hub, method, path, "cm_wrong", body).await.status, 401, "{method} {path}");
    }
    let other = hub.user("ben@example.org").await;
    assert_eq!((other.get(TWIN).await.status, other.patch(TWIN, json!({})).await.status), (404, 404));
}

#[actix::test]
async fn states_are_bounded_and_survive_a_restart() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    let deep = (0..9).fold(json!(1), |inner, _| json!({"a": inner}));
    for bad in [json!({"a": "x".repeat(17_000)}), deep, json!([1]), json!(7)] {
        assert_eq!(owner.patch(TWIN, bad.clone()).await.status, 422, "{bad}");
        device.send(json!({"type": "reported", "id": 1, "reported": bad})).await;
        assert_eq!(device.next().await.expect("an answer")["problem"]["status"], 422);
    }
    assert_eq!(owner.patch(TWIN, json!({"a": 1})).await.status, 200);

    let hub = TestHub::on(&hub.stop().await, &[]).await;

    let twin = hub.admin().await.get(TWIN).await.json();
    assert_eq!((&twin["desired"], &twin["desiredVersion"]), (&json!({"a": 1}), &json!(1)));
}
