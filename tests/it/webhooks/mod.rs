//! Webhooks: who outside is told of alarms.

mod deliveries;
mod doors;
mod isolation;
mod receiver;
mod targets;

use std::path::Path;

use carillon::domain::event::json as raw;
use carillon::domain::time::Timestamp;
use carillon::domain::webhook::WebhookEvent;
use carillon::store::{Options, Store, webhooks};
use serde_json::{Value, json};

use crate::support::{Account, database::database_of};

const WEBHOOKS: &str = "/api/v1/webhooks";

/// Addresses of this machine are allowed, and who fails is tried again soon.
const EAGER: [(&str, &str); 4] = [
    ("CARILLON__WEBHOOKS__ALLOW_PRIVATE", "true"),
    ("CARILLON__WEBHOOKS__RETRY_DELAY", "20ms"),
    ("CARILLON__WEBHOOKS__MAX_RETRY_DELAY", "50ms"),
    ("CARILLON__WEBHOOKS__MAX_ATTEMPTS", "1000"),
];

/// Makes a webhook; answers its address in the API and its secret.
async fn create(admin: &Account, url: &str) -> (String, String) {
    let made = admin.post(WEBHOOKS, json!({"name": "Night shift", "url": url})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    let path = format!("{WEBHOOKS}/{}", made["webhook"]["id"].as_str().expect("an id"));
    (path, made["secret"].as_str().expect("a secret").to_owned())
}

/// Has it happen, beside the hub, that alarms of these numbers are raised; `path` makes the hub look.
async fn raise(data: &Path, numbers: std::ops::Range<i64>, admin: &Account, path: &str) {
    raise_of(data, &numbers.map(|number| ("MC-1", number)).collect::<Vec<_>>(), admin, path).await;
}

/// The same of several modules.
async fn raise_of(data: &Path, alarms: &[(&str, i64)], admin: &Account, path: &str) {
    write_down(data, alarms).await;
    assert_eq!(admin.patch(path, json!({})).await.status, 200);
}

/// Writes down what webhooks are to be told: alarms of modules, with numbers.
async fn write_down(data: &Path, alarms: &[(&str, i64)]) {
    let store =
        Store::open(database_of(data), &Options { readers: 1, ..Options::default() }).expect("the database is there");
    let alarms: Vec<(String, i64)> = alarms.iter().map(|(module, n)| ((*module).to_owned(), *n)).collect();
    let raising = store.write(move |conn| {
        alarms.iter().try_for_each(|(module, n)| {
            let data = raw(&json!({"moduleId": module, "n": n}));
            let module = module.parse().expect("an id");
            webhooks::enqueue(conn, &module, WebhookEvent::AlarmRaised, &data, Timestamp::from_millis(*n))
        })
    });
    raising.await.expect("the database is written to");
}

/// The deliveries that have come to a state, oldest first.
async fn deliveries(admin: &Account, path: &str, state: &str) -> Vec<Value> {
    let listed = admin.get(&format!("{path}/deliveries?state={state}&perPage=100")).await.json();
    let mut items = listed["items"].as_array().expect("a list").clone();
    items.reverse();
    items
}

/// Waits until so many deliveries have come to a state.
async fn until(admin: &Account, path: &str, state: &str, count: usize) -> Vec<Value> {
    crate::support::within(state, async {
        loop {
            let found = deliveries(admin, path, state).await;
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
}
