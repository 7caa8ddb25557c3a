use serde_json::json;

use super::{numbers, resume, say};
use crate::support::{TestHub, TestTab};

#[actix::test]
async fn what_was_pruned_is_a_gap_and_the_rest_is_told() {
    let hub = TestHub::with(&[("CARILLON__BROKER__RING", "16"), ("CARILLON__JOURNAL__MAX_EVENTS", "30")]).await;
    let admin = hub.admin().await;
    let mut tab = hub.tab(&admin, &["custom:a"]).await;
    let mut cursors = Vec::new();
    for number in 0..60 {
        assert_eq!(say(&hub.authority, &admin, number).await, 202);
        tab.event("rt_count").await;
        cursors.push(tab.cursor.clone());
    }
    hub.until_metric("carillon_journal_events", |kept| kept == 30.0).await;

    let (_, missed) = resume(&hub.authority, &admin, &cursors[50], &["custom:a"]).await;
    assert_eq!(numbers(&missed), (51..60).collect::<Vec<_>>());
    let mut late = TestTab::connect(&hub.authority, &admin.access_token).await;
    late.send(json!({"type": "hello", "cursor": cursors[20], "topics": ["custom:a"]})).await;
    assert_eq!(late.next_of("welcome").await["recovered"], false);
    late.next_of("gap").await;
}
