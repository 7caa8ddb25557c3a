//! Modules that get another type while their device is away.

use serde_json::json;

use super::{COMMANDS, ID, answer, ask, next_command};
use crate::support::{TestDevice, TestHub};

const STOPS: &str = "/api/v1/emergency-stops";

#[actix::test]
async fn who_gets_a_type_that_must_stand_still_while_away_is_told_nothing_that_waited() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let gate = json!({"moduleId": ID, "name": "gate", "type": "Gate"});
    let token = owner.post("/api/v1/modules", gate).await.json()["token"].as_str().expect("a token").to_owned();
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    drop(ask(&owner, json!({"command": "open", "timeoutMs": 60000})));
    let open = next_command(&mut device).await;
    // The device goes away with the hub.
    let hub = TestHub::on(&hub.stop().await, &[]).await;
    let owner = hub.admin().await;
    let made = owner.post(STOPS, json!({"scope": "type", "type": "sTATION"})).await.json();
    let mut tab = hub.tab(&owner, &["module:MC-1001-STN"]).await;
    let module = format!("/api/v1/modules/{ID}");

    assert_eq!(owner.patch(&module, json!({"type": "Valve"})).await.status, 200);
    assert_eq!(owner.get(COMMANDS).await.json()["items"][0]["status"], "sent", "another type need not stand still");
    assert_eq!(owner.patch(&module, json!({"type": "Station"})).await.status, 200);

    let told = tab.event("rt_command_updated").await;
    assert_eq!((&told["commandId"], &told["status"]), (&open["commandId"], &json!("cancelled")));
    assert_eq!(owner.get(COMMANDS).await.json()["items"][0]["status"], "cancelled");
    let clear = format!("{STOPS}/{}/clear", made["stopId"].as_str().expect("an id"));
    assert_eq!(owner.post(&clear, json!({})).await.status, 200);
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    device.report(1, json!({"told": "nothing"})).await;
    drop(ask(&owner, json!({"command": "close"})));
    let next = next_command(&mut device).await;
    assert_eq!(next["command"], "close");
    answer(&mut device, &next, true, json!(null)).await;
}

#[actix::test]
async fn an_owner_takes_no_module_out_of_the_stop_of_its_type() {
    let hub = TestHub::start().await;
    let (ada, admin) = (hub.user("ada@example.org").await, hub.admin().await);
    let lamp = json!({"moduleId": ID, "name": "lamp", "type": "Lamp"});
    assert_eq!(ada.post("/api/v1/modules", lamp).await.status, 201);
    let made = admin.post(STOPS, json!({"scope": "type", "type": "Lamp"})).await.json();
    let module = format!("/api/v1/modules/{ID}");

    let refused = ada.patch(&module, json!({"type": "Other"})).await;
    assert_eq!((refused.status, &refused.json()["type"]), (409, &json!("/problems/module-stopped")));
    assert_eq!(ada.patch(&module, json!({"name": "Lamp 1", "type": "lamp"})).await.status, 200, "it stays held");
    let clear = format!("{STOPS}/{}/clear", made["stopId"].as_str().expect("an id"));
    assert_eq!(admin.post(&clear, json!({})).await.status, 200);
    assert_eq!(ada.patch(&module, json!({"type": "Other"})).await.status, 200);
}
