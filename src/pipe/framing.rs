//! How a text becomes something that can be sent.

use bytes::Bytes;

use super::frame;

/// What the frames of one outbox look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// RFC 6455 frames.
    WebSocket,
    /// The same, each a packet of Engine.IO; whoever takes them for a poll strips their headers.
    Engine,
    /// Text as it is, for a response body of server-sent events.
    Text,
}

impl Framing {
    /// A finished text.
    pub fn text(self, text: &str) -> Bytes {
        match self {
            Self::WebSocket | Self::Engine => frame::text(text.as_bytes()),
            Self::Text => Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    /// What keeps a quiet connection open: a ping, or a comment; none where the protocol has its own heartbeat.
    pub const fn ping(self) -> Option<Bytes> {
        match self {
            Self::WebSocket => Some(frame::ping()),
            Self::Engine => None,
            Self::Text => Some(Bytes::from_static(b":\n\n")),
        }
    }
}
