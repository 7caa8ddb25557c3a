//! The packets of Socket.IO 5; pure.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The main namespace.
pub const MAIN: &str = "/";
/// The longest name of a namespace, in bytes.
const NAMESPACE_MAX: usize = 128;
/// The most binary attachments of one packet, as the official parser has it.
pub const ATTACHMENTS_MAX: usize = 10;

/// What kind of packet it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Joins a namespace.
    Connect,
    /// Leaves a namespace.
    Disconnect,
    /// Something happened.
    Event,
    /// The answer to an event.
    Ack,
    /// A namespace that could not be joined.
    ConnectError,
}

/// A packet as its text has it; attachments follow in messages of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What kind of packet it is.
    pub kind: Kind,
    /// How many binary messages follow; none for a packet that is not labelled binary.
    pub attachments: Option<usize>,
    /// Which namespace it is for.
    pub namespace: &'a str,
    /// The number of the answer.
    pub id: Option<u64>,
    /// Finished JSON, an array for events and answers, an object for the rest; empty if there is none.
    pub json: &'a str,
}

/// A packet that breaks the protocol; the connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// No such kind.
    #[error("a packet is of no known kind")]
    Kind,
    /// The number of attachments cannot be read or is too high.
    #[error("a packet announces attachments that it may not have")]
    Attachments,
    /// The namespace is too long.
    #[error("the name of a namespace is too long")]
    Namespace,
    /// The number of the answer cannot be read.
    #[error("the number of an answer is out of range")]
    Id,
    /// The payload is no JSON, or not of the shape that the kind has.
    #[error("the payload of a packet is not as it must be")]
    Payload,
}

/// Reads the text of a packet.
///
/// # Errors
/// When it breaks the protocol.
pub fn read(text: &str) -> Result<Packet<'_>, PacketError> {
    let (digit, rest) = text.split_at_checked(1).ok_or(PacketError::Kind)?;
    let (kind, is_binary) = kind_of(digit)?;
    let (attachments, rest) = if is_binary { split_attachments(rest)? } else { (None, rest) };
    let (namespace, rest) = split_namespace(rest)?;
    let (id, json) = split_id(rest)?;
    check_payload(kind, json)?;
    Ok(Packet { kind, attachments, namespace, id, json })
}

fn kind_of(digit: &str) -> Result<(Kind, bool), PacketError> {
    match digit {
        "0" => Ok((Kind::Connect, false)),
        "1" => Ok((Kind::Disconnect, false)),
        "2" => Ok((Kind::Event, false)),
        "3" => Ok((Kind::Ack, false)),
        "4" => Ok((Kind::ConnectError, false)),
        "5" => Ok((Kind::Event, true)),
        "6" => Ok((Kind::Ack, true)),
        _ => Err(PacketError::Kind),
    }
}

fn split_attachments(text: &str) -> Result<(Option<usize>, &str), PacketError> {
    let (digits, rest) = text.split_once('-').ok_or(PacketError::Attachments)?;
    let count = number(digits).and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| *count <= ATTACHMENTS_MAX).ok_or(PacketError::Attachments)?;
    Ok((Some(count), rest))
}

fn split_namespace(text: &str) -> Result<(&str, &str), PacketError> {
    if !text.starts_with('/') {
        return Ok((MAIN, text));
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    if namespace.len() > NAMESPACE_MAX { Err(PacketError::Namespace) } else { Ok((namespace, rest)) }
}

fn split_id(text: &str) -> Result<(Option<u64>, &str), PacketError> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    number(digits).map(|id| (Some(id), rest)).ok_or(PacketError::Id)
}

/// A number without a sign, up to the highest that JavaScript counts to.
fn number(digits: &str) -> Option<u64> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|number| is_plain && *number < 1 << 53)
}

fn check_payload(kind: Kind, json: &str) -> Result<(), PacketError> {
    let is_valid = match kind {
        Kind::Connect => json.is_empty() || is_json(json, '{'),
        Kind::Disconnect => json.is_empty(),
        // Only the hub sends these.
        Kind::ConnectError => false,
        Kind::Event => arguments(json).is_some_and(|arguments| begins_with_a_name(&arguments)),
        Kind::Ack => is_json(json, '['),
    };
    if is_valid { Ok(()) } else { Err(PacketError::Payload) }
}

fn is_json(json: &str, first: char) -> bool {
    json.starts_with(first) && serde_json::from_str::<&RawValue>(json).is_ok()
}

fn begins_with_a_name(arguments: &[&RawValue]) -> bool {
    let name = arguments.first().map(|name| name.get());
    name.is_some_and(|name| name.starts_with(|letter: char| letter == '"' || letter == '-' || letter.is_ascii_digit()))
}

/// The elements of a JSON array, unread; an element may be nested as deeply as its length allows.
#[must_use]
pub fn arguments(json: &str) -> Option<Vec<&RawValue>> {
    #[derive(Deserialize)]
    struct Arguments<'a>(#[serde(borrow)] Vec<&'a RawValue>);
    serde_json::from_str::<Arguments<'_>>(json).ok().map(|Arguments(arguments)| arguments)
}

/// Writes the head of a packet: everything before its JSON.
#[must_use]
pub fn head(kind: Kind, attachments: Option<usize>, namespace: &str, id: Option<u64>) -> String {
    let digit = match (kind, attachments) {
        (Kind::Connect, _) => '0',
        (Kind::Disconnect, _) => '1',
        (Kind::Event, None) => '2',
        (Kind::Ack, None) => '3',
        (Kind::ConnectError, _) => '4',
        (Kind::Event, Some(_)) => '5',
        (Kind::Ack, Some(_)) => '6',
    };
    let mut head = String::from(digit);
    if let Some(count) = attachments {
        head.push_str(&format!("{count}-"));
    }
    if namespace != MAIN {
        head.push_str(namespace);
        head.push(',');
    }
    if let Some(id) = id {
        head.push_str(&id.to_string());
    }
    head
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds() -> impl Strategy<Value = (Kind, Option<usize>, String)> {
        let json =
            || "[a-z0-9\u{e9}]{0,20}".prop_map(|text| serde_json::json!(["name", text, { "3": [true] }]).to_string());
        prop_oneof![
            prop_oneof![Just(String::new()), Just(r#"{"token":"123"}"#.to_owned())].prop_map(|json| (
                Kind::Connect,
                None,
                json
            )),
            Just((Kind::Disconnect, None, String::new())),
            (prop::option::of(0..=ATTACHMENTS_MAX), json()).prop_map(|(count, json)| (Kind::Event, count, json)),
            (prop::option::of(0..=ATTACHMENTS_MAX), json()).prop_map(|(count, json)| (Kind::Ack, count, json)),
        ]
    }

    proptest! {
        #[test]
        fn packets_read_as_they_are_written(
            (kind, attachments, json) in kinds(),
            namespace in prop_oneof![Just(MAIN.to_owned()), Just("/custom".to_owned())],
            id in prop::option::of(0_u64..1 << 53),
        ) {
            let id = id.filter(|_| matches!(kind, Kind::Event | Kind::Ack));
            let text = head(kind, attachments, &namespace, id) + &json;
            let packet = Packet { kind, attachments, namespace: &namespace, id, json: &json };
            prop_assert_eq!(read(&text), Ok(packet));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "[0-7]?[0-9]{0,3}-?(/[a-z]{0,3},?)?[0-9]{0,20}.*") {
            let _ = read(&text);
        }
    }

    #[test]
    fn the_examples_of_the_protocol_are_read() {
        let packet = read("52-/admin,456[\"a\",{\"_placeholder\":true,\"num\":0}]").unwrap();
        assert_eq!((packet.kind, packet.attachments), (Kind::Event, Some(2)));
        assert_eq!((packet.namespace, packet.id), ("/admin", Some(456)));
        assert_eq!(read("0/random").unwrap().namespace, "/random");
        assert_eq!(read("1").unwrap().kind, Kind::Disconnect);
        assert_eq!(read("1/admin,").unwrap().namespace, "/admin");
    }

    #[test]
    fn what_breaks_the_protocol_is_refused() {
        for (bad, error) in [
            ("", PacketError::Kind),
            ("abc", PacketError::Kind),
            ("é", PacketError::Kind),
            ("7[]", PacketError::Kind),
            ("5[\"a\"]", PacketError::Attachments),
            ("5x-[\"a\"]", PacketError::Attachments),
            ("5+1-[\"a\"]", PacketError::Attachments),
            ("511-[\"a\"]", PacketError::Attachments),
            ("2[]", PacketError::Payload),
            ("2{}", PacketError::Payload),
            ("2", PacketError::Payload),
            ("2[null]", PacketError::Payload),
            ("2abc[\"a\"]", PacketError::Payload),
            ("2[\"a\"] x", PacketError::Payload),
            ("29007199254740992[\"a\"]", PacketError::Id),
            ("0[]", PacketError::Payload),
            ("0{", PacketError::Payload),
            ("1{}", PacketError::Payload),
            ("3{}", PacketError::Payload),
        ] {
            assert_eq!(read(bad), Err(error), "{bad}");
        }
        assert_eq!(read(&format!("0/{}", "n".repeat(200))), Err(PacketError::Namespace));
    }

    #[test]
    fn nesting_costs_no_stack() {
        let deep = format!("2[\"a\",{}{}]", "[".repeat(500_000), "]".repeat(500_000));
        assert_eq!(read(&deep).map(|packet| packet.kind), Ok(Kind::Event));
    }
}
