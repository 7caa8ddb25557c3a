//! What a hub needs for itself before it starts.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rustls::ServerConfig;

use super::wiring::MqttDoor;
use super::{DataLock, StartError};
use crate::config::Config;
use crate::http;
use crate::mqtt::Listeners;

/// The ports and the data folder of a hub that is about to start, which no other hub can take any more.
pub struct Place {
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) mqtt: Option<Listeners>,
    pub(super) lock: DataLock,
    pub(super) config: Config,
}

impl Place {
    /// Takes the ports and the data folder; what is in it stays as it is.
    ///
    /// # Errors
    /// [`StartError`] says what is in the way and what to do.
    pub fn take(config: Config) -> Result<Self, StartError> {
        let listener = http::bind(config.http.listen).map_err(|cause| StartError::Listen(config.http.listen, cause))?;
        let address = listener.local_addr().map_err(|cause| StartError::Listen(config.http.listen, cause))?;
        let tls = http::tls(&config.http)?;
        let mqtt = MqttDoor::bind(&config, tls.as_ref())?;
        let lock = DataLock::take(&config.data.dir)?;
        Ok(Self { listener, address, tls, mqtt, lock, config })
    }

    /// How the hub is configured that starts here.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }
}
