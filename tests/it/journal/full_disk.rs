use serde_json::json;

use super::{ready, say};
use crate::support::process::{Scratch, TestProcess};
use crate::support::{Answer, TestTab, within};

#[actix::test]
async fn a_full_disk_is_noticed_and_what_cannot_be_kept_is_seen_by_nobody() {
    let data = Scratch::of_sqlite();
    let hub = TestProcess::start_for_full_disks(data.path()).await;
    let admin = hub.admin().await;
    let mut tab = TestTab::connect(&hub.authority, &admin.access_token).await;
    tab.begin(&["custom:a", "modules"]).await;
    assert_eq!(ready(&hub).await, 200);

    hub.fill_disk(true);
    assert_eq!(say(&hub.authority, &admin, 1).await, 503);
    let module = json!({"moduleId": "MC-1", "name": "North gate", "type": "Station"});
    assert_eq!(admin.post("/api/v1/modules", module.clone()).await.status, 503);
    within("the hub to notice", async {
        while ready(&hub).await != 503 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
    assert_eq!(Answer::of(&hub.authority, "GET", "/health/live", &[], None).await.status, 200);
    assert_eq!(tab.settle().await, Vec::<serde_json::Value>::new());

    hub.fill_disk(false);
    assert_eq!(say(&hub.authority, &admin, 2).await, 202);
    assert_eq!(tab.event("rt_count").await["n"], 2);
    assert_eq!(admin.post("/api/v1/modules", module).await.status, 201);
    assert_eq!(tab.next_event().await, "rt_module_added");
    assert_eq!(ready(&hub).await, 200);
}
