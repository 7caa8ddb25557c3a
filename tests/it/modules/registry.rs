//! Registering, listing, changing and removing modules.

use serde_json::json;

use crate::support::TestHub;

#[actix::test]
async fn a_module_is_registered_listed_changed_and_removed_and_everybody_hears_of_it() {
    let hub = TestHub::start().await;
    let owner = hub.user("ada@example.org").await;
    let mut tab = hub.tab(&owner, &["modules"]).await;

    let body = json!({"moduleId": "MC-1001-STN", "name": "North gate", "type": "Station"});
    let created = owner.post("/api/v1/modules", body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.header("location"), Some("/api/v1/modules/MC-1001-STN"));
    let module = &created.json()["module"];
    assert_eq!((&module["status"], &module["lastSeen"]), (&json!("offline"), &json!(null)));
    assert_eq!((&module["telemetry"], &module["userId"]), (&json!({}), &json!(owner.id)));
    let added = tab.event("rt_module_added").await;
    let (facts, state) = (["MC-1001-STN", "North gate", "Station", owner.id.as_str()], ["offline", ""]);
    assert_eq!(["moduleId", "name", "type", "userId"].map(|key| added[key].as_str().unwrap_or_default()), facts);
    assert_eq!(["status", "lastSeen"].map(|key| added[key].as_str().unwrap_or_default()), state);

    let path = "/api/v1/modules/MC-1001-STN";
    let changed = owner.patch(path, json!({"name": "South gate"})).await;
    assert_eq!((changed.status, &changed.json()["name"]), (200, &json!("South gate")));
    assert_eq!(tab.event("rt_module_updated").await["name"], "South gate");
    assert_eq!(owner.get(path).await.json()["type"], "Station");

    assert_eq!(owner.delete(path).await.status, 204);
    assert_eq!(tab.event("rt_module_removed").await["moduleId"], "MC-1001-STN");
    assert_eq!(owner.get(path).await.status, 404);
    assert_eq!(owner.delete(path).await.status, 404);
}

#[actix::test]
async fn lists_are_filtered_sorted_and_paged() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for (id, name, kind) in [("B-2", "north", "Station"), ("A-1", "South", "Light effect"), ("C-3", "east", "Station")]
    {
        let answer = admin.post("/api/v1/modules", json!({"moduleId": id, "name": name, "type": kind})).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    for (query, ids, total) in [
        ("", vec!["A-1", "B-2", "C-3"], 3),
        ("?sort=-moduleId", vec!["C-3", "B-2", "A-1"], 3),
        ("?sort=name", vec!["C-3", "B-2", "A-1"], 3),
        ("?type=station&sort=createdAt", vec!["B-2", "C-3"], 2),
        ("?search=SOUTH", vec!["A-1"], 1),
        ("?search=-3", vec!["C-3"], 1),
        ("?status=online", vec![], 0),
        ("?status=offline&page=2&perPage=2", vec!["C-3"], 3),
        ("?page=9", vec![], 3),
    ] {
        let list = admin.get(&format!("/api/v1/modules{query}")).await;
        assert_eq!(list.status, 200, "{query}: {}", list.text);
        let list = list.json();
        let found: Vec<_> =
            list["items"].as_array().expect("items").iter().map(|item| item["moduleId"].clone()).collect();
        assert_eq!((found, &list["total"]), (ids.into_iter().map(|id| json!(id)).collect(), &json!(total)), "{query}");
    }
    for query in ["?sort=colour", "?status=asleep", "?perPage=0", "?perPage=101", "?page=0", "?colour=red", "?page=x"] {
        let list = admin.get(&format!("/api/v1/modules{query}")).await;
        assert_eq!(list.status, 422, "{query}: {}", list.text);
    }
}

#[actix::test]
async fn nobody_sees_or_changes_what_is_somebody_elses() {
    let hub = TestHub::start().await;
    let (ada, ben) = (hub.user("ada@example.org").await, hub.user("ben@example.org").await);
    ada.create_module("MC-1001-STN").await;
    let path = "/api/v1/modules/MC-1001-STN";

    assert_eq!(ben.get("/api/v1/modules").await.json()["total"], 0);
    let foreign = [
        ben.get(path).await,
        ben.patch(path, json!({"name": "mine"})).await,
        ben.delete(path).await,
        ben.post(&format!("{path}/credentials"), json!({})).await,
    ];
    let unknown = ben.get("/api/v1/modules/MC-9999-STN").await;
    for answer in foreign {
        assert_eq!((answer.status, &answer.text), (404, &unknown.text));
    }
    let taken = json!({"moduleId": "MC-1001-STN", "name": "x", "type": "Station"});
    assert_eq!(ben.post("/api/v1/modules", taken).await.status, 409);
    let gift = json!({"moduleId": "MC-2", "name": "x", "type": "Station", "userId": ada.id});
    assert_eq!(ben.post("/api/v1/modules", gift.clone()).await.status, 403);
    assert_eq!(hub.admin().await.post("/api/v1/modules", gift).await.status, 201);
    assert_eq!(ada.get("/api/v1/modules").await.json()["total"], 2);
    assert_eq!(hub.admin().await.get(path).await.status, 200);
}

#[actix::test]
async fn what_cannot_be_a_module_is_refused_with_its_place() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for (body, pointer) in [
        (json!({"moduleId": "a b", "name": "x", "type": "y"}), "/moduleId"),
        (json!({"moduleId": "-a", "name": "x", "type": "y"}), "/moduleId"),
        (json!({"moduleId": "x".repeat(65), "name": "x", "type": "y"}), "/moduleId"),
        (json!({"moduleId": "a", "name": "", "type": "y"}), "/name"),
        (json!({"moduleId": "a", "name": "x".repeat(101), "type": "y"}), "/name"),
        (json!({"moduleId": "a", "name": "x", "type": "y/z"}), "/type"),
        (json!({"moduleId": "a", "name": 7, "type": "y"}), "/name"),
        (json!({"moduleId": "a", "name": "x", "type": "y", "userId": "nobody"}), "/userId"),
        (json!({"moduleId": "a", "name": "x", "type": "y", "colour": "red"}), "/colour"),
    ] {
        let answer = admin.post("/api/v1/modules", body).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{}", answer.text);
    }
    for id in ["a%20b", "%00", "a%2Fb", &"x".repeat(65), "%C3%A9"] {
        assert_eq!(admin.get(&format!("/api/v1/modules/{id}")).await.status, 404, "{id}");
    }
    assert_eq!(admin.get("/api/v1/modules").await.json()["total"], 0);
}

#[actix::test]
async fn the_types_there_are_are_told_with_their_numbers_to_each_as_far_as_they_may_see() {
    let hub = TestHub::start().await;
    let (admin, ada) = (hub.admin().await, hub.user("ada@example.org").await);
    for (by, id, kind) in [(&admin, "A-1", "Station"), (&ada, "A-2", "station"), (&ada, "B-1", "Light effect")] {
        let made = by.post("/api/v1/modules", json!({"moduleId": id, "name": id, "type": kind})).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    for (by, query, types, total) in [
        (&admin, "", vec![("Light effect", 1), ("Station", 2)], 2),
        (&admin, "?perPage=1&page=2", vec![("Station", 2)], 2),
        (&admin, "?search=LIGHT", vec![("Light effect", 1)], 1),
        (&ada, "", vec![("Light effect", 1), ("station", 1)], 2),
    ] {
        let list = by.get(&format!("/api/v1/module-types{query}")).await.json();
        let found: Vec<_> = types.iter().map(|(kind, n)| json!({"type": kind, "modules": n, "online": 0})).collect();
        assert_eq!((&list["items"], &list["total"]), (&json!(found), &json!(total)), "{query}");
    }
    assert_eq!(admin.get("/api/v1/module-types?perPage=0").await.status, 422);
}
