//! Why Engine.IO refuses a request, with the codes that its clients know.

use serde::Serialize;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Neither polling nor WebSocket.
    #[error("Transport unknown")]
    Transport,
    /// No such session, or it is over.
    #[error("Session ID unknown")]
    Sid,
    /// A handshake is a GET.
    #[error("Bad handshake method")]
    Method,
    /// The request does not fit where the session is.
    #[error("Bad request")]
    Request,
    /// Another version of the protocol.
    #[error("Unsupported protocol version")]
    Version,
}

impl EngineError {
    /// The number that clients know it by.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Transport => 0,
            Self::Sid => 1,
            Self::Method => 2,
            Self::Request => 3,
            Self::Version => 5,
        }
    }

    /// The body of the answer: `{code, message}`.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a number and a text can always be written")]
    pub fn to_json(self) -> String {
        #[derive(Serialize)]
        struct Body {
            code: u8,
            message: String,
        }
        let body = Body { code: self.code(), message: self.to_string() };
        serde_json::to_string(&body).expect("an error is plain data")
    }
}
