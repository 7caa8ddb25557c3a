//! A module gets another owner.

use serde_json::json;

use super::push;
use crate::support::TestHub;

const ID: &str = "MC-1001-STN";
const PATH: &str = "/api/v1/modules/MC-1001-STN";

#[actix::test]
async fn after_a_transfer_the_new_owner_sees_the_module_and_the_old_one_nothing_of_it() {
    let hub = TestHub::start().await;
    let (ada, ben) = (hub.user("ada@example.org").await, hub.user("ben@example.org").await);
    let token = ada.create_module(ID).await;
    assert_eq!(push(&hub, ID, &token, json!({"telemetry": {"speed": 1}})).await.status, 200);
    let mut of_ada = hub.tab(&ada, &["modules", "module:MC-1001-STN"]).await;
    let mut of_ben = hub.tab(&ben, &["modules"]).await;

    let moved = ada.patch(PATH, json!({"userId": ben.id, "name": "of Ben"})).await;

    assert_eq!((moved.status, &moved.json()["userId"]), (200, &json!(ben.id)));
    assert_eq!(of_ada.event("rt_module_removed").await, json!({"moduleId": ID, "userId": ada.id}));
    assert_eq!(of_ben.event("rt_module_added").await["moduleId"], ID);
    assert_eq!(of_ben.event("rt_telemetry_updated").await["telemetry"], json!({"speed": 1}));
    assert_eq!(ada.get(PATH).await.status, 404);
    assert_eq!(push(&hub, ID, &token, json!({"telemetry": {"speed": 2}})).await.status, 200);
    assert_eq!(of_ben.event("rt_telemetry_updated").await["telemetry"], json!({"speed": 2}));
    let later = of_ada.settle().await;
    assert!(!later.iter().any(|frame| frame["type"] == "event"), "{later:?}");
    assert_eq!(hub.tab(&ada, &["modules"]).await.settle().await.len(), 0);
}

#[actix::test]
async fn only_admins_take_a_module_from_everybody_and_nobody_gives_it_to_nobody_known() {
    let hub = TestHub::start().await;
    let (admin, ada) = (hub.admin().await, hub.user("ada@example.org").await);
    ada.create_module(ID).await;

    assert_eq!(ada.patch(PATH, json!({"userId": null})).await.status, 403);
    assert_eq!(ada.patch(PATH, json!({"userId": "nobody"})).await.status, 422);
    assert_eq!(ada.get(PATH).await.json()["userId"], ada.id.as_str());
    assert_eq!(admin.patch(PATH, json!({"userId": null})).await.status, 200);
    assert_eq!(ada.get(PATH).await.status, 404);
    assert_eq!(admin.get(PATH).await.json()["userId"], json!(null));
}

#[actix::test]
async fn the_modules_of_a_removed_account_belong_to_nobody() {
    let hub = TestHub::start().await;
    let (admin, ada) = (hub.admin().await, hub.user("ada@example.org").await);
    ada.create_module(ID).await;
    let mut tab = hub.tab(&admin, &["modules"]).await;

    assert_eq!(admin.delete(&format!("/api/v1/users/{}", ada.id)).await.status, 204);

    assert_eq!(tab.event("rt_module_updated").await["userId"], json!(null));
    assert_eq!(admin.get(PATH).await.json()["userId"], json!(null));
}

#[actix::test]
async fn the_new_owner_of_a_module_that_is_online_knows_that_it_is() {
    let hub = TestHub::start().await;
    let (_, _device) = hub.owner_with_module(ID).await;
    let (admin, ben) = (hub.admin().await, hub.user("ben@example.org").await);
    hub.until_metric("carillon_modules_online", |online| online == 1.0).await;
    let mut of_ben = hub.tab(&ben, &["modules"]).await;

    assert_eq!(admin.patch(PATH, json!({"userId": ben.id})).await.status, 200);

    let added = of_ben.event("rt_module_added").await;
    assert_eq!((&added["moduleId"], &added["status"]), (&json!(ID), &json!("online")));
    assert_eq!(added["lastSeen"], ben.get(PATH).await.json()["lastSeen"]);
    let silent = admin.create_module("MC-2").await;
    assert!(!silent.is_empty());
    assert_eq!(admin.patch("/api/v1/modules/MC-2", json!({"userId": ben.id})).await.status, 200);
    let added = of_ben.event("rt_module_added").await;
    assert_eq!((&added["status"], &added["lastSeen"]), (&json!("offline"), &json!(null)));
}
