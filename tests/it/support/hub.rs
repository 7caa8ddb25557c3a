//! A hub that lives as long as its test.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use carillon::app::Hub;
use carillon::config::Config;
use serde_json::{Value, json};

use super::database::url_of;
use super::http::{Account, Answer};
use super::{TestDevice, TestTab, within};

/// The address of the first admin.
pub const ADMIN: &str = "admin@example.org";
/// The password of everybody in a test.
pub const PASSWORD: &str = "correct horse battery";

/// Little may wait for a client.
const NARROW: [(&str, &str); 2] = [("CARILLON__SOCKET__HIGH_WATER", "16384"), ("CARILLON__SOCKET__LOW_WATER", "4096")];

/// A running hub.
pub struct TestHub {
    hub: Option<Hub>,
    /// `127.0.0.1:PORT`.
    pub authority: String,
    data: PathBuf,
}

impl TestHub {
    /// Starts a hub with quick hashing and two workers.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts a hub with configuration keys of its own.
    pub async fn with(keys: &[(&str, &str)]) -> Self {
        let data = std::env::temp_dir().join(format!("carillon-test-{}", uuid::Uuid::now_v7().simple()));
        Self::on(&data, keys).await
    }

    /// Starts a hub behind whose back little may wait, and which soon ends who reads nothing.
    pub async fn impatient() -> Self {
        let keys = [("CARILLON__SOCKET__SLOW_TIMEOUT", "1s"), ("CARILLON__SOCKET__HEARTBEAT", "1s")];
        Self::with(&[keys, NARROW].concat()).await
    }

    /// Starts a hub whose answers about the module `MC-1` have more than 40 kB, of which few may wait; answers an access
    /// token of the owner too.
    pub async fn with_long_answers() -> (Self, String) {
        let hub = Self::with(&NARROW).await;
        let (owner, mut device) = hub.owner_with_module("MC-1").await;
        let telemetry: Value = (0..40).map(|key| (format!("k{key}"), json!("x".repeat(1000)))).collect();
        device.report(1, telemetry).await;
        (hub, owner.access_token)
    }

    /// Starts a hub on a data folder that may have been used before.
    pub async fn on(data: &Path, keys: &[(&str, &str)]) -> Self {
        let mut environment: HashMap<String, String> = [
            ("CARILLON__HTTP__LISTEN", "127.0.0.1:0"),
            ("CARILLON__HTTP__WORKERS", "2"),
            ("CARILLON__MQTT__LISTEN", "127.0.0.1:0"),
            ("CARILLON__MQTT__WORKERS", "2"),
            ("CARILLON__AUTH__BCRYPT_COST", "4"),
            ("CARILLON__AUTH__ADDRESS_ATTEMPTS", "100000"),
            ("CARILLON__AUTH__ACCOUNT_ATTEMPTS", "100000"),
            ("CARILLON__STORE__SYNCHRONOUS", "normal"),
            ("CARILLON__DATA__DIR", &data.display().to_string()),
            ("CARILLON_ADMIN_EMAIL", ADMIN),
            ("CARILLON_ADMIN_PASSWORD", PASSWORD),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
        if let Some(url) = url_of(data) {
            environment.insert("CARILLON__STORE__URL".to_owned(), url);
            // They stay open until the process ends.
            environment.insert("CARILLON__STORE__READERS".to_owned(), "2".to_owned());
        }
        for (key, value) in keys {
            environment.insert((*key).to_owned(), (*value).to_owned());
        }
        // An empty value takes a key away.
        environment.retain(|_, value| !value.is_empty());
        let config = Config::load(None, environment, Vec::new()).expect("the test's configuration is good");
        let hub = Hub::start(config).await.expect("the hub starts");
        let authority = hub.address().to_string();
        Self { hub: Some(hub), authority, data: data.to_owned() }
    }

    /// Where the hub keeps its data.
    pub fn data_folder(&self) -> &Path {
        &self.data
    }

    /// Where it speaks MQTT.
    pub fn mqtt(&self) -> std::net::SocketAddr {
        self.hub.as_ref().and_then(Hub::mqtt_address).expect("MQTT is on")
    }

    /// Where it speaks MQTT under TLS.
    pub fn mqtt_tls(&self) -> std::net::SocketAddr {
        self.hub.as_ref().and_then(Hub::mqtt_tls_address).expect("MQTT is spoken under TLS")
    }

    /// Stops the hub as SIGTERM would; gives the data folder back.
    pub async fn stop(mut self) -> PathBuf {
        if let Some(hub) = self.hub.take() {
            hub.stop().await;
        }
        self.data.clone()
    }

    /// The token of the setup address, while there is no admin.
    pub fn setup_token(&self) -> Option<String> {
        let address = self.hub.as_ref()?.setup_address()?;
        address.split_once('#').map(|(_, token)| token.to_owned())
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Logs the first admin in.
    pub async fn admin(&self) -> Account {
        self.log_in(ADMIN, PASSWORD).await
    }

    /// Logs somebody in.
    pub async fn log_in(&self, email: &str, password: &str) -> Account {
        let body = json!({"email": email, "password": password});
        let answer = Answer::of(&self.authority, "POST", "/api/v1/auth/login", &[], Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Account::new(&self.authority, answer.json())
    }

    /// Makes a user without roles beyond `user` and logs them in.
    pub async fn user(&self, email: &str) -> Account {
        let admin = self.admin().await;
        let body = json!({"email": email, "name": email, "password": PASSWORD, "roles": ["user"]});
        let answer = admin.post("/api/v1/users", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        self.log_in(email, PASSWORD).await
    }

    /// An admin and one of their modules, connected.
    pub async fn owner_with_module(&self, id: &str) -> (Account, TestDevice) {
        let owner = self.admin().await;
        let token = owner.create_module(id).await;
        let device = TestDevice::connect(&self.authority, &token).await;
        (owner, device)
    }

    /// Opens a socket of a person on some topics and reads past the snapshots.
    pub async fn tab(&self, account: &Account, topics: &[&str]) -> TestTab {
        let mut tab = TestTab::connect(&self.authority, &account.access_token).await;
        tab.begin(topics).await;
        tab
    }

    /// A figure of `/metrics`; zero for what has not been counted yet.
    pub async fn metric(&self, name: &str) -> f64 {
        let figures = Answer::of(&self.authority, "GET", "/metrics", &[], None).await.text;
        let found = figures.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.map_or(0.0, |figure| figure.trim().parse().expect("figures are numbers"))
    }

    /// Waits until a figure of `/metrics` is as wanted.
    pub async fn until_metric(&self, name: &str, is_so: impl Fn(f64) -> bool) {
        within(name, async {
            while !is_so(self.metric(name).await) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    }
}
