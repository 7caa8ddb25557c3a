//! Where the hub calls, and where not.

use serde_json::json;

use super::receiver::{Does, Receiver};
use super::{EAGER, WEBHOOKS, create};
use crate::support::TestHub;
use crate::support::process::{Scratch, TestProcess};
use crate::support::tls::Certificate;

#[actix::test]
async fn nothing_is_called_that_is_not_of_the_internet() {
    let hub = TestHub::start().await;
    let (admin, mut inside) = (hub.admin().await, Receiver::that([Does::Answer(200)]).await);
    let port = inside.authority.rsplit(':').next().expect("a port");

    for seen_at_once in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "https://[fd00::1]/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://[::ffff:10.0.0.1]/".to_owned(),
        format!("http://0x7f000001:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://0:{port}/"),
        "ftp://example.org/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "http://me:secret@example.org/".to_owned(),
    ] {
        let refused = admin.post(WEBHOOKS, json!({"name": "a", "url": seen_at_once})).await;
        assert_eq!((refused.status, &refused.json()["errors"][0]["pointer"]), (422, &json!("/url")), "{seen_at_once}");
        assert!(!refused.text.contains("secret") && !refused.text.contains(" at line "), "{}", refused.text);
    }
    // What only the look-up tells is refused when it is called: names can be pointed elsewhere at any time.
    let (path, _) = create(&admin, &format!("http://nowhere.invalid:{port}/")).await;
    let tried = admin.post(&format!("{path}/test"), json!({})).await.json();
    assert_eq!((&tried["state"], &tried["status"]), (&json!("failed"), &json!(null)), "{tried}");
    assert_eq!(tried["error"], "the name of the target cannot be found");
    assert!(inside.is_quiet());
}

#[actix::test]
async fn a_target_under_tls_must_show_a_certificate_that_the_machine_trusts() {
    let certificate = Certificate::new();
    let (file, key) = (certificate.certificate(), certificate.key());
    let keys = [("CARILLON__HTTP__TLS_CERTIFICATE", file.as_str()), ("CARILLON__HTTP__TLS_KEY", key.as_str())];
    let target = TestHub::with(&keys).await;
    let port = target.authority.rsplit(':').next().expect("a port");
    let mut answers = Vec::new();
    for (trusted, host) in [(file.as_str(), "localhost"), (file.as_str(), "127.0.0.1"), ("/dev/null", "localhost")] {
        let data = Scratch::new();
        let keys = [&EAGER[..], &[("SSL_CERT_FILE", trusted)]].concat();
        let hub = TestProcess::start_with(data.path(), &keys).await;
        let admin = hub.admin().await;
        let (path, _) = create(&admin, &format!("https://{host}:{port}/health/live")).await;
        answers.push(admin.post(&format!("{path}/test"), json!({})).await.json());
    }

    assert_eq!(answers[0]["status"], 405, "{answers:?}");
    for refused in &answers[1..] {
        let error = refused["error"].as_str().expect("a reason");
        assert!(refused["status"].is_null() && error.contains("certificate"), "{error}");
    }
}
