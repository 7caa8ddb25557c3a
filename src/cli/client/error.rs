use std::time::Duration;

use tokio_tungstenite::tungstenite;

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
