//! The section `mqtt`: the door of devices that speak MQTT.

use std::{net::SocketAddr, time::Duration};

use super::keys::{Checks, Keys, Section};

/// The door of devices that speak MQTT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mqtt {
    /// Whether MQTT is spoken at all.
    pub enabled: bool,
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// The address and port to listen on under TLS, with the certificate of `http.tls_certificate`; none without.
    pub tls_listen: Option<SocketAddr>,
    /// Worker threads; zero means one for each core.
    pub workers: usize,
    /// Connections of all workers together; more are refused.
    pub max_connections: usize,
    /// The largest packet accepted from a client, in bytes.
    pub max_packet: u32,
    /// The longest keep-alive; clients of version 5 that ask for more, or for none, are told this one.
    pub max_keep_alive: Duration,
    /// How long a session outlives its connection at most.
    pub max_session_expiry: Duration,
    /// Sessions that wait for their client; the oldest are forgotten.
    pub max_sessions: usize,
    /// Messages that wait for one client; more are lost.
    pub max_queued: usize,
}

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from(([127, 0, 0, 1], 1883)),
            tls_listen: None,
            workers: 0,
            max_connections: 25_000,
            max_packet: 262_144,
            max_keep_alive: Duration::from_secs(300),
            max_session_expiry: Duration::from_secs(3600),
            max_sessions: 10_000,
            max_queued: 100,
        }
    }
}

impl Section for Mqtt {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("enabled", &mut self.enabled);
        keys.key("listen", &mut self.listen);
        keys.key("tls_listen", &mut self.tls_listen);
        keys.key("workers", &mut self.workers);
        keys.key("max_connections", &mut self.max_connections);
        keys.key("max_packet", &mut self.max_packet);
        keys.key("max_keep_alive", &mut self.max_keep_alive);
        keys.key("max_session_expiry", &mut self.max_session_expiry);
        keys.key("max_sessions", &mut self.max_sessions);
        keys.key("max_queued", &mut self.max_queued);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        let (second, longest) = (Duration::from_secs(1), Duration::from_secs(u16::MAX.into()));
        checks.require(self.workers <= 1024, "workers", "must be at most 1024; zero means one for each core");
        checks.require(self.max_connections > 0, "max_connections", "must be at least 1");
        checks.require((1024..=16 << 20).contains(&self.max_packet), "max_packet", "must be 1024 to 16777216 bytes");
        checks.require((second..=longest).contains(&self.max_keep_alive), "max_keep_alive", "must be `1s` to `18h`");
        checks.require(
            self.max_session_expiry <= Duration::from_secs(30 * 86_400),
            "max_session_expiry",
            "must be at most `30d`",
        );
        checks.require(self.max_sessions > 0, "max_sessions", "must be at least 1");
        checks.require(self.max_queued > 0, "max_queued", "must be at least 1");
    }
}
