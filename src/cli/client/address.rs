use std::{fmt, str::FromStr};

use awc::http::Uri;

use super::endpoint::{Endpoint, host_and_port};

/// Where a hub answers, as `http://host:port` or `https://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubAddress(Endpoint);

/// Why a text is not the address of a hub.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    /// Not an address at all, or one with a path or an account.
    #[error("`{0}` is not the address of a hub; write it like `http://127.0.0.1:8080`, or like `https://hub.example`")]
    Malformed(String),
    /// The HTTP client checks no certificate against an IPv6 address.
    #[error("`{0}` has an IPv6 address, which cannot be used with TLS; give the name that is in the hub's certificate")]
    Unnamed(String),
}

impl HubAddress {
    /// An address of this machine.
    pub fn loopback(port: u16) -> Self {
        Self(Endpoint { host: "127.0.0.1".to_owned(), port, is_tls: false })
    }

    /// Whether TLS is spoken there.
    pub const fn is_tls(&self) -> bool {
        self.0.is_tls
    }

    /// The host and port, as a socket connects to them and as the `Host` header says.
    pub fn authority(&self) -> String {
        self.0.authority()
    }

    /// The address of `path` for an HTTP request.
    pub fn http(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    /// Where to connect.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.0
    }

    /// The address of `path` for a WebSocket.
    pub fn ws(&self, path: &str) -> String {
        format!("{}{path}", self.0.url(["ws", "wss"]))
    }
}

impl FromStr for HubAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || AddressError::Malformed(text.to_owned());
        let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| malformed())?;
        let is_tls = match uri.scheme_str().filter(|_| uri.path() == "/" && uri.query().is_none()) {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(malformed()),
        };
        let authority = uri.authority().ok_or_else(malformed)?;
        let (host, port) = host_and_port(authority.as_str()).ok_or_else(malformed)?;
        if is_tls && host.starts_with('[') {
            return Err(AddressError::Unnamed(text.to_owned()));
        }

        Ok(Self(Endpoint { host, port: port.unwrap_or(if is_tls { 443 } else { 80 }), is_tls }))
    }
}

impl fmt::Display for HubAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.url(["http", "https"]))
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
    fn under_tls_both_doors_are() {
        let address: HubAddress = "https://hub.example".parse().unwrap();

        assert_eq!(address.http("/api/v1/modules"), "https://hub.example:443/api/v1/modules");
        assert_eq!(address.ws("/ws"), "wss://hub.example:443/ws");
        assert!(matches!("https://[::1]:9000".parse::<HubAddress>(), Err(AddressError::Unnamed(_))));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "hub",
            "127.0.0.1:8080",
            "ftp://hub",
            "http://hub/path",
            "http://hub/?a=b",
            "http://hub:x",
            "https://hub:70000",
            "https://a:b@hub",
        ] {
            assert!(matches!(text.parse::<HubAddress>(), Err(AddressError::Malformed(_))), "`{text}` was taken");
        }
    }
}
