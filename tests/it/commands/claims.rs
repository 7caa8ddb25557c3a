//! How a module finds its owner.

use serde_json::{Value, json};

use super::ID;
use crate::support::{Account, TestHub};

const CLAIM: &str = "/api/v1/modules/claim";
const CODE: &str = "/api/v1/modules/MC-1001-STN/claim-code";

async fn claimable(admin: &Account) -> (Value, String) {
    let new = json!({"moduleId": ID, "name": "North gate", "type": "Station", "claimable": true});
    let made = admin.post("/api/v1/modules", new).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let code = made.json()["claimCode"].as_str().expect("the code is shown once").to_owned();
    (made.json(), code)
}

#[actix::test]
async fn who_has_the_code_becomes_the_owner_once() {
    let hub = TestHub::start().await;
    let (admin, ada, ben) = (hub.admin().await, hub.user("ada@example.org").await, hub.user("ben@example.org").await);
    let (made, code) = claimable(&admin).await;
    assert_eq!(made["module"]["userId"], json!(null), "it belongs to nobody until it is claimed");
    let mut tab = hub.tab(&ada, &["modules"]).await;

    let claimed = ada.post(CLAIM, json!({"claimCode": code.to_lowercase()})).await;

    assert_eq!((claimed.status, &claimed.json()["userId"]), (200, &json!(ada.id)), "{}", claimed.text);
    assert_eq!(tab.event("rt_module_added").await["moduleId"], ID);
    let again = ben.post(CLAIM, json!({"claimCode": code})).await;
    let wrong = ben.post(CLAIM, json!({"claimCode": "0000-0000-0000-0000"})).await;
    let nonsense = ben.post(CLAIM, json!({"claimCode": "?"})).await;
    assert_eq!((again.status, again.json()), (404, wrong.json()), "wrong codes look alike");
    assert_eq!(wrong.json(), nonsense.json());
    assert_eq!(ada.get("/api/v1/modules/MC-1001-STN").await.status, 200);
    let audit = admin.get("/api/v1/audit?action=module.claim").await.json();
    assert_eq!(audit["items"][0]["actor"]["id"], json!(ada.id));
}

#[actix::test]
async fn only_admins_give_codes_and_a_new_one_replaces_the_old_one() {
    let hub = TestHub::start().await;
    let (admin, ada) = (hub.admin().await, hub.user("ada@example.org").await);
    let (_, old) = claimable(&admin).await;
    let own = json!({"moduleId": "MC-2", "name": "a", "type": "b", "claimable": true});
    assert_eq!(ada.post("/api/v1/modules", own).await.status, 403);

    let new = admin.post(CODE, json!({})).await.json()["claimCode"].as_str().expect("a code").to_owned();
    assert_eq!(ada.post(CLAIM, json!({"claimCode": old})).await.status, 404);
    assert_eq!(admin.delete(CODE).await.status, 204);
    assert_eq!(ada.post(CLAIM, json!({"claimCode": new})).await.status, 404);
    let newest = admin.post(CODE, json!({})).await.json()["claimCode"].as_str().expect("a code").to_owned();
    assert_eq!(ada.post(CLAIM, json!({"claimCode": newest})).await.status, 200);
    assert_eq!(ada.post(CODE, json!({})).await.status, 403);
}

#[actix::test]
async fn guessing_is_throttled_and_codes_expire() {
    let keys = [("CARILLON__PAIRING__ATTEMPTS", "3"), ("CARILLON__PAIRING__CODE_LIFETIME", "1s")];
    let hub = TestHub::with(&keys).await;
    let (admin, ada) = (hub.admin().await, hub.user("ada@example.org").await);
    let made = claimable(&admin).await;
    let expires_at = admin.post(CODE, json!({})).await.json()["expiresAt"].as_str().expect("a time").to_owned();
    let left = || carillon::domain::time::Timestamp::now().to_string() <= expires_at;
    while left() {
        actix_rt::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    for _ in 0..3 {
        assert_eq!(ada.post(CLAIM, json!({"claimCode": made.1})).await.status, 404);
    }
    let refused = ada.post(CLAIM, json!({"claimCode": made.1})).await;

    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
}
