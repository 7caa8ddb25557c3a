use serde_json::{Value, json};

use super::{ID, an_hour_ago, reading, report, time};
use crate::support::TestHub;

#[actix::test]
async fn a_file_holds_everything_in_either_format() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    // More than is read at once.
    let readings: Vec<_> = (0..6000).map(|at| json!({"ts": time(start + at, 0), "telemetry": {"a": at}})).collect();
    report(&hub, &token, json!(readings)).await;
    report(&hub, &token, reading(start, 100, json!({"b": "one, \"two\""}))).await;
    let path = format!("/api/v1/modules/{ID}/telemetry/export");

    let csv = owner.get(&path).await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"MC-1001-STN.csv\""));
    let lines: Vec<_> = csv.text.split("\r\n").collect();
    assert_eq!((lines.len(), lines[0]), (6003, "ts,key,value"));
    assert_eq!(lines[1], format!("{},\"a\",0", time(start, 0)));
    assert_eq!(lines[6001], format!("{},\"b\",\"one, \"\"two\"\"\"", time(start, 100)));

    let lines = owner.get(&format!("{path}?format=ndjson&key=a&order=desc")).await;
    let lines: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((lines.len(), &lines[0]), (6000, &json!({"ts": time(start + 5999, 0), "key": "a", "value": 5999})));
}

#[actix::test]
async fn only_who_may_see_a_module_gets_its_file_and_wrong_questions_are_named() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    owner.create_module(ID).await;
    let path = format!("/api/v1/modules/{ID}/telemetry/export");

    assert_eq!(hub.user("stranger@example.org").await.get(&path).await.status, 404);
    for (query, pointer) in [("format=xls", "/format"), ("limit=1", "/limit"), ("from=x", "/from"), ("x=1", "/x")] {
        let answer = owner.get(&format!("{path}?{query}")).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{query}");
    }
    let empty = owner.get(&path).await;
    assert_eq!((empty.status, empty.text.as_str()), (200, "ts,key,value\r\n"));
}
