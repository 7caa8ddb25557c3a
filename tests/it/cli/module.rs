use crate::support::process::{Ran, Scratch, TestProcess, run, run_with};
use crate::support::{ADMIN, PASSWORD};
use crate::support::{Answer, TestDevice};

async fn module(hub: &TestProcess, data: &Scratch, arguments: &[&str]) -> Ran {
    let url = format!("http://{}", hub.authority);
    let login = [("CARILLON_EMAIL", ADMIN), ("CARILLON_PASSWORD", PASSWORD)];
    let arguments = [&["module", "--url", &url], arguments].concat();
    run_with(data.path(), &arguments, &login, "").await
}

#[actix::test]
async fn a_module_is_added_renamed_given_a_new_token_and_removed() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;

    let added = module(&hub, &data, &["add", "MC-1001-STN", "--type", "Station", "--json"]).await.json();
    let old = added["token"].as_str().expect("the token is shown once").to_owned();
    assert_eq!(added["module"]["name"], "MC-1001-STN");

    assert_eq!(module(&hub, &data, &["rename", "MC-1001-STN", "Main station"]).await.code, Some(0));
    let listed = module(&hub, &data, &["list", "--search", "main", "--json"]).await.json();
    assert_eq!(listed[0]["name"], "Main station", "{listed}");

    let rotated = module(&hub, &data, &["rotate", "MC-1001-STN", "--json"]).await.json();
    assert_eq!(push(&hub, &old).await, 401);
    assert_eq!(push(&hub, rotated["token"].as_str().expect("a new token")).await, 200);

    assert_eq!(module(&hub, &data, &["remove", "MC-1001-STN"]).await.code, Some(0));
    let left = module(&hub, &data, &["list", "--json"]).await.json();
    assert_eq!(left.as_array().map(Vec::len), Some(0), "{left}");
}

#[actix::test]
async fn a_claimable_module_belongs_to_nobody_and_its_code_is_shown() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;

    let shown = module(&hub, &data, &["add", "MC-1", "--type", "Station", "--claimable"]).await;
    let told = module(&hub, &data, &["add", "MC-2", "--type", "Station", "--claimable", "--json"]).await.json();
    let both = module(&hub, &data, &["add", "MC-3", "--type", "Station", "--claimable", "--owner", "me"]).await;

    assert!(shown.code == Some(0) && shown.stdout.contains("its claim code, shown this once"), "{shown:?}");
    assert!(told["claimCode"].is_string() && told["module"]["userId"].is_null(), "{told}");
    assert_eq!(both.code, Some(2), "{both:?}");
    let claimed =
        hub.admin().await.post("/api/v1/modules/claim", serde_json::json!({"claimCode": told["claimCode"]})).await;
    assert_eq!(claimed.status, 200, "{}", claimed.text);
}

#[actix::test]
async fn long_lists_are_shown_whole() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;
    let admin = hub.admin().await;
    for number in 0..120 {
        admin.create_module(&format!("M-{number}")).await;
    }
    let token = admin.create_module("ONLINE").await;
    let _device = TestDevice::connect(&hub.authority, &token).await;

    let all = module(&hub, &data, &["list"]).await;
    let online = module(&hub, &data, &["list", "--status", "online", "--json"]).await.json();

    assert_eq!(all.stdout.lines().count(), 122, "{all:?}");
    assert_eq!((online.as_array().map(Vec::len), &online[0]["moduleId"]), (Some(1), &"ONLINE".into()));
}

#[actix::test]
async fn a_refusal_tells_what_to_do() {
    let data = Scratch::new();
    let hub = TestProcess::start(data.path()).await;
    let added = module(&hub, &data, &["add", "A", "--type", "Station"]).await;
    assert!(added.stdout.contains("shown this once"), "{added:?}");

    let again = module(&hub, &data, &["add", "A", "--type", "Station"]).await;
    let odd = module(&hub, &data, &["remove", "../A"]).await;
    let missing = module(&hub, &data, &["rotate", "B"]).await;
    let nobody = run(data.path(), &["module", "list", "--url", &format!("http://{}", hub.authority)]).await;
    let nowhere = run_with(
        data.path(),
        &["module", "list", "--url", "http://127.0.0.1:1", "--email", ADMIN, "--password", PASSWORD],
        &[],
        "",
    );

    assert!(again.code == Some(1) && again.stderr.contains("already exists"), "{again:?}");
    assert!(odd.code == Some(2) && odd.stderr.contains("is not a module id"), "{odd:?}");
    assert!(missing.code == Some(1) && missing.stderr.contains("404"), "{missing:?}");
    assert!(nobody.code == Some(2) && nobody.stderr.contains("CARILLON_EMAIL"), "{nobody:?}");
    let nowhere = nowhere.await;
    assert!(nowhere.code == Some(1) && nowhere.stderr.contains("carillon serve"), "{nowhere:?}");
}

async fn push(hub: &TestProcess, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let body = serde_json::json!({"telemetry": {"t": 1}});
    let path = "/api/v1/modules/MC-1001-STN/telemetry";
    Answer::of(&hub.authority, "POST", path, &[("authorization", &bearer)], Some(body)).await.status
}
