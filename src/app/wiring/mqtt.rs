//! The door of MQTT: bound beside that of HTTP, joined to the same actors.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_server::{Server, ServerHandle};
use actix_web::rt::task::JoinHandle;
use rustls::ServerConfig;

use super::{House, bounds, broker_options, session_options};
use crate::app::StartError;
use crate::config::Config;
use crate::http;
use crate::mqtt::bridge::Terms;
use crate::mqtt::house::doorkeeper::Doorkeeper;
use crate::mqtt::house::{Parts, People};
use crate::mqtt::places::Places;
use crate::mqtt::session::SessionBounds;
use crate::mqtt::{Listeners, MqttOptions, serve};
use crate::observe::Door;
use crate::pipe::OutboxOptions;

/// How many topics a client may give a number.
const TOPIC_ALIASES: u16 = 16;
/// Subscriptions of one client.
const SUBSCRIPTIONS_MAX: usize = 64;

/// The open door.
pub struct MqttDoor {
    /// Where it listens as it is.
    pub address: SocketAddr,
    /// Where it listens under TLS, if it does.
    pub tls_address: Option<SocketAddr>,
    server: ServerHandle,
    served: JoinHandle<io::Result<()>>,
}

impl MqttDoor {
    /// Binds what the configuration names; none when MQTT is off.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub fn bind(config: &Config, tls: Option<&Arc<ServerConfig>>) -> Result<Option<Listeners>, StartError> {
        if !config.mqtt.enabled {
            return Ok(None);
        }
        let bind = |address| http::bind(address).map_err(|cause| StartError::ListenMqtt(address, cause));
        let plain = bind(config.mqtt.listen)?;
        let tls = match (config.mqtt.tls_listen, tls) {
            (Some(address), Some(tls)) => Some((bind(address)?, Arc::clone(tls))),
            (Some(_), None) => return Err(StartError::MqttTls),
            (None, _) => None,
        };
        Ok(Some(Listeners { plain, tls }))
    }

    /// Serves on bound listeners.
    ///
    /// # Errors
    /// When a listener cannot be used.
    pub fn open(house: &House, listeners: Listeners, config: &Config) -> Result<Self, StartError> {
        let wrong = |cause| StartError::ListenMqtt(config.mqtt.listen, cause);
        let address = listeners.plain.local_addr().map_err(wrong)?;
        let tls_address = listeners.tls.as_ref().and_then(|(listener, _)| listener.local_addr().ok());
        let server = house.serve_mqtt(listeners, config).map_err(wrong)?;
        tracing::info!(mqtt.address = %address, "MQTT is spoken");
        Ok(Self { address, tls_address, server: server.handle(), served: actix_web::rt::spawn(server) })
    }

    /// Takes nobody new.
    pub async fn pause(&self) {
        self.server.pause().await;
    }

    /// Ends the threads.
    pub async fn close(self) {
        self.server.stop(false).await;
        self.served.abort();
    }
}

impl House {
    fn serve_mqtt(&self, listeners: Listeners, config: &Config) -> io::Result<Server> {
        let (socket, mqtt) = (&config.socket, &config.mqtt);
        let (sockets, metrics) = (self.sockets.clone(), self.metrics.clone());
        let options = MqttOptions {
            workers: config.threads(mqtt.workers),
            max_connections: mqtt.max_connections,
            outbox: OutboxOptions { high_water: socket.high_water, low_water: socket.low_water },
            flush_interval: socket.flush_interval,
            bounds: bounds(socket),
            // Its own bound is `mqtt.max_connections`.
            count_in: Arc::new(move || Box::new(sockets.open(Door::Mqtt, usize::MAX, &metrics))),
        };
        let relays = self.relays.clone();
        let people = People {
            options: session_options(config),
            broker: self.broker.clone(),
            broker_options: broker_options(config),
            registry: self.sessions.clone(),
            snapshots: self.snapshots.clone().recipient(),
            joined: Arc::new(move |relay| relays.add(relay)),
        };
        let parts = Parts {
            terms: terms(config),
            places: Places::new(mqtt.max_sessions),
            modules: self.modules.clone(),
            authenticator: self.authenticator.clone(),
            doorkeeper: Doorkeeper::new(socket, self.wrong_tokens.clone(), self.metrics.clone()),
            people,
            metrics: self.metrics.clone(),
        };
        serve(listeners, options, parts, self.usher.clone())
    }
}

fn terms(config: &Config) -> Terms {
    let mqtt = &config.mqtt;
    let seconds = |span: std::time::Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
    Terms {
        connect_timeout: config.socket.handshake_timeout,
        slow_timeout: config.socket.slow_timeout,
        max_packet: mqtt.max_packet,
        receive_max: u16::try_from(config.telemetry.in_flight).unwrap_or(u16::MAX),
        max_keep_alive: u16::try_from(mqtt.max_keep_alive.as_secs()).unwrap_or(u16::MAX),
        max_session_expiry: seconds(mqtt.max_session_expiry),
        topic_aliases: TOPIC_ALIASES,
        shares_subscriptions: false,
        session: SessionBounds { queued: mqtt.max_queued, subscriptions: SUBSCRIPTIONS_MAX },
    }
}
