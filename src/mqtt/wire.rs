//! Packets of both versions as bytes. Everybody else knows the packets of version 5 only: those of 3.1.1 are the same
//! with less in them.

use bytes::{Bytes, BytesMut};
use rmqtt_codec::error::DecodeError;
use rmqtt_codec::types::QoS;
use rmqtt_codec::v3;
pub use rmqtt_codec::v5::Packet;
use rmqtt_codec::v5::{self, DisconnectReasonCode};
use rmqtt_codec::version::{ProtocolVersion, VersionCodec};
use tokio_util::codec::{Decoder, Encoder};

mod older;
mod shorter;
mod words;

pub use words::words;

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
        if flags_at(buffer).and_then(|at| buffer.get(at)).is_some_and(|flags| speaks_of_no_will(*flags)) {
            return Err(Fault::Malformed);
        }
        let (packet, length) = match &mut self.codec {
            Codec::Unknown => return Ok(None),
            Codec::V3(codec) => match codec.decode(buffer).map_err(|error| fault_of(&error))? {
                Some((packet, length)) => (older::newer_of(packet)?, length),
                None => return Ok(None),
            },
            Codec::V5(codec) => match decode_newer(codec, buffer, self.max_in)? {
                Some(whole) => whole,
                None => return Ok(None),
            },
        };
        check(&packet, length).map(|()| Some(packet))
    }

    /// Writes a packet, without its words if it would be longer than the peer takes; none if it is so even then, or if the
    /// peer's version has no such packet.
    #[must_use]
    pub fn encode(&mut self, packet: Packet) -> Option<Bytes> {
        if self.max_out == usize::MAX {
            return self.encode_whole(packet);
        }
        let shorter = shorter::without_words(&packet);
        self.encode_whole(packet).or_else(|| self.encode_whole(shorter?))
    }

    fn encode_whole(&mut self, packet: Packet) -> Option<Bytes> {
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

/// Reads a packet of version 5. The codec refuses a client without a name that does not ask for a clean start, which is
/// allowed since that version (MQTT 5, 3.1.3.1): it has no session to go on with, so it is read as if it had asked.
fn decode_newer(codec: &mut v5::Codec, buffer: &mut BytesMut, max_in: u32) -> Result<Option<(Packet, u32)>, Fault> {
    let is_first = buffer.first() == Some(&CONNECT);
    if is_first && declared(buffer).is_some_and(|length| length <= max_in as usize && buffer.len() < length) {
        return Ok(None);
    }
    let first = is_first.then(|| buffer.clone());
    match (codec.decode(buffer), first) {
        (Err(DecodeError::InvalidClientId), Some(mut first)) => {
            if let Some(flags) = flags_at(&first).and_then(|at| first.get_mut(at)) {
                *flags |= CLEAN_START;
            }
            v5::Codec::new(max_in, 0).decode(&mut first)
        }
        (decoded, _) => decoded,
    }
    .map_err(|error| fault_of(&error))
}

/// Where the flags of a CONNECT are, if one begins here.
fn flags_at(buffer: &[u8]) -> Option<usize> {
    let length = buffer.iter().skip(1).take(3).take_while(|byte| **byte & 0x80 != 0).count() + 1;
    let is_connect = buffer.first() == Some(&CONNECT) && buffer.get(1 + length..)?.starts_with(NAME);
    is_connect.then_some(1 + length + FLAGS_AT)
}

/// Whether the flags of a CONNECT speak of a will without announcing one, at which the codec does not look (MQTT 5, 3.1.2.6).
const fn speaks_of_no_will(flags: u8) -> bool {
    flags & WILL == 0 && flags & ABOUT_WILL != 0
}

/// How long the packet at the beginning says that it is; none while that has not come.
fn declared(buffer: &[u8]) -> Option<usize> {
    let mut length = 0;
    for (place, byte) in buffer.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(2 + place + length);
        }
    }
    None
}

/// The first byte of a CONNECT.
const CONNECT: u8 = 0x10;
/// The name of the protocol, as it stands in one.
const NAME: &[u8] = b"\x00\x04MQTT";
/// Where its flags are, behind its length: the name of the protocol has six bytes, its version one.
const FLAGS_AT: usize = 7;
/// The flag that announces a will, and those of its quality and of whether it is kept.
const WILL: u8 = 0x04;
const ABOUT_WILL: u8 = 0x38;
/// The flag that asks for a clean start.
const CLEAN_START: u8 = 0b10;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &[u8]) -> Result<Option<Packet>, Fault> {
        Wire::new(1000).decode(&mut BytesMut::from(bytes))
    }

    #[test]
    fn a_client_of_version_5_needs_no_name() {
        for flags in [0_u8, 2] {
            let bytes = [&b"\x10\x0d\x00\x04MQTT\x05"[..], &[flags], b"\x00\x3c\x00\x00\x00"].concat();
            let decoded = decode(&bytes);
            assert!(matches!(&decoded, Ok(Some(Packet::Connect(connect))) if connect.clean_start), "{decoded:?}");
            let (mut wire, mut buffer) = (Wire::new(1000), BytesMut::new());
            for (place, byte) in bytes.iter().enumerate() {
                buffer.extend_from_slice(&[*byte]);
                assert_eq!(wire.decode(&mut buffer).expect("a CONNECT").is_some(), place + 1 == bytes.len());
            }
        }
        assert_eq!(decode(b"\x10\x0c\x00\x04MQTT\x04\x00\x00\x3c\x00\x00"), Err(Fault::ClientId), "of 3.1.1 it does");
    }

    #[test]
    fn a_packet_that_is_too_long_loses_its_words_or_is_not_written() {
        let goodbye = |words: &str| {
            Packet::Disconnect(v5::Disconnect {
                reason_code: DisconnectReasonCode::ProtocolError,
                reason_string: Some(words.into()),
                user_properties: vec![("a".into(), "b".into())],
                ..v5::Disconnect::default()
            })
        };
        let mut wire = Wire::speaking(Version::V5);
        let whole = wire.encode(goodbye("words")).unwrap().len();
        let bare = shorter::without_words(&goodbye("words")).and_then(|bare| wire.encode(bare)).unwrap().len();
        for max_out in 0..=u32::try_from(whole).unwrap() + 1 {
            wire.agree_on(100, Some(max_out));
            let written = wire.encode(goodbye("words")).map(|bytes| bytes.len());
            let expected = [whole, bare].into_iter().find(|length| *length <= max_out as usize);
            assert_eq!(written, expected, "{max_out}");
            let message = crate::mqtt::session::Message::new("topic", "payload", QoS::AtMostOnce);
            let message = wire.encode(Packet::Publish(Box::new(message.publish().clone())));
            assert!(message.is_none_or(|bytes| bytes.len() <= max_out as usize));
        }
    }

    #[test]
    fn other_versions_and_protocols_are_told_apart() {
        for (bytes, fault) in [
            (&b"\x10\x0c\x00\x04MQTT\x06\x02\x00\x3c\x00\x00"[..], Fault::Version),
            (b"\x10\x0e\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x00", Fault::Version),
            (b"\x10\x0c\x00\x04MQTX\x04\x02\x00\x3c\x00\x00", Fault::NotMqtt),
            (b"GET / HTTP/1.1\r\n\r\n", Fault::NotMqtt),
            (b"\x10\xff\x7f\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", Fault::TooLarge),
        ] {
            assert_eq!(decode(bytes), Err(fault), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(
            is_newer in any::<bool>(),
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            split in 0_usize..200,
        ) {
            let mut wire = Wire::speaking(if is_newer { Version::V5 } else { Version::V3 });
            wire.agree_on(100, None);
            let mut buffer = BytesMut::new();
            for part in [&bytes[..split.min(bytes.len())], &bytes[split.min(bytes.len())..]] {
                buffer.extend_from_slice(part);
                while let Ok(Some(packet)) = wire.decode(&mut buffer) {
                    let _ = Wire::speaking(Version::V5).encode(packet.clone());
                    let _ = Wire::speaking(Version::V3).encode(packet);
                }
            }
            let _ = decode(&bytes);
        }
    }
}
