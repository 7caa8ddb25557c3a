//! How a text becomes something that can be sent.

use bytes::Bytes;

use super::frame::{self, Deflation};
use super::gzip;

/// What the frames of one outbox look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// RFC 6455 frames.
    WebSocket,
    /// The same, each a packet of Engine.IO; whoever takes them for a poll strips their headers.
    Engine,
    /// Text as it is, for a response body of server-sent events.
    Text,
    /// The same in pieces of a gzip stream, see [`super::GzipStream`].
    Gzip,
}

impl Framing {
    /// A finished text.
    pub fn text(self, text: &str) -> Bytes {
        match self {
            Self::WebSocket | Self::Engine => frame::text(text.as_bytes()),
            Self::Text | Self::Gzip => Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    /// What keeps a quiet connection open: a ping, or a comment; none where the protocol has its own heartbeat.
    pub fn ping(self) -> Option<Bytes> {
        const COMMENT: Bytes = Bytes::from_static(b":\n\n");
        match self {
            Self::WebSocket => Some(frame::ping()),
            Self::Engine => None,
            Self::Text => Some(COMMENT),
            Self::Gzip => Some(gzip::piece(&COMMENT)),
        }
    }

    /// Whether it is a WebSocket's, which ends with a close frame.
    pub const fn has_close_frames(self) -> bool {
        matches!(self, Self::WebSocket | Self::Engine)
    }

    /// What packs a plain frame for those who can unpack it.
    pub fn pack(self) -> fn(&Bytes) -> Bytes {
        match self {
            Self::WebSocket | Self::Engine => frame::deflated,
            Self::Text => Bytes::clone,
            Self::Gzip => gzip::piece,
        }
    }

    /// Whether a plain frame of this length is packed, for a WebSocket by what was agreed on.
    pub fn packs(self, length: usize, deflation: Option<Deflation>) -> bool {
        match self {
            Self::WebSocket | Self::Engine => deflation.is_some_and(|deflation| deflation.covers(length)),
            Self::Text => false,
            Self::Gzip => true,
        }
    }
}
