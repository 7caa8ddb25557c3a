use serde_json::json;

use super::about;
use crate::support::process::{Scratch, TestProcess, run};
use crate::support::{PASSWORD, TestTab};

#[actix::test]
async fn what_a_command_changes_beside_the_hub_is_told_once_and_shown() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;
    let admin = hub.admin().await;
    let ada = json!({"email": "ada@example.org", "name": "Ada", "password": PASSWORD, "roles": ["user"]});
    let ada = admin.post("/api/v1/users", ada).await.json()["id"].clone();
    let module = json!({"moduleId": "MC-1", "name": "North gate", "type": "Station", "userId": ada});
    assert_eq!(admin.post("/api/v1/modules", module).await.status, 201);
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    tab.begin(&["modules"]).await;

    let removed = run(data.path(), &["user", "remove", "ada@example.org"]).await;
    assert_eq!(removed.code, Some(0), "{removed:?}");

    let updated = tab.event("rt_module_updated").await;
    assert_eq!((&updated["moduleId"], &updated["userId"]), (&json!("MC-1"), &json!(null)));
    assert_eq!(admin.get("/api/v1/modules/MC-1").await.json()["userId"], json!(null));
    assert_eq!(admin.patch("/api/v1/modules/MC-1", json!({"name": "South gate"})).await.status, 200);
    assert_eq!(tab.event("rt_module_updated").await["name"], "South gate");
    assert_eq!(about(&tab.settle().await, "MC-1"), Vec::<String>::new());
}
