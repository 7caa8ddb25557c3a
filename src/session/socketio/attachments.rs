//! Puts a packet and its binary attachments together again; pure.

use serde_json::Value;

use super::packet::{self, Kind, Packet};
use crate::session::engine::Message;

/// A whole packet with everything that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// What kind of packet it is.
    pub kind: Kind,
    /// Which namespace it is for.
    pub namespace: String,
    /// The number of the answer.
    pub id: Option<u64>,
    /// Finished JSON with placeholders `{"_placeholder":true,"num":N}` for the attachments.
    pub json: String,
    /// The attachments, in order.
    pub attachments: Vec<Vec<u8>>,
}

/// A message that does not fit where it comes; the connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParcelError {
    /// The packet itself is bad.
    #[error(transparent)]
    Packet(#[from] packet::PacketError),
    /// Bytes that no packet announced.
    #[error("bytes came that no packet announced")]
    Unannounced,
    /// Text came where an attachment was due.
    #[error("a packet came before the attachments of the last one")]
    Incomplete,
    /// Attachments longer than allowed, all together.
    #[error("the attachments of a packet are too long")]
    TooLong,
    /// A placeholder without an attachment, or JSON that is nested too deeply to look for them.
    #[error("a placeholder has no attachment")]
    Placeholder,
}

/// Takes messages, gives whole packets.
///
/// Invariant: holds one packet at most, with at most [`packet::ATTACHMENTS_MAX`] attachments of `max` bytes together.
#[derive(Debug)]
pub struct Unpacker {
    waiting: Option<(Parcel, usize)>,
    length: usize,
    max: usize,
}

impl Unpacker {
    /// An unpacker of packets whose attachments have up to `max` bytes together.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { waiting: None, length: 0, max }
    }

    /// Takes a message; answers the packet that is whole by it.
    ///
    /// # Errors
    /// When the message does not fit where it comes.
    pub fn take(&mut self, message: Message) -> Result<Option<Parcel>, ParcelError> {
        match message {
            Message::Text(text) => self.take_text(&text),
            Message::Binary(bytes) => self.take_bytes(bytes),
        }
    }

    fn take_text(&mut self, text: &str) -> Result<Option<Parcel>, ParcelError> {
        if self.waiting.is_some() {
            return Err(ParcelError::Incomplete);
        }
        let packet = packet::read(text)?;
        let count = packet.attachments.unwrap_or(0);
        if packet.attachments.is_some() {
            check_placeholders(packet.json, count)?;
        }
        let parcel = Parcel::from(packet);
        if count == 0 {
            return Ok(Some(parcel));
        }
        self.waiting = Some((parcel, count));
        Ok(None)
    }

    fn take_bytes(&mut self, bytes: Vec<u8>) -> Result<Option<Parcel>, ParcelError> {
        let (mut parcel, count) = self.waiting.take().ok_or(ParcelError::Unannounced)?;
        self.length += bytes.len();
        if self.length > self.max {
            return Err(ParcelError::TooLong);
        }
        parcel.attachments.push(bytes);
        if parcel.attachments.len() < count {
            self.waiting = Some((parcel, count));
            return Ok(None);
        }
        self.length = 0;
        Ok(Some(parcel))
    }
}

impl From<Packet<'_>> for Parcel {
    fn from(packet: Packet<'_>) -> Self {
        Self {
            kind: packet.kind,
            namespace: packet.namespace.to_owned(),
            id: packet.id,
            json: packet.json.to_owned(),
            attachments: Vec::new(),
        }
    }
}

fn check_placeholders(json: &str, count: usize) -> Result<(), ParcelError> {
    // The reader gives up at a depth of 128, which bounds the walk too.
    let value = serde_json::from_str(json).map_err(|_| ParcelError::Placeholder)?;
    if are_known(&value, count) { Ok(()) } else { Err(ParcelError::Placeholder) }
}

fn are_known(value: &Value, count: usize) -> bool {
    match value {
        Value::Array(values) => values.iter().all(|value| are_known(value, count)),
        Value::Object(fields) if fields.get("_placeholder") == Some(&Value::Bool(true)) => {
            let place = fields.get("num").and_then(Value::as_u64);
            place.is_some_and(|place| place < count as u64)
        }
        Value::Object(fields) => fields.values().all(|value| are_known(value, count)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Message {
        Message::Text(text.to_owned())
    }

    proptest! {
        #[test]
        fn a_packet_is_whole_with_its_last_attachment(
            attachments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..10),
        ) {
            let mut unpacker = Unpacker::new(500);
            for _ in 0..3 {
                let head = format!("5{}-7[\"a\",{{\"_placeholder\":true,\"num\":0}}]", attachments.len());
                prop_assert_eq!(unpacker.take(text(&head)), Ok(None));
                let (last, first) = attachments.split_last().unwrap();
                for bytes in first {
                    prop_assert_eq!(unpacker.take(Message::Binary(bytes.clone())), Ok(None));
                }
                let parcel = unpacker.take(Message::Binary(last.clone())).unwrap().unwrap();
                prop_assert_eq!(&parcel.attachments, &attachments);
                prop_assert_eq!(parcel.id, Some(7));
            }
        }
    }

    #[test]
    fn what_does_not_fit_where_it_comes_is_refused() {
        let bytes = || Message::Binary(vec![0; 6]);
        let one = r#"51-["a",{"_placeholder":true,"num":0}]"#;
        assert_eq!(Unpacker::new(10).take(bytes()), Err(ParcelError::Unannounced));
        let mut unpacker = Unpacker::new(10);
        unpacker.take(text(one)).unwrap();
        assert_eq!(unpacker.take(text("2[\"b\"]")), Err(ParcelError::Incomplete));
        let mut unpacker = Unpacker::new(10);
        unpacker.take(text(r#"52-["a"]"#)).unwrap();
        unpacker.take(bytes()).unwrap();
        assert_eq!(unpacker.take(bytes()), Err(ParcelError::TooLong));
        for bad in [
            r#"51-["a",{"_placeholder":true,"num":1}]"#,
            r#"51-["a",{"b":[{"_placeholder":true}]}]"#,
            &format!("51-[\"a\",{}{}]", "[".repeat(1000), "]".repeat(1000)),
        ] {
            assert_eq!(Unpacker::new(10).take(text(bad)), Err(ParcelError::Placeholder), "{bad}");
        }
        assert!(Unpacker::new(10).take(text(r#"50-["a"]"#)).unwrap().is_some(), "none announced, none awaited");
    }
}
