//! Emergency stops.

use serde_json::{Value, json};

use super::{COMMANDS, ID, answer, ask, next_command, refusal};
use crate::support::database::Intruder;
use crate::support::{Account, TestDevice, TestHub};

const STOPS: &str = "/api/v1/emergency-stops";

async fn stop(by: &Account, body: Value) -> Value {
    let made = by.post(STOPS, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()
}

#[actix::test]
async fn a_stop_comes_before_all_that_waits_and_holds_until_it_is_cleared() {
    let hub = TestHub::start().await;
    let (owner, mut device) = hub.owner_with_module(ID).await;
    let mut tab = hub.tab(&owner, &["module:MC-1001-STN"]).await;
    let waiting = ask(&owner, json!({"command": "open", "timeoutMs": 60000}));
    let open = next_command(&mut device).await;

    let made = stop(&owner, json!({"scope": "module", "moduleId": ID, "reason": "smoke"})).await;
    let told = next_command(&mut device).await;
    assert_eq!((&told["command"], &told["commandId"]), (&json!("emergency_stop"), &made["stopId"]));
    assert_eq!((&told["deadline"], &told["params"]["reason"]), (&json!(null), &json!("smoke")));
    assert_eq!(waiting.await.expect("the caller is answered").json()["type"], "/problems/module-stopped");
    assert_eq!(owner.post(COMMANDS, json!({"command": "open"})).await.status, 409);
    answer(&mut device, &open, true, json!(null)).await;
    assert_eq!(refusal(&mut device).await["status"], 409, "it was taken back");
    answer(&mut device, &told, true, json!("standing")).await;
    device.report(1, json!({"after": "the answer"})).await;

    assert_eq!(tab.event("rt_emergency_stop_updated").await["state"], "pending");
    assert_eq!(tab.event("rt_emergency_stop_updated").await["state"], "acknowledged");
    let modules = owner.get(&format!("{STOPS}/{}/modules", made["stopId"].as_str().expect("an id"))).await.json();
    assert_eq!(
        (&modules["items"][0]["state"], &modules["items"][0]["result"]),
        (&json!("acknowledged"), &json!("standing"))
    );
    let again = owner.post(STOPS, json!({"scope": "module", "moduleId": ID})).await;
    assert_eq!((again.status, &again.json()["stopId"]), (200, &made["stopId"]));

    let clear = format!("{STOPS}/{}/clear", made["stopId"].as_str().expect("an id"));
    let cleared = owner.post(&clear, json!({})).await;
    assert_eq!((cleared.status, &cleared.json()["clearedBy"]), (200, &json!(owner.id)), "{}", cleared.text);
    assert_eq!(owner.post(&clear, json!({})).await.status, 200);
    assert_eq!(tab.event("rt_emergency_stop_updated").await["state"], "cleared");
    let asked = ask(&owner, json!({"command": "open"}));
    let open = next_command(&mut device).await;
    answer(&mut device, &open, true, json!(null)).await;
    assert_eq!(asked.await.expect("the caller is answered").status, 200);
    let audit = owner.get("/api/v1/audit?search=MC-1001").await.json();
    let done: Vec<_> = audit["items"].as_array().expect("deeds").iter().map(|deed| deed["action"].clone()).collect();
    assert!(done.contains(&json!("stop.make")) && done.contains(&json!("stop.clear")), "{audit}");
}

#[actix::test]
async fn a_stop_is_told_again_until_it_is_acknowledged_also_after_a_restart() {
    let keys = [("CARILLON__COMMANDS__STOP_RETRY", "100ms")];
    let hub = TestHub::with(&keys).await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let made = stop(&owner, json!({"scope": "all", "reason": "fire"})).await;
    for _ in 0..3 {
        assert_eq!(next_command(&mut device).await["commandId"], made["stopId"]);
    }
    let told = next_command(&mut device).await;
    answer(&mut device, &told, false, json!("jammed")).await;
    let again = next_command(&mut device).await;
    assert_eq!(again["commandId"], made["stopId"], "who refuses is told again");

    let hub = TestHub::on(&hub.stop().await, &keys).await;
    let owner = hub.admin().await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let told = next_command(&mut device).await;
    assert_eq!(told["commandId"], made["stopId"]);
    assert_eq!(owner.post(COMMANDS, json!({"command": "open"})).await.status, 409);
    answer(&mut device, &told, true, json!(null)).await;
    // Its acknowledgement comes behind the answer to the stop.
    device.send(json!({"type": "telemetry", "id": 1, "telemetry": {"a": 1}})).await;
    while device.next().await.expect("the socket stays open")["type"] != "ack" {}
    drop(device);
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    device.report(2, json!({"told": "nothing more"})).await;

    let listed = owner.get(&format!("{STOPS}?active=true")).await.json();
    assert_eq!(
        (&listed["items"][0]["acknowledged"], &listed["items"][0]["pending"]),
        (&json!(1), &json!(0)),
        "{listed}"
    );
}

#[actix::test]
async fn a_stop_takes_back_what_waits_for_a_device_that_is_away_also_after_a_restart() {
    let mut hub = TestHub::start().await;
    let mut owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    for scope in [json!({"scope": "all"}), json!({"scope": "type", "type": "sTATION"})] {
        let mut device = TestDevice::connect(&hub.authority, &token).await;
        drop(ask(&owner, json!({"command": "open", "timeoutMs": 60000})));
        let open = next_command(&mut device).await;
        hub = TestHub::on(&hub.stop().await, &[]).await;
        owner = hub.admin().await;
        let mut tab = hub.tab(&owner, &["module:MC-1001-STN"]).await;

        let made = stop(&owner, scope).await;
        let told = tab.event("rt_command_updated").await;
        assert_eq!((&told["commandId"], &told["status"]), (&open["commandId"], &json!("cancelled")));
        let clear = format!("{STOPS}/{}/clear", made["stopId"].as_str().expect("an id"));
        assert_eq!(owner.post(&clear, json!({})).await.status, 200);

        let mut device = TestDevice::connect(&hub.authority, &token).await;
        device.report(1, json!({"told": "nothing"})).await;
        assert_eq!(owner.get(COMMANDS).await.json()["items"][0]["status"], "cancelled");
    }
}

#[actix::test]
async fn a_stop_is_heard_at_once_when_it_cannot_be_stored_and_is_stored_when_it_can() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let waiting = ask(&owner, json!({"command": "open", "timeoutMs": 60000}));
    next_command(&mut device).await;
    let mut tab = hub.tab(&owner, &["admin", "module:MC-1001-STN"]).await;
    let mut intruder = Intruder::of(hub.data());

    intruder.lock();
    let asked = json!({"scope": "module", "moduleId": ID, "reason": "smoke"});
    let by = owner.clone();
    let making = actix_rt::spawn(async move { by.post(STOPS, asked).await });
    // What waits may come again to a device that has just connected.
    let told = loop {
        let told = next_command(&mut device).await;
        if told["command"] != "open" {
            break told;
        }
    };
    assert_eq!(told["command"], "emergency_stop");
    assert_eq!(waiting.await.expect("the caller is answered").json()["type"], "/problems/module-stopped");
    let made = making.await.expect("the caller is answered");
    assert_eq!((made.status, &made.json()["stored"]), (202, &json!(false)), "{}", made.text);
    assert_eq!((&made.json()["stopId"], &made.json()["pending"]), (&told["commandId"], &json!(1)));
    let again = owner.post(STOPS, json!({"scope": "module", "moduleId": ID})).await;
    assert_eq!((again.status, again.json()["stored"].clone()), (200, json!(false)), "{}", again.text);
    let listed = owner.get(&format!("{STOPS}?active=true")).await.json();
    assert_eq!(listed["items"][0]["stored"], false, "{listed}");
    assert_eq!(hub.metric("carillon_emergency_stops_unstored").await, 1.0);
    assert_eq!(owner.post(COMMANDS, json!({"command": "open"})).await.status, 409);
    let clear = format!("{STOPS}/{}/clear", told["commandId"].as_str().expect("an id"));
    assert_eq!(owner.post(&clear, json!({})).await.status, 503, "what is not stored is not cleared");
    intruder.give_back();

    hub.until_metric("carillon_emergency_stops_unstored", |count| count == 0.0).await;
    let mut states = Vec::new();
    while states.len() < 2 {
        states.push(tab.event("rt_emergency_stop_updated").await["state"].clone());
    }
    assert_eq!(states, ["pending", "pending"], "of the stop, and of its module");
    let hub = TestHub::on(&hub.stop().await, &[]).await;
    let owner = hub.admin().await;
    let listed = owner.get(&format!("{STOPS}?active=true")).await.json();
    assert_eq!((&listed["items"][0]["stopId"], &listed["items"][0]["stored"]), (&told["commandId"], &json!(true)));
    assert_eq!(owner.get(COMMANDS).await.json()["items"][0]["status"], "cancelled");
    let audit = owner.get("/api/v1/audit?action=stop.make").await.json();
    assert_eq!((&audit["total"], &audit["items"][0]["subject"]), (&json!(1), &json!(format!("module:{ID}"))));
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    assert_eq!(next_command(&mut device).await["commandId"], told["commandId"]);
}

#[actix::test]
async fn stops_are_shown_a_page_at_a_time_and_count_what_their_reader_may_see() {
    let hub = TestHub::start().await;
    let (ada, admin) = (hub.user("ada@example.org").await, hub.admin().await);
    let token = ada.create_module(ID).await;
    let other = admin.create_module("MC-2").await;
    let mut ids = Vec::new();
    for scope in [json!({"scope": "module", "moduleId": "MC-2"}), json!({"scope": "type", "type": "sTATION"})] {
        let made = stop(&admin, scope).await;
        let id = made["stopId"].as_str().expect("an id").to_owned();
        assert_eq!(admin.post(&format!("{STOPS}/{id}/clear"), json!({})).await.status, 200);
        ids.insert(0, json!(id));
    }
    let made = stop(&admin, json!({"scope": "all"})).await;
    ids.insert(0, made["stopId"].clone());
    for (token, ok) in [(token, true), (other, false)] {
        let mut device = TestDevice::connect(&hub.authority, &token).await;
        let told = next_command(&mut device).await;
        answer(&mut device, &told, ok, json!(null)).await;
        // Its acknowledgement comes behind the answer to the stop.
        device.send(json!({"type": "telemetry", "id": 1, "telemetry": {"a": 1}})).await;
        while device.next().await.expect("the socket stays open")["type"] != "ack" {}
    }

    let mut paged = Vec::new();
    for page in 1..=3 {
        let one = admin.get(&format!("{STOPS}?perPage=1&page={page}")).await.json();
        assert_eq!(one["total"], 3, "{one}");
        paged.push(one["items"][0]["stopId"].clone());
    }
    assert_eq!(paged, ids, "those in force first, then the newest");
    let counts = async |who: &Account| {
        let page = who.get(STOPS).await.json();
        let counted = |name: &str| page["items"][0][name].as_u64();
        (page["total"].as_u64(), [counted("pending"), counted("acknowledged"), counted("refused")])
    };
    assert_eq!(counts(&admin).await, (Some(3), [Some(0), Some(1), Some(1)]));
    assert_eq!(counts(&ada).await, (Some(2), [Some(0), Some(1), Some(0)]), "not what concerns modules of others only");
    let of_other = admin.get(&format!("{STOPS}?moduleId=MC-2&active=false")).await.json();
    assert_eq!((&of_other["total"], &of_other["items"][1]["stopId"]), (&json!(2), &ids[2]), "{of_other}");
    let modules_of = format!("{STOPS}/{}/modules", made["stopId"].as_str().expect("an id"));
    for (query, total) in [("perPage=1&page=2", 2), ("moduleId=MC-2", 1)] {
        let modules = admin.get(&format!("{modules_of}?{query}")).await.json();
        assert_eq!((&modules["total"], &modules["items"][0]["state"]), (&json!(total), &json!("refused")), "{modules}");
    }
    let foreign = ada.get(&format!("{modules_of}?moduleId=MC-2")).await;
    assert_eq!((foreign.status, &foreign.json()["total"]), (200, &json!(0)), "of a module of somebody else's");
}

#[actix::test]
async fn modules_that_come_into_scope_later_are_stopped_when_they_connect() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let made = stop(&admin, json!({"scope": "type", "type": "station"})).await;
    let station = admin.create_module(ID).await;
    let gate = json!({"moduleId": "MC-2", "name": "gate", "type": "Gate"});
    let gate = admin.post("/api/v1/modules", gate).await.json()["token"].as_str().expect("a token").to_owned();

    let mut station = TestDevice::connect(&hub.authority, &station).await;
    assert_eq!(next_command(&mut station).await["commandId"], made["stopId"]);
    let mut gate = TestDevice::connect(&hub.authority, &gate).await;
    gate.report(1, json!({"goes": "on"})).await;
    assert_eq!(admin.patch("/api/v1/modules/MC-2", json!({"type": "Station"})).await.status, 200);
    assert_eq!(next_command(&mut gate).await["commandId"], made["stopId"]);
}

#[actix::test]
async fn owners_stop_their_own_modules_only_and_admins_everything() {
    let hub = TestHub::start().await;
    let (ada, ben, admin) = (hub.user("ada@example.org").await, hub.user("ben@example.org").await, hub.admin().await);
    ada.create_module(ID).await;
    let own = json!({"scope": "module", "moduleId": ID});

    assert_eq!(ben.post(STOPS, own.clone()).await.status, 404);
    for wide in [json!({"scope": "all"}), json!({"scope": "type", "type": "Station"})] {
        assert_eq!(ada.post(STOPS, wide).await.status, 403);
    }
    for bad in
        [json!({"scope": "module"}), json!({"scope": "all", "moduleId": ID}), json!({"scope": "type"}), json!({})]
    {
        assert_eq!(admin.post(STOPS, bad.clone()).await.status, 422, "{bad}");
    }
    let made = stop(&ada, own).await;
    let path = |what: &str| format!("{STOPS}/{}/{what}", made["stopId"].as_str().expect("an id"));
    assert_eq!(
        (ben.get(STOPS).await.json()["total"].clone(), ada.get(STOPS).await.json()["total"].clone()),
        (json!(0), json!(1))
    );
    assert_eq!(ben.get(&path("modules")).await.status, 404);
    assert_eq!(ben.post(&path("clear"), json!({})).await.status, 404);
    let all = stop(&admin, json!({"scope": "all"})).await;
    let clear_all = format!("{STOPS}/{}/clear", all["stopId"].as_str().expect("an id"));
    assert_eq!(ada.post(&clear_all, json!({})).await.status, 403);
    assert_eq!(admin.post(&path("clear"), json!({})).await.status, 200);
    assert_eq!(admin.post(&clear_all, json!({})).await.status, 200);
    assert_eq!(ada.get(&format!("{STOPS}?active=true&moduleId={ID}")).await.json()["total"], 0);
}

#[actix::test]
async fn what_people_want_reaches_no_device_that_must_stand_still() {
    const TWIN: &str = "/api/v1/modules/MC-1001-STN/twin";
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    assert_eq!(owner.patch(TWIN, json!({"motor": "on"})).await.status, 200);
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    let desired = json!({"type": "desired", "desired": {"motor": "on"}, "version": 1});
    assert_eq!(device.next().await, Ok(desired.clone()));

    let made = stop(&owner, json!({"scope": "module", "moduleId": ID})).await;
    let told = next_command(&mut device).await;
    answer(&mut device, &told, true, json!("standing")).await;
    // Its acknowledgement comes behind the answer to the stop, which a device that comes back would hear again else.
    device.report(1, json!({"after": "the answer"})).await;
    let refused = owner.patch(TWIN, json!({"motor": "fast"})).await;
    assert_eq!(
        (refused.status, &refused.json()["type"]),
        (409, &json!("/problems/module-stopped")),
        "{}",
        refused.text
    );
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    device.report(1, json!({"it": "was told nothing"})).await;

    let clear = format!("{STOPS}/{}/clear", made["stopId"].as_str().expect("an id"));
    assert_eq!(owner.post(&clear, json!({})).await.status, 200);
    assert_eq!(device.next().await, Ok(desired));
    assert_eq!(owner.patch(TWIN, json!({"motor": "off"})).await.status, 200);
    assert_eq!(device.next().await.expect("it is told")["desired"], json!({"motor": "off"}));
}
