//! The section `socket`: WebSockets and what waits for them.

use std::time::Duration;

use super::keys::{Checks, Keys, Section};

/// WebSockets and what waits for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// How long frames for a busy connection gather before one write.
    pub flush_interval: Duration,
    /// Bytes waiting for a client at which it counts as behind and gets no more until it has drained.
    pub high_water: usize,
    /// Bytes waiting at which a client that was behind catches up.
    pub low_water: usize,
    /// Bytes that the system holds of what was written to one connection and not taken yet.
    pub send_buffer: usize,
    /// How long a client may stay without reading anything before it is disconnected.
    pub slow_timeout: Duration,
    /// How often a quiet client is asked whether it is still there.
    pub heartbeat: Duration,
    /// How long a client of Socket.IO may take to answer that.
    pub heartbeat_timeout: Duration,
    /// How long a module, or a client of Socket.IO, has to say who it is.
    pub handshake_timeout: Duration,
    /// The largest message accepted from a client, in bytes.
    pub max_frame: usize,
    /// Whether messages are compressed for clients that offer it.
    pub compression: bool,
    /// From how many bytes on a message is compressed.
    pub compression_threshold: usize,
    /// Topics of one session.
    pub max_topics: usize,
    /// Sessions of one user at once.
    pub max_per_user: usize,
    /// Connections that may begin in any one second; the others are told when to come back.
    pub accept_rate: u32,
    /// How many of those may begin in the same moment.
    pub accept_burst: u32,
}

impl Socket {
    /// How many may begin each second in the long run: with a burst at any moment of it, no second has more than
    /// `accept_rate`.
    #[must_use]
    pub const fn steady_rate(&self) -> u32 {
        let rate = self.accept_rate.saturating_sub(self.accept_burst);
        if rate == 0 { 1 } else { rate }
    }

    /// How many of those who are sent away come back each second: a tenth less than may begin, so that there is room for
    /// newcomers and nobody who keeps the moment given is sent away twice.
    #[must_use]
    pub fn return_rate(&self) -> f64 {
        f64::from(self.steady_rate()) * 0.9
    }
}

impl Default for Socket {
    fn default() -> Self {
        Self {
            flush_interval: Duration::from_millis(5),
            high_water: 262_144,
            low_water: 32_768,
            send_buffer: 131_072,
            slow_timeout: Duration::from_secs(60),
            heartbeat: Duration::from_secs(25),
            heartbeat_timeout: Duration::from_secs(20),
            handshake_timeout: Duration::from_secs(10),
            max_frame: 65_536,
            compression: true,
            compression_threshold: 256,
            max_topics: 256,
            max_per_user: 64,
            accept_rate: 1000,
            accept_burst: 100,
        }
    }
}

impl Section for Socket {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("flush_interval", &mut self.flush_interval);
        keys.key("high_water", &mut self.high_water);
        keys.key("low_water", &mut self.low_water);
        keys.key("send_buffer", &mut self.send_buffer);
        keys.key("slow_timeout", &mut self.slow_timeout);
        keys.key("heartbeat", &mut self.heartbeat);
        keys.key("heartbeat_timeout", &mut self.heartbeat_timeout);
        keys.key("handshake_timeout", &mut self.handshake_timeout);
        keys.key("max_frame", &mut self.max_frame);
        keys.key("compression", &mut self.compression);
        keys.key("compression_threshold", &mut self.compression_threshold);
        keys.key("max_topics", &mut self.max_topics);
        keys.key("max_per_user", &mut self.max_per_user);
        keys.key("accept_rate", &mut self.accept_rate);
        keys.key("accept_burst", &mut self.accept_burst);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        checks.require(self.flush_interval <= Duration::from_secs(1), "flush_interval", "must be at most `1s`");
        checks.require(self.high_water >= 4096, "high_water", "must be at least 4096 bytes");
        checks.require(self.low_water < self.high_water, "low_water", "must be less than `socket.high_water`");
        checks.require(self.send_buffer >= 4096, "send_buffer", "must be at least 4096 bytes");
        checks.require(self.heartbeat >= Duration::from_millis(100), "heartbeat", "must be at least `100ms`");
        checks.require(
            self.heartbeat_timeout >= Duration::from_millis(100),
            "heartbeat_timeout",
            "must be at least `100ms`",
        );
        checks.require(!self.slow_timeout.is_zero(), "slow_timeout", "must be longer than zero");
        checks.require(!self.handshake_timeout.is_zero(), "handshake_timeout", "must be longer than zero");
        checks.require(self.max_frame >= 1024, "max_frame", "must be at least 1024 bytes");
        checks.require(self.compression_threshold >= 64, "compression_threshold", "must be at least 64 bytes");
        checks.require(self.max_topics > 0, "max_topics", "must be at least 1");
        checks.require(self.max_per_user > 0, "max_per_user", "must be at least 1");
        checks.require(self.accept_rate > 1, "accept_rate", "must be at least 2");
        checks.require(self.accept_burst > 0, "accept_burst", "must be at least 1");
        checks.require(self.accept_burst < self.accept_rate, "accept_burst", "must be less than `socket.accept_rate`");
    }
}
