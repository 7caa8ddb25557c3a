use std::{fmt::Display, io, time::Duration};

use tokio_tungstenite::tungstenite;

use crate::connector::machine_trust;

/// What can go wrong between a command and a hub.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers there.
    #[error("cannot reach the hub at `{address}`: {cause}; start it with `carillon serve`, or give another `--url`")]
    Unreachable {
        /// The address tried.
        address: String,
        /// What the system or the HTTP client said.
        cause: String,
    },
    /// Who answers there has no certificate that this machine trusts.
    #[error(
        "the hub at `{address}` is not to be trusted: {cause}; give the name that is in its certificate, and have this machine \
         trust who signed it (`ca-certificates`, or the file that `SSL_CERT_FILE` names{unread})"
    )]
    Untrusted {
        /// The address tried.
        address: String,
        /// What is wrong with the certificate.
        cause: String,
        /// What could not be read of whom this machine trusts.
        unread: String,
    },
    /// The hub answered with a problem.
    #[error("the hub refused {what} with {status}: {detail}")]
    Refused {
        /// The request, as method and path.
        what: String,
        /// The status of the answer.
        status: u16,
        /// The problem's detail.
        detail: String,
        /// How long the hub asks to wait before another try.
        retry_after: Option<Duration>,
    },
    /// The answer is not what the contract says.
    #[error("cannot read the hub's answer to {what}: {cause}; are this command and the hub of one version?")]
    Answer {
        /// The request, as method and path.
        what: String,
        /// What is wrong with the answer.
        cause: String,
    },
    /// A WebSocket broke, or the hub closed it.
    #[error("the connection to the hub ended: {0}")]
    Closed(String),
}

impl ClientError {
    /// Why there is no connection.
    pub fn no_connection(address: impl Display, error: &io::Error) -> Self {
        let (address, cause) = (address.to_string(), error.to_string());
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(_)) => {
                let unread = machine_trust().unread.as_ref().map(|why| format!("; not all of that can be read: {why}"));
                Self::Untrusted { address, cause, unread: unread.unwrap_or_default() }
            }
            Some(rustls::Error::InvalidMessage(_)) => {
                Self::Unreachable { address, cause: "no TLS is spoken there".to_owned() }
            }
            _ => Self::Unreachable { address, cause },
        }
    }

    /// The status the hub refused with, if it did.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// How long to wait before the same request can succeed; `None` when it never will.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Refused { status: 429 | 503, retry_after, .. } => Some(retry_after.unwrap_or(Duration::from_secs(1))),
            _ => None,
        }
    }
}

impl From<tungstenite::Error> for ClientError {
    fn from(error: tungstenite::Error) -> Self {
        Self::Closed(error.to_string())
    }
}
