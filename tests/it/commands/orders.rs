//! Commands and what comes of them.

use serde_json::json;

use super::{COMMANDS, ID, answer, ask, next_command, refusal};
use crate::support::{TestDevice, TestHub};

#[actix::test]
async fn a_command_reaches_the_device_and_its_answer_the_caller() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    let mut tab = hub.tab(&owner, &["module:MC-1001-STN"]).await;

    let asked = ask(&owner, json!({"command": "open", "params": {"angle": 30}}));
    let command = next_command(&mut device).await;
    assert_eq!((&command["command"], &command["params"]), (&json!("open"), &json!({"angle": 30})));
    assert!(command["deadline"].is_string(), "{command}");
    answer(&mut device, &command, true, json!({"angle": 29})).await;

    let told = asked.await.expect("the caller is answered");
    let expected = json!({"commandId": command["commandId"], "ok": true, "result": {"angle": 29}});
    assert_eq!((told.status, told.json()), (200, expected));
    assert_eq!(tab.event("rt_command_updated").await["status"], "sent");
    let done = tab.event("rt_command_updated").await;
    assert_eq!(
        (&done["status"], &done["ok"], &done["commandId"]),
        (&json!("answered"), &json!(true), &command["commandId"])
    );
    let listed = owner.get(COMMANDS).await.json();
    assert_eq!((&listed["total"], &listed["items"][0]["status"]), (&json!(1), &json!("answered")));
    assert_eq!(listed["items"][0]["result"], json!({"angle": 29}));
    let audit = owner.get("/api/v1/audit?action=module.command").await.json();
    assert_eq!(audit["items"][0]["subject"], "module:MC-1001-STN");
}

#[actix::test]
async fn a_device_that_comes_back_in_time_is_told_again_and_its_answer_counts() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;

    let asked = ask(&owner, json!({"command": "open", "timeoutMs": 60000}));
    let first = next_command(&mut device).await;
    device.disconnect().await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let again = next_command(&mut device).await;
    assert_eq!(again, first, "the same command with the same id");
    answer(&mut device, &again, false, json!("jammed")).await;

    let told = asked.await.expect("the caller is answered");
    assert_eq!(
        (told.status, told.json()["ok"].clone(), told.json()["result"].clone()),
        (200, json!(false), json!("jammed"))
    );
}

#[actix::test]
async fn a_command_outlives_a_restart_of_the_hub() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    drop(ask(&owner, json!({"command": "open", "timeoutMs": 60000})));
    let first = next_command(&mut device).await;
    let data = hub.stop().await;

    let hub = TestHub::on(&data, &[]).await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let again = next_command(&mut device).await;
    assert_eq!(again["commandId"], first["commandId"]);
    answer(&mut device, &again, true, json!(null)).await;
    device.report(1, json!({"after": "the answer"})).await;

    let listed = hub.admin().await.get(COMMANDS).await.json();
    assert_eq!(listed["items"][0]["status"], "answered", "{listed}");
}

#[actix::test]
async fn who_is_not_answered_in_time_is_told_and_a_late_answer_is_kept_as_late() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;

    let asked = ask(&owner, json!({"command": "open", "timeoutMs": 50}));
    let command = next_command(&mut device).await;
    assert_eq!(asked.await.expect("the caller is answered").status, 504);
    assert_eq!(owner.get(COMMANDS).await.json()["items"][0]["status"], "expired");
    answer(&mut device, &command, true, json!(1)).await;
    assert_eq!(refusal(&mut device).await["status"], 409);

    let listed = owner.get(COMMANDS).await.json();
    assert_eq!((&listed["items"][0]["status"], &listed["items"][0]["result"]), (&json!("late"), &json!(1)));
    for id in ["unknown", "", "a b"] {
        device.send(json!({"type": "result", "commandId": id, "ok": true, "result": null})).await;
        assert_eq!(refusal(&mut device).await["status"], 404, "{id}");
    }
}

#[actix::test]
async fn an_answer_of_another_module_is_refused() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    let other = owner.create_module("MC-1002-STN").await;
    let mut other = TestDevice::connect(&hub.authority, &other).await;

    let asked = ask(&owner, json!({"command": "open"}));
    let command = next_command(&mut device).await;
    answer(&mut other, &command, true, json!("stolen")).await;
    assert_eq!(refusal(&mut other).await["status"], 404);
    answer(&mut device, &command, true, json!("mine")).await;

    assert_eq!(asked.await.expect("the caller is answered").json()["result"], "mine");
}

#[actix::test]
async fn what_cannot_be_sent_is_refused_with_a_reason() {
    let hub = TestHub::with(&[("CARILLON__COMMANDS__MAX_UNDER_WAY", "1")]).await;
    let owner = hub.user("ada@example.org").await;
    let token = owner.create_module(ID).await;
    let other = hub.user("ben@example.org").await;

    assert_eq!(owner.post(COMMANDS, json!({"command": "open"})).await.json()["type"], "/problems/module-offline");
    assert_eq!(other.post(COMMANDS, json!({"command": "open"})).await.status, 404);
    assert_eq!(other.get(COMMANDS).await.status, 404);
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    for (body, pointer) in [
        (json!({"command": "a b"}), "/command"),
        (json!({"command": "emergency_stop"}), "/command"),
        (json!({"command": "open", "timeoutMs": 0}), "/timeoutMs"),
        (json!({"command": "open", "timeoutMs": 60_001}), "/timeoutMs"),
        (json!({"command": "open", "params": "x".repeat(17_000)}), "/params"),
        (json!({"command": "open", "now": true}), "/now"),
    ] {
        let refused = owner.post(COMMANDS, body).await;
        assert_eq!(
            (refused.status, &refused.json()["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{}",
            refused.text
        );
    }
    let waiting = ask(&owner, json!({"command": "open"}));
    let command = next_command(&mut device).await;
    assert_eq!(owner.post(COMMANDS, json!({"command": "open"})).await.status, 429);
    answer(&mut device, &command, true, json!(null)).await;
    assert_eq!(waiting.await.expect("the caller is answered").status, 200);
}

#[actix::test]
async fn a_tab_commands_without_holding_up_its_other_frames() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    let mut tab = hub.tab(&owner, &[]).await;

    tab.send(json!({"type": "command", "id": 7, "moduleId": ID, "command": "open", "params": {}})).await;
    let command = next_command(&mut device).await;
    assert_eq!(tab.ask(json!({"type": "ping"})).await["type"], "pong");
    answer(&mut device, &command, true, json!(5)).await;

    let reply = tab.next_of("reply").await;
    let data = json!({"commandId": command["commandId"], "ok": true, "result": 5});
    assert_eq!(reply, json!({"type": "reply", "id": 7, "ok": true, "data": data}));
    let refused = tab.ask(json!({"type": "command", "id": 8, "moduleId": "nobody", "command": "open"})).await;
    assert_eq!((&refused["id"], &refused["problem"]["status"]), (&json!(8), &json!(404)));
    let refused = tab.ask(json!({"type": "command", "id": 9, "moduleId": ID})).await;
    assert_eq!((&refused["id"], &refused["problem"]["status"]), (&json!(9), &json!(422)));
}
