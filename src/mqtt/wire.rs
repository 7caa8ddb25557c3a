//! Packets of both versions as bytes. Everybody else knows the packets of version 5 only: those of 3.1.1 are the same
//! with less in them.

use bytes::{Bytes, BytesMut};
use rmqtt_codec::error::DecodeError;
use rmqtt_codec::types::QoS;
use rmqtt_codec::v3;
use rmqtt_codec::v5::{self, DisconnectReasonCode, Packet};
use rmqtt_codec::version::{ProtocolVersion, VersionCodec};
use tokio_util::codec::{Decoder, Encoder};

mod older;

/// The versions that are spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1.
    V3,
    /// 5.
    V5,
}

/// What is wrong with the bytes of a peer; the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It speaks something else.
    #[error("the first packet is no CONNECT of MQTT")]
    NotMqtt,
    /// It speaks another version.
    #[error("speak MQTT 3.1.1 or 5")]
    Version,
    /// It has no name and wants to be remembered, or its name is not allowed.
    #[error("name a client id, or ask for a clean start")]
    ClientId,
    /// A packet is larger than announced.
    #[error("the packet is too large")]
    TooLarge,
    /// The bytes are no packet.
    #[error("the packet is malformed")]
    Malformed,
    /// A packet that may not be sent, or not now.
    #[error("the packet breaks the protocol")]
    Protocol,
}

impl Fault {
    /// How it is told to a client that has connected.
    #[must_use]
    pub const fn reason(self) -> DisconnectReasonCode {
        match self {
            Self::TooLarge => DisconnectReasonCode::PacketTooLarge,
            Self::Malformed => DisconnectReasonCode::MalformedPacket,
            _ => DisconnectReasonCode::ProtocolError,
        }
    }
}

/// Reads and writes the packets of one connection.
///
/// Invariant: the first packet is a CONNECT, and decides on the version of all others.
#[derive(Debug)]
pub struct Wire {
    codec: Codec,
    max_in: u32,
    max_out: usize,
}

#[derive(Debug)]
enum Codec {
    Unknown,
    V3(v3::Codec),
    V5(v5::Codec),
}

impl Wire {
    /// Takes a CONNECT of at most so many bytes.
    #[must_use]
    pub const fn new(max_connect: u32) -> Self {
        Self { codec: Codec::Unknown, max_in: max_connect, max_out: usize::MAX }
    }

    /// Writes packets of a version.
    #[must_use]
    pub fn speaking(version: Version) -> Self {
        let codec = match version {
            Version::V3 => Codec::V3(v3::Codec::default()),
            Version::V5 => Codec::V5(v5::Codec::default()),
        };
        Self { codec, max_in: 0, max_out: usize::MAX }
    }

    /// The version of the peer; that of an unknown peer is 3.1.1, whose answers everybody reads.
    #[must_use]
    pub const fn version(&self) -> Version {
        if matches!(self.codec, Codec::V5(_)) { Version::V5 } else { Version::V3 }
    }

    /// Takes packets up to `max_in` bytes from now on, and makes none that are longer than `max_out`.
    pub fn agree_on(&mut self, max_in: u32, max_out: Option<u32>) {
        self.max_in = max_in;
        self.max_out = max_out.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
        match &mut self.codec {
            Codec::Unknown => {}
            Codec::V3(codec) => codec.set_max_size(max_in),
            Codec::V5(codec) => codec.set_max_inbound_size(max_in),
        }
    }

    /// Takes the first packet off the buffer; none while it is not whole.
    ///
    /// # Errors
    /// When the bytes are no packet that a client may send.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Packet>, Fault> {
        if matches!(self.codec, Codec::Unknown) {
            match VersionCodec.decode(buffer) {
                Ok(None) => return Ok(None),
                Ok(Some(ProtocolVersion::MQTT3)) => self.codec = Codec::V3(v3::Codec::new(self.max_in)),
                Ok(Some(ProtocolVersion::MQTT5)) => self.codec = Codec::V5(v5::Codec::new(self.max_in, 0)),
                Err(_) => return Err(if names_mqtt(buffer) { Fault::Version } else { Fault::NotMqtt }),
            }
        }
        let (packet, length) = match &mut self.codec {
            Codec::Unknown => return Ok(None),
            Codec::V3(codec) => match codec.decode(buffer).map_err(|error| fault_of(&error))? {
                Some((packet, length)) => (older::newer_of(packet)?, length),
                None => return Ok(None),
            },
            Codec::V5(codec) => match codec.decode(buffer).map_err(|error| fault_of(&error))? {
                Some(whole) => whole,
                None => return Ok(None),
            },
        };
        check(&packet, length).map(|()| Some(packet))
    }

    /// Writes a packet; none if the peer's version has no such packet, or it would be longer than the peer takes.
    #[must_use]
    pub fn encode(&mut self, packet: Packet) -> Option<Bytes> {
        let mut bytes = BytesMut::new();
        let written = match &mut self.codec {
            Codec::V5(codec) => codec.encode(packet, &mut bytes),
            Codec::V3(codec) => codec.encode(older::older_of(packet)?, &mut bytes),
            Codec::Unknown => v3::Codec::default().encode(older::older_of(packet)?, &mut bytes),
        };
        match written {
            Ok(()) if bytes.len() <= self.max_out => Some(bytes.freeze()),
            _ => None,
        }
    }
}

/// What both versions ask for and the codec lets through.
fn check(packet: &Packet, length: u32) -> Result<(), Fault> {
    let is_good = match packet {
        Packet::PingRequest => length == 0,
        Packet::Publish(publish) => !(publish.dup && publish.qos == QoS::AtMostOnce),
        Packet::Subscribe(subscribe) => !subscribe.topic_filters.is_empty(),
        Packet::Unsubscribe(unsubscribe) => !unsubscribe.topic_filters.is_empty(),
        _ => true,
    };
    if is_good { Ok(()) } else { Err(Fault::Malformed) }
}

/// Whether the beginning of a CONNECT names the protocol, whatever its version.
fn names_mqtt(buffer: &[u8]) -> bool {
    let start = &buffer[..buffer.len().min(16)];
    start.first() == Some(&0x10)
        && (start.windows(4).any(|name| name == b"MQTT") || start.windows(6).any(|n| n == b"MQIsdp"))
}

fn fault_of(error: &DecodeError) -> Fault {
    match error {
        DecodeError::InvalidProtocol | DecodeError::UnsupportedProtocolLevel => Fault::Version,
        DecodeError::InvalidClientId => Fault::ClientId,
        DecodeError::MaxSizeExceeded { .. } => Fault::TooLarge,
        DecodeError::UnsupportedPacketType => Fault::Protocol,
        _ => Fault::Malformed,
    }
}
