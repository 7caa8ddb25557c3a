//! The one wiring diagram: starts every actor, hands each what it needs, and takes the house down again.
//!
//! ```text
//! store ─▶ accounts ─▶ session registry ─▶ broker ─▶ relays (one per worker) ─▶ outboxes
//!       ─▶ collector ◀─ modules ◀─ module registry ──▲
//! ```

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_server::ServerHandle;
use actix_web::rt::task::JoinHandle;

use crate::config::Config;

mod error;
mod health;
mod lock;
mod parts;
mod place;
mod wiring;

pub use error::StartError;
pub use lock::DataLock;
pub use place::Place;
use wiring::MqttDoor;

/// What closing the last files may take of the time to stop.
const LAST_STEPS: Duration = Duration::from_secs(1);

/// Which part of the time to stop devices may wait for answers; the rest is for goodbyes.
const FOR_ANSWERS: f64 = 0.75;

/// A running hub.
pub struct Hub {
    address: SocketAddr,
    setup_address: Option<String>,
    server: ServerHandle,
    served: JoinHandle<io::Result<()>>,
    house: wiring::House,
    mqtt: Option<MqttDoor>,
    config: Config,
    _lock: DataLock,
}

impl Hub {
    /// Starts the hub: opens the store, starts the actors, listens. Ready when this answers.
    ///
    /// # Errors
    /// [`StartError`] says what is in the way and what to do.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_at(Place::take(config)?).await
    }

    /// The same where its place is taken already.
    ///
    /// # Errors
    /// [`StartError`] says what is in the way and what to do.
    pub async fn start_at(place: Place) -> Result<Self, StartError> {
        let Place { listener, address, tls, mqtt, lock, config } = place;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let house = wiring::House::open(&config).await?;
        let setup_address = house.setup_token.as_ref().map(|token| format!("{scheme}://{address}/setup#{token}"));
        let server = house.serve(listener, tls, &config).map_err(|cause| StartError::Listen(address, cause))?;
        let handle = server.handle();
        let served = actix_web::rt::spawn(server);
        house.wait_for_relays(config.workers()).await?;
        let mqtt = mqtt.map(|listeners| MqttDoor::open(&house, listeners, &config)).transpose()?;
        tracing::info!(http.address = %address, scheme, "listening");
        Ok(Self { address, setup_address, server: handle, served, house, mqtt, config, _lock: lock })
    }

    /// The address it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address it listens on for MQTT, if it does.
    #[must_use]
    pub fn mqtt_address(&self) -> Option<SocketAddr> {
        self.mqtt.as_ref().map(|door| door.address)
    }

    /// The address it listens on for MQTT under TLS, if it does.
    #[must_use]
    pub fn mqtt_tls_address(&self) -> Option<SocketAddr> {
        self.mqtt.as_ref()?.tls_address
    }

    /// The one-time address at which the first admin is made, while there is none. Holds a secret.
    #[must_use]
    pub fn setup_address(&self) -> Option<&str> {
        self.setup_address.as_deref()
    }

    /// Stops: takes nobody new, answers what is under way, says goodbye to everybody, writes what waits, closes.
    pub async fn stop(self) {
        let (began, grace) = (Instant::now(), self.config.shutdown.grace);
        let deadline = began + grace;
        self.house.health.stop();
        self.server.pause().await;
        if let Some(mqtt) = &self.mqtt {
            mqtt.pause().await;
        }
        self.house.say_goodbye(&self.config, began + grace.mul_f64(FOR_ANSWERS)).await;
        let left = deadline.saturating_duration_since(Instant::now());
        if actix_web::rt::time::timeout(left, self.house.sockets.wait_until_none()).await.is_err() {
            tracing::warn!(sockets = self.house.sockets.count(), "some peers did not close in time");
        }
        let left = deadline.saturating_duration_since(Instant::now()).max(LAST_STEPS);
        let stopped = actix_web::rt::time::timeout(left, self.server.stop(true)).await;
        if stopped.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        if let Some(mqtt) = self.mqtt {
            mqtt.close().await;
        }
        self.house.flush().await;
        self.house.close();
        self.served.abort();
        tracing::info!("stopped");
    }
}

impl Config {
    /// How many worker threads serve HTTP and sockets.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.threads(self.http.workers)
    }

    /// How many threads a number of the configuration means.
    fn threads(&self, number: usize) -> usize {
        match number {
            0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            workers => workers,
        }
    }
}
