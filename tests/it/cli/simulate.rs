use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::process::{Ran, Scratch, TestProcess, run, run_with};
use crate::support::{ADMIN, PASSWORD};

const LOGIN: [(&str, &str); 2] = [("CARILLON_EMAIL", ADMIN), ("CARILLON_PASSWORD", PASSWORD)];

/// The number behind a name in the summary.
fn figure(ran: &Ran, name: &str) -> u64 {
    let line = ran.stdout.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().parse().ok()).unwrap_or_else(|| panic!("no `{name}` in {ran:?}"))
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
