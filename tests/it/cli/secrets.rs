use serde_json::json;

use crate::support::process::{Scratch, TestProcess, logs_of};
use crate::support::{Answer, PASSWORD, TestDevice, TestTab};

#[actix::test]
async fn no_secret_is_logged() {
    let data = Scratch::new();
    let mut hub = TestProcess::start_with(data.path(), &[("CARILLON__LOG__LEVEL", "info,carillon=trace")]).await;
    let admin = hub.admin().await;
    hub.try_log_in("ada@example.org", "a wrong password").await;
    let token = admin.create_module("MC-1001-STN").await;
    let mut device = TestDevice::connect(&hub.authority, &token).await;
    device.report(1, json!({"speed": 1})).await;
    let ticket = admin.post("/api/v1/auth/ticket", json!({})).await.json()["ticket"].as_str().map(str::to_owned);
    let ticket = ticket.expect("a ticket");
    let path = format!("/api/v1/auth/me?ticket={ticket}");
    Answer::of(&hub.authority, "GET", &path, &[("authorization", "Bearer forged.token.here")], None).await;
    TestTab::connect(&hub.authority, &admin.access_token).await.begin(&["modules"]).await;
    Answer::of(&hub.authority, "POST", "/api/v1/auth/login", &[], Some(json!({"password": "a wrong password"}))).await;

    hub.terminate();
    hub.exit().await;

    let logged = hub.rest_of_log().await + &logs_of(&data);
    assert!(logged.contains("listening") || logged.contains("stopping"), "{logged}");
    let secrets =
        [PASSWORD, "a wrong password", &token, &ticket, &admin.access_token, &admin.refresh_token, "forged.token"];
    for secret in secrets {
        assert!(!logged.contains(secret), "`{secret}` is in the log:\n{logged}");
    }
}
