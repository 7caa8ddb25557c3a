use std::{net::SocketAddr, str::FromStr};

use super::{
    HubAddress,
    endpoint::{Endpoint, host_and_port},
};

/// Ports of MQTT, plain and under TLS, as the register of IANA has them.
const PORTS: [u16; 2] = [1883, 8883];

/// Where a hub speaks MQTT, as `host:port`, `mqtt://host:port` or `mqtts://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttAddress {
    host: String,
    port: u16,
    /// Whether it speaks TLS there; none where that is not said.
    is_tls: Option<bool>,
}

/// A text is not such an address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not where a hub speaks MQTT; write it like `127.0.0.1:1883`, or `mqtts://hub.example:8883` for TLS")]
pub struct MqttAddressError(String);

impl HubAddress {
    /// Where this hub speaks MQTT: where it is said to, else at the usual port of its host. TLS is spoken there if that is
    /// said, or if nothing else is and the hub is addressed so: a token never goes in clear by mistake.
    pub fn mqtt(&self, given: Option<&MqttAddress>) -> Endpoint {
        let Some(MqttAddress { host, port, is_tls }) = given else {
            let [plain, tls] = PORTS;
            return Endpoint { port: if self.is_tls() { tls } else { plain }, ..self.endpoint().clone() };
        };
        Endpoint { host: host.clone(), port: *port, is_tls: is_tls.unwrap_or(self.is_tls()) }
    }
}

impl FromStr for MqttAddress {
    type Err = MqttAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (is_tls, rest) = match text.split_once("://") {
            Some(("mqtts", rest)) => (Some(true), rest),
            Some(("mqtt", rest)) => (Some(false), rest),
            _ => (None, text),
        };
        match host_and_port(rest) {
            Some((host, Some(port))) => Ok(Self { host, port, is_tls }),
            _ => Err(MqttAddressError(text.to_owned())),
        }
    }
}

impl From<SocketAddr> for MqttAddress {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        Self { host, port: address.port(), is_tls: Some(false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(hub: &str, mqtt: Option<&str>) -> String {
        let (hub, mqtt) = (hub.parse::<HubAddress>().unwrap(), mqtt.map(|text| text.parse().unwrap()));
        hub.mqtt(mqtt.as_ref()).url(["mqtt", "mqtts"])
    }

    #[test]
    fn an_address_says_whether_tls_is_spoken_there_or_does_as_the_hub() {
        for (hub, mqtt, expected) in [
            ("http://hub", Some("127.0.0.1:1884"), "mqtt://127.0.0.1:1884"),
            ("http://hub", Some("mqtts://hub.example:8883"), "mqtts://hub.example:8883"),
            ("https://hub", Some("hub:8884"), "mqtts://hub:8884"),
            ("https://hub", Some("mqtt://[::1]:1883"), "mqtt://[::1]:1883"),
            ("http://[::1]:8080", None, "mqtt://[::1]:1883"),
            ("https://hub", None, "mqtts://hub:8883"),
        ] {
            assert_eq!(told(hub, mqtt), expected);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "hub", "hub:", "hub:x", ":1883", "http://hub:1883", "a@hub:1883", "hub:1883/x", "hub:70000"] {
            assert!(text.parse::<MqttAddress>().is_err(), "`{text}` was taken");
        }
    }
}
