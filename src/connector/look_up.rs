//! Finds the addresses of a name without holding anybody up.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use super::target::literal;

/// How many look-ups may be under way, also those for which nobody waits any more.
const UNDER_WAY_MAX: usize = 64;

/// Looks names up; clones share the bound.
#[derive(Debug, Clone)]
pub struct LookUp(Arc<Semaphore>);

impl Default for LookUp {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(UNDER_WAY_MAX)))
    }
}

impl LookUp {
    /// The addresses of a host.
    ///
    /// The system's own look-up cannot be broken off: it has a thread of its own, for which no end of the hub waits.
    ///
    /// # Errors
    /// What the system says, or that too many look-ups hang.
    pub async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Some(address) = literal(host) {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let turn = Arc::clone(&self.0).try_acquire_owned();
        let turn = turn.map_err(|_| io::Error::other("too many names are being looked up"))?;
        let (told, answer) = oneshot::channel();
        let host = host.to_owned();
        std::thread::Builder::new().name("look-up".to_owned()).spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
            // Whoever asked may have gone.
            let _ = told.send(found);
            drop(turn);
        })?;
        answer.await.unwrap_or_else(|_| Err(io::Error::other("the look-up broke off")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix::test]
    async fn names_and_addresses_are_found() {
        let look_up = LookUp::default();
        let found = look_up.addresses("[::1]", 7).await.unwrap();
        assert_eq!(found, ["[::1]:7".parse().unwrap()]);
        let found = look_up.addresses("localhost", 7).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 7), "{found:?}");
        let found = look_up.addresses("0x7f.1", 7).await.unwrap();
        assert_eq!(found, ["127.0.0.1:7".parse().unwrap()]);
    }
}
