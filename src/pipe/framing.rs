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
    /// Packets of MQTT as they are.
    Mqtt,
    /// Packets of MQTT, each in a binary message of a WebSocket.
    MqttSocket,
}

impl Framing {
    /// A finished text.
    pub fn text(self, text: &str) -> Bytes {
        match self {
            Self::WebSocket | Self::Engine => frame::text(text.as_bytes()),
            Self::Text | Self::Gzip | Self::Mqtt | Self::MqttSocket => Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    /// What keeps a quiet connection open: a ping, or a comment; none where the protocol has its own heartbeat.
    pub fn ping(self) -> Option<Bytes> {
        const COMMENT: Bytes = Bytes::from_static(b":\n\n");
        match self {
            Self::WebSocket => Some(frame::ping()),
            Self::Engine | Self::Mqtt | Self::MqttSocket => None,
            Self::Text => Some(COMMENT),
            Self::Gzip => Some(gzip::piece(&COMMENT)),
        }
    }

    /// Whether it is a WebSocket's, which ends with a close frame.
    pub const fn has_close_frames(self) -> bool {
        matches!(self, Self::WebSocket | Self::Engine | Self::MqttSocket)
    }

    /// Whether whoever reads from the connection watches over its silence.
    pub const fn is_watched(self) -> bool {
        matches!(self, Self::Mqtt | Self::MqttSocket)
    }

    /// A plain frame packed for one peer, for a WebSocket by what was agreed on; plain if it is too short.
    pub fn packed(self, plain: Bytes, deflation: Option<Deflation>) -> Bytes {
        match (self, deflation) {
            (Self::WebSocket | Self::Engine, Some(deflation)) if deflation.covers(plain.len()) => {
                frame::deflated_for(&plain, deflation)
            }
            (Self::WebSocket | Self::Engine | Self::Text | Self::Mqtt, _) => plain,
            (Self::MqttSocket, _) => frame::binary(&plain),
            (Self::Gzip, _) => gzip::piece(&plain),
        }
    }

    /// What packs a plain frame of this length for all who can unpack it; none if this peer is not of them.
    pub fn pack_for_all(self, length: usize, deflation: Option<Deflation>) -> Option<fn(&Bytes) -> Bytes> {
        match self {
            Self::WebSocket | Self::Engine => {
                let covered = deflation.filter(|deflation| deflation.covers(length) && deflation.is_for_all(length));
                covered.map(|_| frame::deflated as fn(&Bytes) -> Bytes)
            }
            Self::Text | Self::Mqtt => None,
            Self::Gzip => Some(gzip::piece),
            Self::MqttSocket => Some(|packet| frame::binary(packet)),
        }
    }
}
