use serde_json::Value;

use crate::support::process::{Ran, Scratch, run};

/// Runs a measurement on a hub that it starts by itself.
async fn bench(arguments: &[&str]) -> (Ran, Value) {
    let scratch = Scratch::new();
    let ran = run(scratch.path(), &[&["bench", "--json"], arguments].concat()).await;
    let report = serde_json::from_str(&ran.stdout).unwrap_or_default();

    (ran, report)
}

#[actix::test]
async fn a_fan_out_is_delivered_whole_and_in_order() {
    let (ran, report) =
        bench(&["fanout", "--sessions", "20", "--topics", "2", "--publishers", "4", "--duration", "1s"]).await;

    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(report["figures"]["deliveries"], 1000, "{report}");
    assert_eq!(report["faults"], serde_json::json!([]));
    assert!(report["figures"]["serverRssMib"].as_f64() > Some(1.0), "{report}");
}

#[actix::test]
async fn telemetry_is_acknowledged_whole() {
    let (ran, report) = bench(&["telemetry", "--modules", "20", "--online", "10", "--duration", "2s"]).await;

    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(report["figures"]["readings"], 20, "{report}");
}

#[actix::test]
async fn readings_are_acknowledged_by_every_door() {
    for (door, batch) in [("mqtt", "1"), ("mqtt", "20"), ("websocket", "1"), ("http", "20")] {
        let load = ["--modules", "5", "--watchers", "2", "--rate", "5", "--duration", "1s"];
        let (ran, report) = bench(&[&["ingest", "--door", door, "--batch", batch][..], &load].concat()).await;

        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(report["figures"]["failed"], 0, "{report}");
        assert!(report["figures"]["readingsPerSecond"].as_f64() > Some(1.0), "{report}");
    }
}

#[actix::test]
async fn the_price_of_a_reading_by_http_is_told_beside_the_floor() {
    let load = ["--modules", "2", "--watchers", "0", "--rate", "50", "--duration", "1s"];
    for floor in ["--floor=bare", "--floor=storing"] {
        let (ran, report) = bench(&[&["ingest", "--door", "http", "--batch", "50", floor][..], &load].concat()).await;

        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(report["figures"]["floorFailed"], 0, "{report}");
        assert!(report["figures"]["floorReadingsPerSecond"].as_f64() > Some(1.0), "{report}");
        assert!(report["figures"]["floorRatio"].is_number(), "{report}");
    }
}

#[actix::test]
async fn who_comes_back_gets_what_was_missed_from_memory_and_from_the_table() {
    let (ran, report) = bench(&["resume", "--journal", "3000", "--missed", "500", "--resumes", "5"]).await;

    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(report["faults"], serde_json::json!([]));
    assert!(report["figures"]["tableCpuMs"].is_number(), "{report}");
}

#[actix::test]
async fn stalled_clients_are_right_again_when_they_read() {
    let half = ["--modules", "5", "--rate", "50", "--duration", "2s"];
    let (ran, report) = bench(&[&["slow", "--healthy", "5", "--stalled", "3"][..], &half].concat()).await;

    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(report["faults"], serde_json::json!([]));
    // On a busy machine newer values may overtake some.
    assert!(report["figures"]["deliveriesWith"].as_u64().is_some_and(|count| (100..=500).contains(&count)), "{report}");
    assert!(report["figures"]["freshMaxMs"].is_number(), "{report}");
}

#[actix::test]
async fn everybody_is_back_after_a_restart() {
    let (ran, report) = bench(&["restart", "--sessions", "20", "--events", "5"]).await;

    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(report["figures"]["recovered"], 20, "{report}");
}

#[actix::test]
async fn more_connections_than_open_files_are_refused_with_the_most_there_can_be() {
    let (ran, _) = bench(&["idle", "--sessions", "4000000000"]).await;

    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("take at most"), "{ran:?}");
}

#[actix::test]
async fn what_cannot_be_measured_is_refused_before_anything_starts() {
    for (arguments, told) in [
        (&["ingest", "--door", "websocket", "--batch", "2"][..], "`--batch`"),
        (&["ingest", "--door", "mqtt", "--floor"], "`--door http`"),
        (&["fanout", "--target", "floor", "--topics", "2"], "`--topics`"),
        (&["fanout", "--target", "nchan", "--url", "http://127.0.0.1:9", "--deflate"], "`--deflate`"),
    ] {
        let (ran, _) = bench(arguments).await;

        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(told), "{arguments:?}: {ran:?}");
    }
}

#[actix::test]
async fn nothing_is_kept_or_lost_when_everything_comes_and_goes() {
    let load = ["--duration", "10s", "--stay", "3s", "--modules", "6", "--listeners", "3"];
    let (ran, report) = bench(&[&["soak"][..], &load].concat()).await;

    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(report["faults"], serde_json::json!([]), "{report}");
    assert_eq!(report["notes"].as_array().map(Vec::len), Some(10), "{report}");
    for figure in ["sessions", "cut", "caughtUp", "logins", "readings", "deliveries"] {
        assert!(report["figures"][figure].as_f64() > Some(0.0), "no {figure} in {report}");
    }
}

#[actix::test]
async fn what_one_more_costs_is_told_for_each_kind_of_thing() {
    let load = ["--duration", "1s", "--clients", "5", "--online", "5", "--missed", "20", "--rate", "20"];
    for (of, sizes) in [("clients", "2,10"), ("topics", "1,4"), ("modules", "1,20"), ("journal", "20,200")] {
        let (ran, report) = bench(&[&["growth", of, "--sizes", sizes][..], &load].concat()).await;

        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(report["faults"], serde_json::json!([]), "{report}");
        assert_eq!(report["sizes"].as_array().map(Vec::len), Some(2), "{report}");
        for trend in report["trends"].as_array().expect("lines") {
            assert!(trend["slope"].is_number(), "{trend}");
        }
    }
}
