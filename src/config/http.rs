//! The section `http`: where the hub listens and whom it believes.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use toml::Value;

use super::{
    keys::{Checks, Keys, Section},
    network::Network,
    setting::Setting,
};

/// The HTTP door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// The PEM file with the certificate chain; with one the hub speaks TLS only.
    pub tls_certificate: Option<PathBuf>,
    /// The PEM file with the private key of the certificate.
    pub tls_key: Option<PathBuf>,
    /// Worker threads; zero means one for each core.
    pub workers: usize,
    /// HTTP connections one worker holds at once, more wait to be accepted; also the WebSockets of all workers together,
    /// more are refused with 503.
    pub max_connections: usize,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Origins besides the hub's own that may use a login cookie or open a WebSocket.
    pub allowed_origins: Vec<String>,
    /// The largest body accepted, in bytes.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// Who may read `/metrics`.
    pub metrics: MetricsAccess,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls_certificate: None,
            tls_key: None,
            workers: 0,
            max_connections: 25_000,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            body_limit: 1_048_576,
            body_timeout: Duration::from_secs(30),
            metrics: MetricsAccess::Loopback,
        }
    }
}

impl Section for Http {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("listen", &mut self.listen);
        keys.key("tls_certificate", &mut self.tls_certificate);
        keys.key("tls_key", &mut self.tls_key);
        keys.key("workers", &mut self.workers);
        keys.key("max_connections", &mut self.max_connections);
        keys.key("trusted_proxies", &mut self.trusted_proxies);
        keys.key("allowed_origins", &mut self.allowed_origins);
        keys.key("body_limit", &mut self.body_limit);
        keys.key("body_timeout", &mut self.body_timeout);
        keys.key("metrics", &mut self.metrics);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        checks.require(
            self.tls_certificate.is_none() || self.tls_key.is_some(),
            "tls_key",
            "name the key of `http.tls_certificate` too",
        );
        checks.require(
            self.tls_key.is_none() || self.tls_certificate.is_some(),
            "tls_certificate",
            "name the certificate of `http.tls_key` too",
        );
        checks.require(self.max_connections > 0, "max_connections", "must be at least 1");
        checks.require(self.body_limit >= 1024, "body_limit", "must be at least 1024 bytes");
        checks.require(!self.body_timeout.is_zero(), "body_timeout", "must be more than zero");
        checks.require(self.workers <= 1024, "workers", "must be at most 1024; zero means one for each core");
        checks.require(
            self.allowed_origins.iter().all(|origin| is_origin(origin)),
            "allowed_origins",
            "each must be a scheme and a host without a path, such as `https://example.org`",
        );
    }
}

/// Who may read `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAccess {
    /// This machine without a password, and admins from everywhere.
    Loopback,
    /// Admins only.
    Admin,
    /// Everybody who reaches the port.
    Public,
}

impl Setting for MetricsAccess {
    const EXPECTED: &'static str = "`loopback`, `admin` or `public`";

    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "loopback" => Some(Self::Loopback),
            "admin" => Some(Self::Admin),
            "public" => Some(Self::Public),
            _ => None,
        }
    }
}

/// Whether the text is what a browser sends as `Origin`: a scheme and a host, perhaps with a port.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']))
}
