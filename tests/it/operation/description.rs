//! The API's description is true.

use crate::support::{Answer, TestHub};

/// The methods a path may describe, as they stand in the document.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[actix::test]
async fn every_described_route_is_there_with_the_methods_described() {
    let hub = TestHub::start().await;
    let document = Answer::of(&hub.authority, "GET", "/openapi.json", &[], None).await.json();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 15, "{:?}", paths.keys());

    for (path, operations) in paths {
        let concrete = path.replace(['{', '}'], "");
        let answer = Answer::of(&hub.authority, "TRACE", &concrete, &[], None).await;

        assert_eq!(answer.status, 405, "{path}: {}", answer.text);
        let mut allowed: Vec<_> =
            answer.header("allow").unwrap_or_default().split(", ").map(str::to_lowercase).collect();
        allowed.retain(|method| method != "head");
        if path.ends_with("/modules/claim") {
            // A module may be called so: what it has beside is described with all modules.
            allowed.retain(|method| method == "post");
        }
        allowed.sort();
        let mut described: Vec<_> = METHODS.into_iter().filter(|method| operations.get(method).is_some()).collect();
        described.sort_unstable();
        assert_eq!(allowed, described, "{path}");
    }
}

#[actix::test]
async fn every_operation_says_how_it_refuses() {
    let hub = TestHub::start().await;
    let document = Answer::of(&hub.authority, "GET", "/openapi.json", &[], None).await.json();

    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let is_open = path.starts_with("/health");
            let refuses = operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with('4'));
            assert!(is_open || refuses, "{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
        }
    }
}
