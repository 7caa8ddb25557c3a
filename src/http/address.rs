//! Where a request comes from.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::{Ready, ready};

use crate::config::Network;

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(pub Vec<Network>);

/// The address of whoever calls, behind trusted proxies too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    address: IpAddr,
    is_direct: bool,
}

impl ClientAddress {
    /// The address of whoever sends a request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        // Without a peer the caller is nobody in particular, and not this machine.
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let proxies = request.app_data::<Data<TrustedProxies>>();
        proxies.map_or_else(
            || TrustedProxies::default().caller(peer, request.headers()),
            |proxies| proxies.caller(peer, request.headers()),
        )
    }

    /// The address itself; an IPv4 address is always in its short form.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.address
    }

    /// Whether a program on this machine calls, and no unknown proxy for somebody else.
    #[must_use]
    pub const fn is_this_machine(self) -> bool {
        self.is_direct && self.address.is_loopback()
    }
}

impl TrustedProxies {
    /// Finds the caller: the last address of `X-Forwarded-For` that no trusted proxy has.
    #[must_use]
    pub fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let peer = peer.to_canonical();
        if !self.has(peer) {
            let is_direct = !headers.contains_key(header::X_FORWARDED_FOR) && !headers.contains_key(header::FORWARDED);
            return ClientAddress { address: peer, is_direct };
        }
        let forwarded = headers.get_all(header::X_FORWARDED_FOR).filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        let known = hops.iter().rev().map_while(|hop| hop.parse::<IpAddr>().ok()).map(|hop| hop.to_canonical());
        let address = known.scan(true, |more, hop| more.then(|| (*more = self.has(hop), hop).1)).last();
        ClientAddress { address: address.unwrap_or(peer), is_direct: true }
    }

    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl FromRequest for ClientAddress {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn caller(proxies: &[&str], peer: &str, forwarded: Option<&str>) -> ClientAddress {
        let proxies = TrustedProxies(proxies.iter().map(|network| network.parse().unwrap()).collect());
        let mut headers = HeaderMap::new();
        if let Some(forwarded) = forwarded {
            let value = HeaderValue::from_str(forwarded).unwrap();
            headers.insert(HeaderName::from_static("x-forwarded-for"), value);
        }
        proxies.caller(peer.parse().unwrap(), &headers)
    }

    #[test]
    fn a_header_of_a_stranger_is_not_believed() {
        assert_eq!(caller(&[], "192.0.2.1", Some("198.51.100.7")).ip().to_string(), "192.0.2.1");
        assert!(!caller(&[], "127.0.0.1", Some("198.51.100.7")).is_this_machine());
        assert!(caller(&[], "::ffff:127.0.0.1", None).is_this_machine());
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_is_the_caller() {
        let behind = |forwarded| caller(&["10.0.0.0/8", "127.0.0.1"], "127.0.0.1", forwarded);
        assert_eq!(behind(Some("1.1.1.1, 198.51.100.7, 10.2.3.4")).ip().to_string(), "198.51.100.7");
        assert_eq!(behind(Some("198.51.100.7, nonsense, 10.2.3.4")).ip().to_string(), "10.2.3.4");
        assert!(!behind(Some("198.51.100.7")).is_this_machine());
        assert!(behind(None).is_this_machine());
    }
}
