use std::{fmt, str::FromStr};

use awc::http::Uri;

/// Where a hub answers, as `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubAddress {
    host: String,
    port: u16,
}

/// Why a text is not the address of a hub.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    /// Not an address at all, or one with a path.
    #[error("`{0}` is not the address of a hub; write it like `http://127.0.0.1:8080`")]
    Malformed(String),
    /// The commands speak plain HTTP alone.
    #[error("`{0}` asks for TLS, which this command does not speak; give the hub's plain `http://` address")]
    Tls(String),
}

impl HubAddress {
    /// An address of this machine.
    pub fn loopback(port: u16) -> Self {
        Self { host: "127.0.0.1".to_owned(), port }
    }

    /// The host and port, as a socket connects to them and as the `Host` header says.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The address of `path` for an HTTP request.
    pub fn http(&self, path: &str) -> String {
        format!("http://{}:{}{path}", self.host, self.port)
    }

    /// Where such a hub speaks MQTT, unless it is told otherwise.
    pub fn mqtt(&self) -> String {
        format!("{}:1883", self.host)
    }

    /// The address of `path` for a WebSocket.
    pub fn ws(&self, path: &str) -> String {
        format!("ws://{}:{}{path}", self.host, self.port)
    }
}

impl FromStr for HubAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || AddressError::Malformed(text.to_owned());
        let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| malformed())?;
        match uri.scheme_str() {
            Some("http") if uri.path() == "/" && uri.query().is_none() => {}
            Some("https") => return Err(AddressError::Tls(text.to_owned())),
            _ => return Err(malformed()),
        }
        let host = uri.host().ok_or_else(malformed)?.to_owned();

        Ok(Self { host, port: uri.port_u16().unwrap_or(80) })
    }
}

impl fmt::Display for HubAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gives_both_doors() {
        let address: HubAddress = "http://127.0.0.1:8080/".parse().unwrap();

        assert_eq!(address.http("/api/v1/modules"), "http://127.0.0.1:8080/api/v1/modules");
        assert_eq!(address.ws("/ws"), "ws://127.0.0.1:8080/ws");
        assert_eq!("http://hub.local".parse::<HubAddress>().unwrap().authority(), "hub.local:80");
    }

    #[test]
    fn an_address_of_version_six_keeps_its_brackets() {
        let address: HubAddress = "http://[::1]:9000".parse().unwrap();

        assert_eq!(address.authority(), "[::1]:9000");
    }

    #[test]
    fn tls_is_refused_by_its_name() {
        assert!(matches!("https://hub".parse::<HubAddress>(), Err(AddressError::Tls(_))));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "hub", "127.0.0.1:8080", "ftp://hub", "http://hub/path", "http://hub/?a=b"] {
            assert!(matches!(text.parse::<HubAddress>(), Err(AddressError::Malformed(_))), "`{text}` was taken");
        }
    }
}
