//! How a text becomes something that can be sent.

use bytes::Bytes;

use super::frame;

/// What the frames of one outbox look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// RFC 6455 frames; whoever takes them for a poll strips their headers.
    WebSocket,
    /// Text as it is, for a response body of server-sent events.
    Text,
}

impl Framing {
    /// A finished text.
    pub fn text(self, text: &str) -> Bytes {
        match self {
            Self::WebSocket => frame::text(text.as_bytes()),
            Self::Text => Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    /// What keeps a quiet connection open: a ping, or a comment.
    pub const fn ping(self) -> Bytes {
        match self {
            Self::WebSocket => frame::ping(),
            Self::Text => Bytes::from_static(b":\n\n"),
        }
    }
}
