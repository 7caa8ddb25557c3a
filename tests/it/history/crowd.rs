use std::time::{Duration, Instant};

use futures_util::future::select_all;
use serde_json::json;

use super::{ID, an_hour_ago, reading, report};
use crate::support::database::Intruder;
use crate::support::{TestHub, within};

/// Questions about the history that are asked at once.
const MANY: usize = 48;
/// How soon others are answered meanwhile.
const SOON: Duration = Duration::from_secs(1);

/// Puts something in the place of the table that every question about the history looks into, so that each takes long.
fn slow_down(hub: &TestHub) {
    let mut intruder = Intruder::of(hub.data());
    let (before, slow) = match intruder {
        Intruder::Sqlite(_) => (
            "PRAGMA busy_timeout = 5000;",
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT -count(*) FROM n",
        ),
        Intruder::Postgres(_) => ("", "SELECT CASE WHEN pg_sleep(3) IS NULL THEN -2 ELSE -1 END"),
    };
    intruder.say(&format!(
        "{before} ALTER TABLE series RENAME TO series_kept;
         CREATE VIEW series AS SELECT * FROM series_kept
         UNION ALL SELECT -1, slow.module, '', 0, 0, 0, 0, 0, 0, 0 FROM (SELECT ({slow}) AS module) AS slow"
    ));
}

#[actix::test]
async fn while_many_ask_for_much_of_the_history_a_login_and_a_stop_are_answered_at_once() {
    let settings = [("CARILLON__TELEMETRY__SEAL_AFTER", "1h"), ("CARILLON__HISTORY__TIDY_INTERVAL", "1h")];
    let hub = TestHub::with(&settings).await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    report(&hub, &token, reading(an_hour_ago(), 0, json!({"a": 1}))).await;
    slow_down(&hub);
    let question = || {
        let (owner, path) = (owner.clone(), format!("/api/v1/modules/{ID}/telemetry?interval=1s"));
        actix::spawn(async move { owner.get(&path).await.status })
    };
    let (first, _, others) = within("one is answered", select_all((0..MANY).map(|_| question()))).await;
    assert!(matches!(first.expect("it is answered"), 200 | 422 | 429));

    let mut took = Vec::new();
    for attempt in 0..3 {
        let started = Instant::now();
        let owner = hub.admin().await;
        let stop = json!({"scope": "module", "moduleId": ID, "reason": format!("smoke {attempt}")});
        let made = owner.post("/api/v1/emergency-stops", stop).await;
        assert!(matches!(made.status, 200 | 201), "{}", made.text);
        took.push(started.elapsed());
    }

    assert!(others.iter().any(|question| !question.is_finished()), "nobody waited any more");
    assert!(took.iter().min() < Some(&SOON), "{took:?}");
    for other in others {
        let status = within("each is answered or told to come back", other).await.expect("it is answered");
        // 422: on a slow machine it takes longer than a question may.
        assert!(matches!(status, 200 | 422 | 429 | 503), "{status}");
    }
}
