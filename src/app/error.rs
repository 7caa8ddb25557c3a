//! Why the hub does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::auth::{AuthError, KeyError};
use crate::http::TlsError;
use crate::store::StoreError;

/// What is in the way of a start, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on `{0}`: {1}; choose another address with --listen or `http.listen`")]
    Listen(SocketAddr, #[source] io::Error),
    /// The address for MQTT cannot be listened on.
    #[error(
        "cannot listen on `{0}` for MQTT: {1}; choose another address with `mqtt.listen`, or set `mqtt.enabled` to `false`"
    )]
    ListenMqtt(SocketAddr, #[source] io::Error),
    /// MQTT is to be spoken under TLS, without a certificate.
    #[error(
        "`mqtt.tls_listen` needs a certificate; name one with `http.tls_certificate` and its key with `http.tls_key`"
    )]
    MqttTls,
    /// Another hub runs on the data folder.
    #[error("another hub runs on the data folder `{}`; stop it, or give this one a folder of its own with --data", .0.display())]
    InUse(PathBuf),
    /// The data folder cannot be written.
    #[error("cannot write in the data folder `{}`: {cause}; choose another one with --data or `data.dir`", .folder.display())]
    Data {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
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
