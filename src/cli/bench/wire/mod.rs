//! The cheapest reasonable client: the load side shares the machine with the hub and must not be what is measured.

mod frames;
mod http;
mod mqtt;
mod socket;

pub use frames::{FrameBuffer, masked};
pub use http::{Answer, HttpReader, HttpWriter, connect_http, render_request};
pub use mqtt::{MqttSocket, Told};
pub use socket::{Frame, Heartbeat, WireSocket};

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream, lookup_host};

use crate::cli::client::{ClientError, HubAddress};

/// Connections from one source address; a source has about 28,000 ports to give.
const CONNECTIONS_OF_A_SOURCE: usize = 20_000;
/// The segment of an Ethernet, in bytes; the loopback's own is as long as a small window.
const ETHERNET_SEGMENT: u32 = 1460;

/// Where the load goes, looked up once.
#[derive(Debug, Clone)]
pub struct Destination {
    address: SocketAddr,
    authority: String,
    offers_deflate: bool,
    segment: Option<u32>,
}

impl Destination {
    /// Looks up the hub's address.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] when the name has no address.
    pub async fn of(hub: &HubAddress) -> Result<Self, ClientError> {
        let unreachable = |cause: String| ClientError::Unreachable { address: hub.to_string(), cause };
        Self::of_authority(hub.authority()).await.map_err(unreachable)
    }

    /// Looks up a server by host and port.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] when the name has no address.
    pub async fn of_server(server: &str) -> Result<Self, ClientError> {
        let unreachable = |cause: String| ClientError::Unreachable { address: server.to_owned(), cause };
        Self::of_authority(server.to_owned()).await.map_err(unreachable)
    }

    async fn of_authority(authority: String) -> Result<Self, String> {
        let found = lookup_host(&authority).await.map_err(|error| error.to_string())?.next();
        let address = found.ok_or_else(|| "the name has no address".to_owned())?;

        Ok(Self { address, authority, offers_deflate: false, segment: None })
    }

    /// The same, with sockets that offer to inflate what the hub compresses.
    #[must_use]
    pub fn offering_deflate(&self, offers_deflate: bool) -> Self {
        Self { offers_deflate, ..self.clone() }
    }

    /// The same, with segments as long as on an Ethernet: two of the loopback's fill a window of 128 KiB, and the system
    /// then waits for acknowledgements that the peer delays.
    #[must_use]
    pub fn over_ethernet(&self) -> Self {
        Self { segment: Some(ETHERNET_SEGMENT), ..self.clone() }
    }

    /// The headers that offer extensions.
    pub const fn offer(&self) -> &'static str {
        if self.offers_deflate { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" }
    }

    /// The `Host` header.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Opens connection number `index`; on this machine, many connections come from several source addresses.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] when the hub does not take it.
    pub async fn connect(&self, index: usize) -> Result<TcpStream, ClientError> {
        let connecting = async {
            let socket = if self.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            if let Some(source) = source(self.address.ip(), index) {
                socket.bind(SocketAddr::new(source, 0))?;
            }
            if let Some(segment) = self.segment {
                SockRef::from(&socket).set_tcp_mss(segment)?;
            }
            let stream = socket.connect(self.address).await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(stream)
        };

        connecting
            .await
            .map_err(|error| ClientError::Unreachable { address: self.authority.clone(), cause: error.to_string() })
    }
}

/// The source address of connection number `index`; `None` leaves it to the system.
fn source(destination: IpAddr, index: usize) -> Option<IpAddr> {
    let round = index / CONNECTIONS_OF_A_SOURCE;
    if destination != IpAddr::V4(Ipv4Addr::LOCALHOST) || round == 0 {
        return None;
    }
    let last = u8::try_from(round + 1).ok()?;

    Some(Ipv4Addr::new(127, 0, 0, last).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_connections_of_this_machine_come_from_several_addresses() {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);

        assert_eq!(source(here, 19_999), None);
        assert_eq!(source(here, 20_000), Some(Ipv4Addr::new(127, 0, 0, 2).into()));
        assert_eq!(source(Ipv4Addr::new(10, 0, 0, 1).into(), 50_000), None);
    }
}
