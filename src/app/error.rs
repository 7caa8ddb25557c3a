//! Why the hub does not start.

use std::io;
use std::net::SocketAddr;

use crate::auth::{AuthError, KeyError};
use crate::http::TlsError;
use crate::store::StoreError;

/// What is in the way of a start, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on `{0}`: {1}; choose another address with --listen or `http.listen`")]
    Listen(SocketAddr, #[source] io::Error),
    /// The database cannot be used.
    #[error("cannot use the database: {0}")]
    Store(#[from] StoreError),
    /// Keys or the first account cannot be made.
    #[error("cannot prepare accounts: {0}")]
    Auth(#[from] AuthError),
    /// The key that signs tokens cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An actor ended during the start.
    #[error("a part of the hub ended while starting: {0}; see the log")]
    Part(#[from] actix::MailboxError),
}
