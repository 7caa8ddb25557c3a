//! What names no time: the hub gives it one, which no reading before it has, also after a kill.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::ID;
use super::verdict;
use crate::support::Answer;
use crate::support::process::{Scratch, TestProcess};

/// Readings of one request; as many milliseconds, more than lie between two of them.
const BATCH: usize = 4000;

#[actix::test]
async fn readings_without_a_time_are_all_found_however_soon_the_hub_is_back_from_a_kill() {
    let data = Scratch::new();
    let (mut token, mut sent) = (String::new(), 0);
    for round in 0..3 {
        let mut hub = TestProcess::start_with(data.path(), &[]).await;
        if round == 0 {
            token = hub.admin().await.create_module(ID).await;
        }
        for _ in 0..2 {
            let body: Value = (sent..sent + BATCH).map(|number| json!({"telemetry": {"n": number}})).collect();
            let path = format!("/api/v1/modules/{ID}/telemetry");
            let answer = Answer::attempt(&hub.authority, "POST", &path, &token, Some(&body)).await;
            assert_eq!(answer.expect("an answer").status, 200);
            sent += BATCH;
        }
        hub.kill().await;
    }

    let hub = TestProcess::start_with(data.path(), &[]).await;
    let found = verdict::found(&hub.admin().await, ID).await;
    let numbers: BTreeSet<_> = found.values().filter_map(Value::as_u64).collect();
    assert_eq!((found.len(), numbers.len()), (sent, sent), "readings that were acknowledged are not there");
}
