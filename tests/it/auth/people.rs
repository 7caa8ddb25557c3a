//! Managing everybody's accounts.

use serde_json::{Value, json};

use crate::support::{ADMIN, Account, Answer, PASSWORD, TestHub};

const USERS: &str = "/api/v1/users";

async fn make(admin: &Account, name: &str, roles: Value) -> String {
    let email = format!("{}@example.org", name.to_lowercase());
    let answer = admin.post(USERS, json!({"email": email, "name": name, "password": PASSWORD, "roles": roles})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let path = answer.header("location").expect("what was made has a place").to_owned();
    assert_eq!(answer.json()["id"], path.rsplit_once("/").map_or("", |(_, id)| id));
    path
}

fn names(answer: &Answer) -> Vec<String> {
    let items = answer.json()["items"].as_array().expect("a list").clone();
    items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}

#[actix::test]
async fn an_account_is_made_seen_changed_and_removed() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let path = make(&admin, "Ada", json!(["user"])).await;

    let seen = admin.get(&path).await.json();
    assert_eq!((&seen["email"], &seen["isAdmin"]), (&json!("ada@example.org"), &json!(false)));
    assert_eq!(
        (&seen["lastLoginAt"], &seen["online"], &seen["disabled"]),
        (&json!(null), &json!(false), &json!(false))
    );
    let changed = admin.patch(&path, json!({"name": "Ada L.", "roles": ["admin", "user"]})).await.json();
    assert_eq!((&changed["name"], &changed["roles"]), (&json!("Ada L."), &json!(["admin", "user"])));
    assert_eq!(admin.delete(&path).await.status, 204);

    assert_eq!((admin.get(&path).await.status, admin.delete(&path).await.status), (404, 404));
    assert_eq!(admin.patch(&path, json!({"name": "Nobody"})).await.status, 404);
}

#[actix::test]
async fn lists_are_paged_searched_filtered_and_sorted() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for name in ["Cleo", "bea", "Ada"] {
        make(&admin, name, json!(["user"])).await;
    }
    let list = async |query: &str| admin.get(&format!("{USERS}?{query}")).await;

    let all = list("").await.json();
    assert_eq!((&all["page"], &all["perPage"], &all["total"]), (&json!(1), &json!(20), &json!(4)));
    assert_eq!(names(&list("sort=name").await), ["Ada", "admin", "bea", "Cleo"]);
    assert_eq!(names(&list("sort=-createdAt&perPage=2&page=1").await), ["Ada", "bea"]);
    assert_eq!(names(&list("perPage=3&page=2").await), ["Cleo"]);
    assert_eq!(names(&list("search=EXAMPLE.org&role=admin").await), ["admin"]);
    assert!(names(&list("search=%25").await).is_empty());
    assert!(names(&list("page=2000000000").await).is_empty());
    for bad in
        ["page=0", "perPage=0", "perPage=101", "page=x", "page=2147483648", "sort=password", "role=root", "color=red"]
    {
        assert_eq!(list(bad).await.status, 422, "{bad}");
    }
}

#[actix::test]
async fn only_admins_manage_accounts() {
    let hub = TestHub::start().await;
    let user = hub.user("ada@example.org").await;
    let path = format!("{USERS}/{}", user.id);

    assert_eq!(user.get(USERS).await.status, 403);
    assert_eq!(user.get(&path).await.status, 403);
    assert_eq!(user.patch(&path, json!({"roles": ["admin"]})).await.status, 403);
    assert_eq!(user.delete(&path).await.status, 403);
    let body = json!({"email": "x@example.org", "name": "X", "password": PASSWORD});
    assert_eq!(user.post(USERS, body).await.status, 403);
    assert_eq!(user.patch("/api/v1/auth/me", json!({"roles": ["admin"]})).await.status, 422);
    assert_eq!(Answer::of(&hub.authority, "GET", USERS, &[], None).await.status, 401);
}

#[actix::test]
async fn an_address_belongs_to_one_account() {
    let hub = TestHub::start().await;
    let user = hub.user("ada@example.org").await;
    let taken = user.patch("/api/v1/auth/me", json!({"email": "ADMIN@example.org"})).await;
    assert_eq!((taken.status, &taken.json()["type"]), (409, &json!("/problems/email-taken")));
    let body = json!({"email": ADMIN, "name": "X", "password": PASSWORD});
    assert_eq!(hub.admin().await.post(USERS, body).await.status, 409);
}

#[actix::test]
async fn who_is_kept_out_is_out_at_once() {
    let hub = TestHub::start().await;
    let (admin, user) = (hub.admin().await, hub.user("ada@example.org").await);
    let path = format!("{USERS}/{}", user.id);
    assert_eq!(user.get("/api/v1/auth/me").await.status, 200);

    assert_eq!(admin.patch(&path, json!({"disabled": true})).await.json()["disabled"], true);

    assert_eq!(user.get("/api/v1/auth/me").await.status, 401);
    let login = json!({"email": "ada@example.org", "password": PASSWORD});
    let refused = Answer::of(&hub.authority, "POST", "/api/v1/auth/login", &[], Some(login)).await;
    assert_eq!((refused.status, &refused.json()["type"]), (401, &json!("/problems/wrong-login")));
    assert_eq!(admin.patch(&path, json!({"disabled": false})).await.status, 200);
    hub.log_in("ada@example.org", PASSWORD).await;
}

#[actix::test]
async fn roles_count_at_once() {
    let hub = TestHub::start().await;
    let (admin, user) = (hub.admin().await, hub.user("ada@example.org").await);
    admin.patch(&format!("{USERS}/{}", user.id), json!({"roles": ["admin"]})).await;
    assert_eq!(user.get(USERS).await.status, 200);
}

#[actix::test]
async fn the_last_admin_stays() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let path = format!("{USERS}/{}", admin.id);
    for change in [json!({"roles": ["user"]}), json!({"disabled": true})] {
        let refused = admin.patch(&path, change).await;
        assert_eq!((refused.status, &refused.json()["type"]), (409, &json!("/problems/last-admin")));
    }
    assert_eq!(admin.delete(&path).await.status, 409);
    assert_eq!(admin.get(USERS).await.status, 200);
}
