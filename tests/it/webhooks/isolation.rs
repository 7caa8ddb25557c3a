//! What one module or one target does to the deliveries of others.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::receiver::{Does, Receiver};
use super::{EAGER, create, deliveries, raise, raise_of, until, write_down};
use crate::support::process::{Scratch, TestProcess};
use crate::support::{Answer, TestHub};

#[actix::test]
async fn a_delivery_that_always_fails_holds_up_its_own_module_only() {
    let hub = TestHub::with(&EAGER).await;
    let (admin, mut outside) = (hub.admin().await, Receiver::that([Does::AnswerTo("\"n\":0", 500)]).await);
    let (path, _) = create(&admin, &outside.url()).await;

    let alarms = [("MC-1", 0), ("MC-1", 1), ("MC-2", 2), ("MC-3", 3), ("MC-2", 4)];
    raise_of(hub.data(), &alarms, &admin, &path).await;

    let delivered = until(&admin, &path, "delivered", 3).await;
    assert!(delivered.iter().all(|delivery| delivery["moduleId"] != "MC-1"), "{delivered:?}");
    assert_eq!(deliveries(&admin, &path, "pending").await.len(), 2, "what comes after it of its module waits");
    outside.will(Does::Answer(200));
    until(&admin, &path, "delivered", 5).await;
    let mut came = Vec::new();
    while came.last() != Some(&1) {
        came.push(outside.next().await.json()["data"]["n"].as_i64().expect("a number"));
    }
    let place = |number| came.iter().position(|n| *n == number);
    assert!(place(2) < place(4) && came.iter().filter(|n| **n == 1).count() == 1, "{came:?}");
}

#[actix::test]
async fn what_a_target_refuses_is_given_up_after_a_few_attempts() {
    let hub = TestHub::with(&EAGER).await;
    let (admin, outside) = (hub.admin().await, Receiver::that([Does::AnswerTo("\"n\":0", 422)]).await);
    let (path, _) = create(&admin, &outside.url()).await;

    raise(hub.data(), 0..2, &admin, &path).await;

    let failed = until(&admin, &path, "failed", 1).await;
    assert_eq!((&failed[0]["attempts"], &failed[0]["error"]), (&3.into(), &"it was answered with 422".into()));
    until(&admin, &path, "delivered", 1).await;
}

#[actix::test]
async fn a_target_that_refuses_the_hub_is_told_again_until_somebody_puts_it_right() {
    let hub = TestHub::with(&EAGER).await;
    let admin = hub.admin().await;
    for status in [401, 403, 404, 410] {
        let mut outside = Receiver::that([Does::Answer(status)]).await;
        let (path, _) = create(&admin, &outside.url()).await;
        raise(hub.data(), 0..2, &admin, &path).await;
        // More often than what is in them may be refused.
        for _ in 0..6 {
            outside.next().await;
        }

        let waiting = deliveries(&admin, &path, "pending").await;
        assert_eq!((waiting.len(), &waiting[0]["status"]), (2, &json!(status)), "{waiting:?}");
        let told =
            format!("it was answered with {status}; check the address of the target, and what it asks of callers");
        assert_eq!(waiting[0]["error"], told);
        outside.will(Does::Answer(200));
        until(&admin, &path, "delivered", 2).await;
        assert_eq!(admin.delete(&path).await.status, 204);
    }
}

#[actix::test]
async fn a_target_that_asks_for_a_rest_is_told_nothing_meanwhile() {
    let keys = [("CARILLON__WEBHOOKS__MAX_RETRY_DELAY", "5s"), ("CARILLON__WEBHOOKS__MAX_AT_ONCE_EACH", "1")];
    let hub = TestHub::with(&[&EAGER[..2], &keys].concat()).await;
    let admin = hub.admin().await;
    let mut outside = Receiver::that([Does::AskForRest(429, 1), Does::Answer(200)]).await;
    let (path, _) = create(&admin, &outside.url()).await;

    raise_of(hub.data(), &[("MC-1", 1), ("MC-2", 2)], &admin, &path).await;
    outside.next().await;
    let asked = Instant::now();
    outside.next().await;

    assert!(asked.elapsed() > Duration::from_millis(900), "{:?}", asked.elapsed());
    until(&admin, &path, "delivered", 2).await;
}

#[actix::test]
async fn a_target_that_is_down_is_left_alone_until_it_is_back() {
    let keys = [
        EAGER[0],
        ("CARILLON__WEBHOOKS__RETRY_DELAY", "2s"),
        ("CARILLON__WEBHOOKS__MAX_AT_ONCE_EACH", "1"),
        ("CARILLON__WEBHOOKS__MAX_ATTEMPTS", "1000"),
    ];
    let hub = TestHub::with(&keys).await;
    let admin = hub.admin().await;
    let (mut down, good) = (Receiver::that([Does::Answer(503)]).await, Receiver::that([Does::Answer(200)]).await);
    let (path, _) = create(&admin, &down.url()).await;
    let (well, _) = create(&admin, &good.url()).await;
    let modules: Vec<String> = (0..40).map(|number| format!("MC-{number}")).collect();
    let alarms: Vec<_> = modules.iter().map(|module| (module.as_str(), 1)).collect();

    raise_of(hub.data(), &alarms, &admin, &path).await;
    until(&admin, &well, "delivered", 40).await;

    let told = down.left();
    assert!((1..20).contains(&told), "it was told {told} times");
    assert_eq!(deliveries(&admin, &path, "pending").await.len(), 40);
    down.will(Does::Answer(200));
    until(&admin, &path, "delivered", 40).await;
}

#[actix::test]
async fn a_module_that_flaps_pushes_out_nothing_of_others() {
    let (data, outside) = (Scratch::new(), Receiver::that([Does::Answer(500)]).await);
    let mut hub = TestProcess::start_with(data.path(), &EAGER).await;
    let (path, _) = create(&hub.admin().await, &outside.url()).await;
    hub.kill().await;
    let flapping = (0..20).map(|number| ("MC-1", number));
    let alarms: Vec<_> = [("MC-2", 1)].into_iter().chain(flapping).chain([("MC-3", 1)]).collect();
    write_down(data.path(), &alarms).await;

    let keys = [("CARILLON__WEBHOOKS__MAX_WAITING", "7"), ("CARILLON__WEBHOOKS__MAX_WAITING_EACH", "6")];
    let hub = TestProcess::start_with(data.path(), &[&EAGER[..], &keys].concat()).await;
    let admin = hub.admin().await;

    let is_dropped = |one: &Value| one["moduleId"] == "MC-1" && one["error"] == "too many of its module waited";
    let failed = until(&admin, &path, "failed", 15).await;
    assert!(failed.len() == 15 && failed.iter().all(is_dropped), "{failed:?}");
    outside.will(Does::Answer(200));
    let delivered = until(&admin, &path, "delivered", 7).await;
    let of = |module: &str| delivered.iter().filter(|one| one["moduleId"] == module).count();
    assert_eq!((of("MC-1"), of("MC-2"), of("MC-3")), (5, 1, 1));
    let figures = Answer::of(&hub.authority, "GET", "/metrics", &[], None).await.text;
    assert!(figures.contains("carillon_webhook_deliveries_total{outcome=\"dropped\"} 15"), "{figures}");
}

#[actix::test]
async fn what_is_wrong_with_a_target_is_told_in_words() {
    let hub = TestHub::with(&EAGER).await;
    let (admin, outside) = (hub.admin().await, Receiver::that([Does::HangUp]).await);
    let (path, _) = create(&admin, &outside.url()).await;
    let mut told = Vec::new();
    for does in [Does::HangUp, Does::Babble] {
        outside.will(does);
        told.push(admin.post(&format!("{path}/test"), json!({})).await.json()["error"].clone());
    }
    drop(outside);
    told.push(admin.post(&format!("{path}/test"), json!({})).await.json()["error"].clone());

    let words = [
        "the target hung up without an answer",
        "the answer is not HTTP that can be read",
        "the target refuses connections",
    ];
    assert_eq!(told, words);
}
