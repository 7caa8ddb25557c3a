use serde_json::{Value, json};

use super::{ID, ask, report, time, wait_until_sealed};
use crate::support::database::Intruder;
use crate::support::{Account, Answer, TestHub};

const DAY: i64 = 86_400_000;

async fn hub() -> (TestHub, Account) {
    let settings = [
        ("CARILLON__TELEMETRY__SEAL_AFTER", "0s"),
        ("CARILLON__HISTORY__TIDY_INTERVAL", "1s"),
        ("CARILLON__HISTORY__TIDY_FROM", "0"),
        ("CARILLON__HISTORY__TIDY_UNTIL", "0"),
    ];
    let hub = TestHub::with(&settings).await;
    let owner = hub.admin().await;
    (hub, owner)
}

/// Samples of one day that fill a chunk, and then one a day until yesterday; answers when the first was.
async fn report_days(hub: &TestHub, token: &str, days: i64) -> i64 {
    let now = carillon::domain::time::Timestamp::now().as_millis();
    let first = now - now % DAY - days * DAY;
    let times = (0..240).map(|second| first + second * 1000).chain((1..days).map(|day| first + day * DAY));
    let readings: Vec<_> = times.map(|ts| json!({"ts": time(ts, 0), "telemetry": {"a": ts % 1000}})).collect();
    report(hub, token, json!(readings)).await;
    wait_until_sealed(&hub.authority).await;
    first
}

async fn count(owner: &Account, query: &str) -> usize {
    let from = time(carillon::domain::time::Timestamp::now().as_millis() - 400 * DAY, 0);
    ask(owner, &format!("from={from}&limit=10000{query}")).await["items"].as_array().expect("a list").len()
}

async fn wait_for(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("waited too long until {what}");
}

fn rules(keep: Value) -> Value {
    json!({"rules": [{"scope": "type", "name": "Station", "keep": keep}]})
}

#[actix::test]
async fn a_preview_says_what_a_rule_would_delete_and_the_rule_deletes_it() {
    let (hub, owner) = hub().await;
    let token = owner.create_module(ID).await;
    let first = report_days(&hub, &token, 80).await;
    assert_eq!(count(&owner, "").await, 319);
    let week = rules(json!({"raw": "7d"}));

    let preview = owner.post("/api/v1/retention/preview", week.clone()).await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    let raw = &preview.json()["losses"][0];
    assert_eq!((&raw["tier"], &raw["rows"]), (&json!("raw"), &json!(240)));
    assert_eq!((&raw["from"], &raw["to"]), (&json!(time(first, 0)), &json!(time(first, 239))));
    assert_eq!(count(&owner, "").await, 319, "a preview changes nothing");
    let before = owner.get("/api/v1/retention").await.json();
    assert_eq!((&before["rules"], &before["usage"]["all"]["samples"]), (&json!([]), &json!(319)));
    assert_eq!(before["usage"]["types"][0]["name"], "Station");
    assert!(before["usage"]["all"]["bytes"].as_i64().expect("a number") > 0);

    let set = owner.send("PUT", "/api/v1/retention", Some(week)).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(
        set.json()["rules"][0],
        json!({"scope": "type", "name": "Station", "keep":
        {"raw": "7d", "minutes": null, "quarters": null, "hours": null, "days": null}})
    );
    wait_for("old samples are gone", async || count(&owner, "").await == 79).await;
    let windows = count(&owner, "&interval=1d&agg=count").await;
    assert_eq!(windows, 80, "what they come to stays");

    let old = json!({"ts": time(first, 0), "telemetry": {"a": 1}});
    assert_eq!(super::push(&hub, &token, old).await.status, 422, "what would not be kept is refused");
    let data = hub.stop().await;
    let hub = TestHub::on(&data, &[]).await;
    let rules = hub.admin().await.get("/api/v1/retention").await.json()["rules"].take();
    assert_eq!(rules[0]["keep"]["raw"], "7d", "rules outlive a restart");
}

#[actix::test]
async fn a_size_cap_evicts_the_oldest_samples_first() {
    let settings = [
        ("CARILLON__TELEMETRY__SEAL_AFTER", "0s"),
        ("CARILLON__HISTORY__TIDY_INTERVAL", "1s"),
        ("CARILLON__HISTORY__MAX_BYTES", "50000"),
    ];
    let hub = TestHub::with(&settings).await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let now = carillon::domain::time::Timestamp::now().as_millis();
    for day in (0..20).rev() {
        let at = |sample: i64| now - day * DAY - DAY + sample * 1000;
        let value = |sample: i64| ((sample * 20 + day) as f64 * 1.2345).sin();
        let readings: Vec<_> =
            (0..500).map(|sample| json!({"ts": time(at(sample), 0), "telemetry": {"a": value(sample)}})).collect();
        report(&hub, &token, json!(readings)).await;
    }
    wait_until_sealed(&hub.authority).await;

    let kept = async || owner.get("/api/v1/retention").await.json()["usage"]["all"].take();
    wait_for("samples are gone", async || kept().await["samples"].as_i64().is_some_and(|samples| samples < 10_000))
        .await;
    let page = ask(&owner, "order=desc&limit=1").await;
    assert_eq!(page["items"].as_array().expect("a list").len(), 1, "the newest stay");
}

#[actix::test]
async fn only_admins_set_rules_and_wrong_ones_are_named() {
    let (hub, owner) = hub().await;
    let user = hub.user("user@example.org").await;
    for (method, path) in [("GET", ""), ("PUT", ""), ("POST", "/preview")] {
        let body = (method != "GET").then(|| rules(json!({"raw": "7d"})));
        assert_eq!(user.send(method, &format!("/api/v1/retention{path}"), body).await.status, 403);
    }
    for (body, pointer) in [
        (rules(json!({"raw": "800d"})), "/rules/0/keep"),
        (rules(json!({"raw": "1h"})), "/rules/0/keep"),
        (rules(json!({"raw": "soon"})), "/rules/0/keep/raw"),
        (json!({"rules": [{"scope": "module", "keep": {}}]}), "/rules/0/name"),
        (json!({"rules": [{"scope": "all", "keep": {}}, {"scope": "all", "keep": {}}]}), "/rules/1/keep"),
    ] {
        let answer = owner.send("PUT", "/api/v1/retention", Some(body.clone())).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}");
    }
}

#[actix::test]
async fn the_history_of_a_removed_module_goes() {
    let (hub, owner) = hub().await;
    let token = owner.create_module(ID).await;
    report_days(&hub, &token, 80).await;
    assert_eq!(owner.delete(&format!("/api/v1/modules/{ID}")).await.status, 204);

    let kept = async || owner.get("/api/v1/retention").await.json()["usage"]["all"]["samples"].take();
    wait_for("its samples are gone", async || kept().await == json!(0)).await;
}

#[actix::test]
async fn no_more_is_promised_for_a_month_than_the_rules_keep_and_the_cap_allows() {
    let cap = 1_000_000_000;
    let settings = [
        ("CARILLON__TELEMETRY__SEAL_AFTER", "0s"),
        ("CARILLON__HISTORY__TIDY_INTERVAL", "1h"),
        ("CARILLON__HISTORY__MAX_BYTES", "1000000000"),
    ];
    let hub = TestHub::with(&settings).await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    report_days(&hub, &token, 80).await;
    // So much has come on each of the last days.
    let (day, each) = (carillon::domain::time::Timestamp::now().as_millis() / DAY, 1_000_000);
    // With what the database adds.
    let data = each / 5 * 4;
    let grown = |ago| format!("INSERT INTO history_growth (day, readings, bytes) VALUES ({}, 1, {data});", day - ago);
    Intruder::of(hub.data()).say(&(1..8).map(grown).collect::<String>());
    let in_a_month = async |keep: &str| {
        let keep = json!({"raw": keep, "minutes": keep, "quarters": keep, "hours": keep, "days": keep});
        let set = owner.send("PUT", "/api/v1/retention", Some(rules(keep))).await;
        assert_eq!(set.status, 200, "{}", set.text);
        set.json()["usage"]["inAMonth"].as_i64().expect("a number")
    };

    let for_ever = in_a_month("0s").await;
    assert!((30 * each..31 * each).contains(&for_ever), "{for_ever}");
    assert_eq!(in_a_month("7d").await, 7 * each);
    Intruder::of(hub.data()).say("UPDATE history_growth SET bytes = bytes * 1000");
    assert_eq!(in_a_month("0s").await, cap);
}

#[actix::test]
async fn how_fast_a_new_history_grows_is_told_once_it_can_be_known() {
    let (hub, owner) = hub().await;
    let token = owner.create_module(ID).await;
    report(&hub, &token, json!({"telemetry": {"a": 1}})).await;
    wait_until_sealed(&hub.authority).await;
    let grows = async || {
        let usage = owner.get("/api/v1/retention").await.json()["usage"].take();
        (usage["growthPerDay"].as_i64(), usage["inAMonth"].as_i64(), usage["all"]["bytes"].as_i64().expect("a number"))
    };

    let (growth, in_a_month, kept) = grows().await;
    assert_eq!((growth, in_a_month), (None, None));
    Intruder::of(hub.data()).say("UPDATE history_growth SET received_until = received_from + 3600000");
    let (growth, in_a_month, _) = grows().await;
    let in_a_day = growth.expect("it is known");
    assert!((in_a_day - kept * 24).abs() < 24 * 5, "so much in an hour, but for fractions of each tier: {in_a_day}");
    assert!(in_a_month > growth, "{in_a_month:?}");
}

#[actix::test]
async fn a_size_cap_evicts_windows_too_where_samples_are_not_enough() {
    let settings = [
        ("CARILLON__TELEMETRY__SEAL_AFTER", "0s"),
        ("CARILLON__HISTORY__TIDY_INTERVAL", "1s"),
        ("CARILLON__HISTORY__MAX_BYTES", "18750"),
    ];
    let hub = TestHub::with(&settings).await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    report_days(&hub, &token, 80).await;

    let kept = async || owner.get("/api/v1/retention").await.json()["usage"]["all"].take();
    wait_for("there is no more than may be", async || kept().await["bytes"].as_i64() <= Some(18_750)).await;
    assert!(count(&owner, "&interval=1d&agg=count").await >= 79, "the longest windows are the last to go");
}

#[actix::test]
async fn the_rule_of_a_removed_module_goes_with_it() {
    let (hub, owner) = hub().await;
    owner.create_module(ID).await;
    let week = |scope: &str, name: &str| json!({"scope": scope, "name": name, "keep": {"raw": "7d"}});
    let rules = json!({"rules": [week("module", ID), week("type", "Gate")]});
    assert_eq!(owner.send("PUT", "/api/v1/retention", Some(rules)).await.status, 200);
    assert_eq!(owner.delete(&format!("/api/v1/modules/{ID}")).await.status, 204);
    let token = owner.create_module(ID).await;

    let ten_days_ago = time(carillon::domain::time::Timestamp::now().as_millis() - 10 * DAY, 0);
    let old = super::push(&hub, &token, json!({"ts": ten_days_ago, "telemetry": {"a": 1}})).await;
    assert_eq!(old.status, 200, "another module is not judged by its rule: {}", old.text);
    let hub = TestHub::on(&hub.stop().await, &[]).await;
    let left = hub.admin().await.get("/api/v1/retention").await.json()["rules"].take();
    assert_eq!((left.as_array().map(Vec::len), &left[0]["name"]), (Some(1), &json!("Gate")), "{left}");
}

/// Sets rules in the place of those of a version.
async fn replace(hub: &TestHub, by: &Account, version: &str, rules: Value) -> Answer {
    let bearer = format!("Bearer {}", by.access_token);
    let headers = [("authorization", bearer.as_str()), ("if-match", version)];
    Answer::of(&hub.authority, "PUT", "/api/v1/retention", &headers, Some(rules)).await
}

#[actix::test]
async fn rules_that_somebody_else_has_changed_are_not_replaced_unseen() {
    let (hub, owner) = hub().await;
    let version = |answer: &Answer| answer.header("etag").expect("it has a version").to_owned();
    let shown = version(&owner.get("/api/v1/retention").await);
    let set = replace(&hub, &owner, &shown, rules(json!({"raw": "7d"}))).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(version(&set), version(&owner.get("/api/v1/retention").await));

    let late = replace(&hub, &owner, &shown, rules(json!({"raw": "30d"}))).await;
    assert_eq!((late.status, &late.json()["type"]), (412, &json!("/problems/version-changed")), "{}", late.text);
    assert_eq!(owner.get("/api/v1/retention").await.json()["rules"][0]["keep"]["raw"], "7d");
    for bad in ["7", "\"\"", "\"x"] {
        assert_eq!(replace(&hub, &owner, bad, rules(json!({}))).await.status, 422, "{bad}");
    }
    assert_eq!(replace(&hub, &owner, "*", rules(json!({"raw": "30d"}))).await.status, 200);
}

#[actix::test]
async fn of_rules_set_side_by_side_those_hold_that_are_stored() {
    let (hub, owner) = hub().await;
    let shown = owner.get("/api/v1/retention").await.header("etag").expect("it has a version").to_owned();
    let set = |days: i32| {
        let (hub, owner, shown) = (&hub, &owner, &shown);
        async move { replace(hub, owner, shown, rules(json!({"raw": format!("{days}d")}))).await.status }
    };
    let mut statuses = futures_util::future::join_all((7..27).map(set)).await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses.iter().filter(|status| **status == 412).count()), (200, 19), "{statuses:?}");

    let holds = owner.get("/api/v1/retention").await.json()["rules"].take();
    let hub = TestHub::on(&hub.stop().await, &[]).await;
    assert_eq!(hub.admin().await.get("/api/v1/retention").await.json()["rules"], holds);
}
