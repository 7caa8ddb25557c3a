//! Commands that speak to a hub under TLS.

use crate::support::process::{Ran, Scratch, run_with};
use crate::support::tls::Certificate;
use crate::support::{ADMIN, PASSWORD, TestHub};

/// A hub that speaks TLS at every door.
async fn hub(certificate: &Certificate) -> TestHub {
    TestHub::with(&[
        ("CARILLON__HTTP__TLS_CERTIFICATE", &certificate.certificate()),
        ("CARILLON__HTTP__TLS_KEY", &certificate.key()),
        ("CARILLON__MQTT__TLS_LISTEN", "127.0.0.1:0"),
    ])
    .await
}

/// The address of a hub by the name that its certificate is for.
fn url_of(hub: &TestHub) -> String {
    hub.authority.replace("127.0.0.1", "https://localhost")
}

/// Runs a command that trusts nobody but who has this certificate.
async fn run_trusting(certificate: &Certificate, arguments: &[&str]) -> Ran {
    let (data, trusted) = (Scratch::new(), certificate.certificate());
    let environment = [("CARILLON_EMAIL", ADMIN), ("CARILLON_PASSWORD", PASSWORD), ("SSL_CERT_FILE", &trusted)];
    run_with(data.path(), arguments, &environment, "").await
}

#[actix::test]
async fn modules_are_simulated_and_listed_through_doors_under_tls() {
    let certificate = Certificate::new();
    let hub = hub(&certificate).await;
    let url = url_of(&hub);
    let mqtt = format!("mqtts://localhost:{}", hub.mqtt_tls().port());

    let fleet = ["--modules", "4", "--door", "mixed", "--rate", "10", "--reports", "5"];
    let ran = run_trusting(&certificate, &[&["simulate", "--url", &url, "--mqtt", &mqtt], &fleet[..]].concat()).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let acknowledged = ran.stdout.lines().find(|line| line.starts_with("acknowledged")).unwrap_or_default();
    let figures: Vec<_> = acknowledged.split_whitespace().skip(1).collect();
    assert_eq!(figures, ["10", "5", "5", "20"], "{ran:?}");

    let listed = run_trusting(&certificate, &["module", "--url", &url, "list", "--json"]).await;
    assert_eq!(listed.json().as_array().map(Vec::len), Some(4), "{listed:?}");
}

#[actix::test]
async fn who_has_a_certificate_that_nobody_vouches_for_is_told_nothing() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let hub = hub(&certificate).await;
    let (strange, misnamed) = (url_of(&hub), format!("https://{}", hub.authority));
    let unknown = run_trusting(&other, &["module", "--url", &strange, "list"]).await;
    let elsewhere = run_trusting(&certificate, &["module", "--url", &misnamed, "list"]).await;
    let mqtt = format!("mqtts://127.0.0.1:{}", hub.mqtt_tls().port());
    let fleet = ["--door", "mqtt", "--modules", "1", "--rate", "10", "--duration", "5s"];
    let fleet = [&["simulate", "--url", &strange, "--mqtt", &mqtt], &fleet[..]].concat();
    let by_mqtt = run_trusting(&certificate, &fleet).await;

    for ran in [unknown, elsewhere, by_mqtt] {
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("is not to be trusted: invalid peer certificate"), "{ran:?}");
    }
}

#[actix::test]
async fn certificates_that_cannot_be_read_are_named_where_nobody_is_trusted() {
    let certificate = Certificate::new();
    let hub = hub(&certificate).await;
    let (data, url) = (Scratch::new(), url_of(&hub));

    let environment = [("CARILLON_EMAIL", ADMIN), ("CARILLON_PASSWORD", PASSWORD), ("SSL_CERT_FILE", "/nowhere.pem")];
    let ran = run_with(data.path(), &["module", "--url", &url, "list"], &environment, "").await;

    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("not all of that can be read: ") && ran.stderr.contains("/nowhere.pem"), "{ran:?}");
}

#[actix::test]
async fn who_asks_for_tls_where_none_is_spoken_is_told_so() {
    let hub = TestHub::start().await;
    let ran =
        run_trusting(&Certificate::new(), &["module", "--url", &format!("https://{}", hub.authority), "list"]).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("no TLS is spoken there"), "{ran:?}");
}

#[actix::test]
async fn a_bench_speaks_no_tls() {
    let ran = run_trusting(&Certificate::new(), &["bench", "fanout", "--url", "https://localhost:1"]).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("a bench speaks no TLS"), "{ran:?}");
}
