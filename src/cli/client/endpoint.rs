use std::io;

use awc::http::uri::Authority;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::connector::machine_trust;

/// A host and port, and whether TLS is spoken there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether TLS is spoken there.
    pub is_tls: bool,
}

/// A connection, plain or under TLS.
pub type Stream = Box<dyn Duplex>;

/// What can be read and written.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

impl Endpoint {
    /// The host and port, as a socket connects to them and as the `Host` header says.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Its address, by the scheme of a plain connection and that of one under TLS.
    pub fn url(&self, [plain, tls]: [&str; 2]) -> String {
        format!("{}://{}", if self.is_tls { tls } else { plain }, self.authority())
    }

    /// Connects; under TLS to who has a certificate for the host that this machine trusts.
    ///
    /// # Errors
    /// What the system or TLS says.
    pub async fn connect(&self) -> io::Result<Stream> {
        let stream = TcpStream::connect(self.authority()).await?;
        stream.set_nodelay(true)?;
        if !self.is_tls {
            return Ok(Box::new(stream));
        }
        let host = self.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let tls = TlsConnector::from(machine_trust().config.clone());

        Ok(Box::new(tls.connect(name, stream).await?))
    }
}

/// Reads `host` or `host:port`; none for anything else.
pub fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let port = match text.strip_prefix(host)? {
        "" => None,
        rest => Some(rest.strip_prefix(':')?.parse().ok()?),
    };

    (!host.is_empty()).then(|| (host.to_owned(), port))
}
