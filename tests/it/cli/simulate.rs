use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::support::process::{Ran, Scratch, TestProcess, run, run_with};
use crate::support::{ADMIN, Account, PASSWORD, TestHub, within};

const LOGIN: [(&str, &str); 2] = [("CARILLON_EMAIL", ADMIN), ("CARILLON_PASSWORD", PASSWORD)];

/// The faults of the simulations here; every reading that is not lost arrives in the end.
const FAULTS: [&str; 14] = [
    "--drop",
    "0.05",
    "--duplicate",
    "0.1",
    "--late",
    "0.1",
    "--out-of-order",
    "0.1",
    "--revise",
    "0.1",
    "--disconnect",
    "0.02",
    "--clock-skew",
    "1m",
];

/// What was acknowledged of each module, by its time; of two of one time the last.
type Recorded = BTreeMap<String, BTreeMap<String, Map<String, Value>>>;

/// The last number behind a name in the summary, which counts all doors.
fn figure(ran: &Ran, name: &str) -> u64 {
    figures(ran, name).last().copied().unwrap_or_else(|| panic!("no `{name}` in {ran:?}"))
}

/// The numbers behind a name in the summary: by WebSocket, HTTP, MQTT and all.
fn figures(ran: &Ran, name: &str) -> Vec<u64> {
    let line = ran.stdout.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

fn recorded(file: &Path) -> Recorded {
    let mut all = Recorded::new();
    for line in fs::read_to_string(file).expect("the file is there").lines() {
        let line: Value = serde_json::from_str(line).expect("a JSON object a line");
        let text = |key: &str| line[key].as_str().expect("a text").to_owned();
        let telemetry = line["telemetry"].as_object().expect("an object").clone();
        all.entry(text("moduleId")).or_default().insert(text("ts"), telemetry);
    }
    all
}

/// Every sample of a module, as `ts key value`.
async fn stored(admin: &Account, id: &str) -> Vec<String> {
    let export = admin.get(&format!("/api/v1/modules/{id}/telemetry/export?format=ndjson")).await;
    assert_eq!(export.status, 200, "{}", export.text);
    let samples = export.text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    samples.map(|sample| sample_of(&sample["ts"], &sample["key"], &sample["value"])).collect()
}

fn sample_of(ts: &Value, key: &Value, value: &Value) -> String {
    // 21 and 21.0 are one number.
    let value = value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string());
    format!("{ts} {key} {value}")
}

/// Simulates against a hub in this process, with all faults.
async fn simulate(hub: &TestHub, data: &Scratch, record: &str, more: &[&str]) -> (Ran, Recorded) {
    let (url, mqtt) = (format!("http://{}", hub.authority), hub.mqtt().to_string());
    let [tokens, record] = ["tokens.json", record].map(|name| data.path().join(name));
    fs::create_dir_all(data.path()).expect("a folder can be made");
    let (tokens, file) = (tokens.display().to_string(), record.display().to_string());
    let line = ["simulate", "--url", &url, "--mqtt", &mqtt, "--tokens", &tokens, "--record", &file];
    let ran = run_with(data.path(), &[&line[..], more].concat(), &LOGIN, "").await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    (ran, recorded(&record))
}

#[actix::test]
async fn with_every_fault_the_history_holds_each_acknowledged_reading_once_and_of_one_time_the_last() {
    let hub = TestHub::start().await;
    let data = Scratch::new();
    let line = ["--modules", "8", "--door", "mixed", "--rate", "10", "--reports", "60", "--seed", "7"];
    let line = [&line[..], &FAULTS].concat();

    let (ran, first) = simulate(&hub, &data, "first", &line).await;

    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(figure(&ran, "refused"), 0, "{ran:?}");
    assert_eq!(figures(&ran, "sent"), figures(&ran, "acknowledged"), "it ends when all is answered: {ran:?}");
    for name in ["sent", "retried", "reconnects"] {
        assert!(figures(&ran, name).iter().all(|by_door| *by_door > 0), "{name}: {ran:?}");
    }
    let admin = hub.admin().await;
    for (id, readings) in &first {
        let must: BTreeSet<String> = readings
            .iter()
            .flat_map(|(ts, telemetry)| {
                telemetry.iter().map(move |(key, value)| sample_of(&json!(ts), &json!(key), value))
            })
            .collect();
        let stored = stored(&admin, id).await;
        assert_eq!(stored.len(), must.len(), "{id}: each once");
        assert_eq!(BTreeSet::from_iter(stored), must, "{id}");
    }
    assert_eq!(first.len(), 8);

    // Another time, another fate of each connection, and the same readings with the same faults.
    let (ran, second) = simulate(&hub, &data, "second", &line).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let told = |recorded: Recorded| -> Vec<Vec<Map<String, Value>>> {
        recorded.into_values().map(|readings| readings.into_values().collect()).collect()
    };
    assert_eq!(told(first), told(second));
}

#[actix::test]
async fn simulated_modules_obey_commands_by_mqtt_and_websocket() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for (door, first, id) in [("mqtt", "3001", "MC-3001-STN"), ("ws", "4001", "MC-4001-STN")] {
        let data = Scratch::new();
        let line = ["--modules", "1", "--door", door, "--first", first, "--duration", "4s"];
        let obeying = within("obedience", async {
            let path = format!("/api/v1/modules/{id}/commands");
            let command = json!({"command": "set", "params": {"light": "on"}, "timeoutMs": 3000});
            // It connects at a moment of its own.
            loop {
                let answer = admin.post(&path, command.clone()).await;
                if answer.status == 200 {
                    return answer.json();
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        });
        let ((ran, _), answer) = tokio::join!(simulate(&hub, &data, "record", &line), obeying);

        assert_eq!((&answer["ok"], &answer["result"]), (&json!(true), &json!({"light": "on"})), "{door}: {answer}");
        assert_eq!(ran.code, Some(0), "{door}: {ran:?}");
        let twin = admin.get(&format!("/api/v1/modules/{id}/twin")).await.json();
        assert_eq!(twin["reported"]["light"], "on", "{door}: {twin}");
    }
}

#[actix::test]
async fn simulated_modules_register_report_and_come_back_by_their_tokens() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;
    let url = format!("http://{}", hub.authority);
    let tokens = data.path().join("tokens.json");
    let file = tokens.display().to_string();
    let line = [
        "simulate",
        "--url",
        &url,
        "--modules",
        "8",
        "--rate",
        "4",
        "--door",
        "mixed",
        "--duration",
        "3s",
        "--tokens",
        &file,
    ];

    let first = run_with(data.path(), &line, &LOGIN, "").await;
    let second = run(data.path(), &line).await;

    for ran in [&first, &second] {
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(figure(ran, "acknowledged") >= 40, "{ran:?}");
        assert_eq!((figure(ran, "refused"), figure(ran, "reconnects")), (0, 0), "{ran:?}");
    }
    assert_eq!(fs::metadata(&tokens).expect("the file is there").permissions().mode() & 0o777, 0o600);
    let listed = hub.admin().await.get("/api/v1/modules?perPage=100").await.json();
    assert_eq!(listed["total"], 8, "{listed}");
    assert!(listed["items"].to_string().contains("MC-2001-STN"), "{listed}");
}

#[actix::test]
async fn without_tokens_and_without_an_account_a_simulation_tells_what_it_needs() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;

    let ran = run(data.path(), &["simulate", "--url", &format!("http://{}", hub.authority)]).await;

    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("`--email`"), "{ran:?}");
}

#[actix::test]
async fn a_door_by_which_nobody_came_in_is_told() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;
    let (url, closed) = (format!("http://{}", hub.authority), "127.0.0.1:9");
    let line = ["simulate", "--url", &url, "--door", "mqtt", "--mqtt", closed, "--modules", "2", "--duration", "2s"];

    let ran = run_with(data.path(), &line, &LOGIN, "").await;

    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("no module ever came in") && ran.stderr.contains(closed), "{ran:?}");
}
