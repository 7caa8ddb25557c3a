//! What modules publish, and where: pure.

use rmqtt_codec::types::Publish;
use serde_json::value::RawValue;

use crate::domain::ids::ModuleId;
use crate::domain::problem::{Problem, read_json};
use crate::domain::telemetry::{Reading, Telemetry, check_count};

/// The first level of every topic of the hub.
const ROOT: &str = "carillon";

/// What a topic of a module is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heading<'a> {
    /// `carillon/<moduleId>/telemetry`.
    Telemetry,
    /// `carillon/<moduleId>/telemetry/<key>`.
    Value(&'a str),
    /// `carillon/<moduleId>/result`.
    Result,
    /// `carillon/<moduleId>/reported`.
    Reported,
    /// `carillon/<moduleId>/command`; only the hub publishes it.
    Command,
    /// `carillon/<moduleId>/desired`; only the hub publishes it.
    Desired,
}

/// Reads a topic: whose it is, and what it is for.
#[must_use]
pub fn read_topic(topic: &str) -> Option<(&str, Heading<'_>)> {
    let (owner, rest) = topic.strip_prefix(ROOT)?.strip_prefix('/')?.split_once('/')?;
    Some((owner, read_heading(rest)?))
}

/// Reads what a topic is for from what stands behind the module.
fn read_heading(rest: &str) -> Option<Heading<'_>> {
    Some(match rest {
        "telemetry" => Heading::Telemetry,
        "result" => Heading::Result,
        "reported" => Heading::Reported,
        "command" => Heading::Command,
        "desired" => Heading::Desired,
        _ => {
            let key = rest.strip_prefix("telemetry/")?;
            return (!key.is_empty() && !key.contains('/')).then_some(Heading::Value(key));
        }
    })
}

/// The topic of a module.
#[must_use]
pub fn topic_of(id: &ModuleId, what: &str) -> String {
    format!("{ROOT}/{id}/{what}")
}

/// What a topic of this module is for; none for those of others and those that there are not.
#[must_use]
pub fn own_heading<'a>(id: &ModuleId, topic: &'a str) -> Option<Heading<'a>> {
    let behind = topic.strip_prefix(ROOT)?.strip_prefix('/')?.strip_prefix(id.as_str())?;
    read_heading(behind.strip_prefix('/')?)
}

/// Reads the readings of a message: an object of values, `{ts?, telemetry}`, an array of those, or one value.
///
/// # Errors
/// A [`Problem`] that names the place.
pub fn read_readings(heading: Heading<'_>, publish: &Publish) -> Result<Vec<Reading>, Problem> {
    let json = &publish.payload[..];
    if let Heading::Value(key) = heading {
        return read_value(key, json).map(|telemetry| vec![Reading::new(None, telemetry)]);
    }
    match json.trim_ascii_start().first() {
        Some(b'[') => {
            let readings = Reading::read_list(json)?;
            check_count(&readings).map(|()| readings)
        }
        _ => Reading::read_either(json).map(|reading| vec![reading]),
    }
}

/// What a message counts as among those of its connection that wait: one for each of its readings and one more for each
/// KiB, seen without reading it.
#[must_use]
pub fn weight_of(payload: &[u8]) -> usize {
    let is_list = payload.trim_ascii_start().first() == Some(&b'[');
    // Each reading of a list has two of its own, one around it and one around its values.
    let braces = if is_list { payload.iter().filter(|byte| **byte == b'{').count() } else { 0 };
    (braces / 2).max(1) + payload.len() / 1024
}

fn read_value(key: &str, json: &[u8]) -> Result<Telemetry, Problem> {
    // One whole value, so that nothing of it reaches beyond its place in the object.
    let value: &RawValue = serde_json::from_slice(json)
        .map_err(|error| Problem::new("invalid-json", 400, format!("the payload is not one JSON value: {error}")))?;
    let key = serde_json::Value::from(key);
    read_json(format!("{{{key}:{value}}}").as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rmqtt_codec::types::QoS;

    use super::*;
    use crate::mqtt::session::Message;

    fn read(heading: Heading<'_>, payload: &str) -> Result<Vec<Reading>, Problem> {
        read_readings(heading, Message::new("t", payload.to_owned(), QoS::AtMostOnce).publish())
    }

    #[test]
    fn topics_belong_to_one_module() {
        let id: ModuleId = "MC-1".parse().unwrap();
        assert_eq!(own_heading(&id, "carillon/MC-1/telemetry"), Some(Heading::Telemetry));
        assert_eq!(own_heading(&id, "carillon/MC-1/telemetry/a b"), Some(Heading::Value("a b")));
        assert_eq!(own_heading(&id, "carillon/MC-1/result"), Some(Heading::Result));
        for bad in [
            "carillon/MC-2/telemetry",
            "carillon/mc-1/telemetry",
            "carillon//telemetry",
            "/carillon/MC-1/telemetry",
            "carillon/MC-1/telemetry/",
            "carillon/MC-1/telemetry/a/b",
            "carillon/MC-1",
            "carillon/MC-1/",
            "$SYS/MC-1/telemetry",
            "telemetry",
            "",
        ] {
            assert_eq!(own_heading(&id, bad), None, "{bad}");
        }
    }

    #[test]
    fn readings_come_in_four_shapes() {
        let one = |payload| read(Heading::Telemetry, payload).unwrap();
        assert_eq!(one(r#"{"a":1,"ts":5}"#)[0].telemetry().len(), 2);
        assert!(one(r#"{"telemetry":{"a":1},"ts":"2026-05-01T12:00:00Z"}"#)[0].ts.is_some());
        assert_eq!(one(r#"{"telemetry":1}"#)[0].telemetry().len(), 1, "a key like any other");
        assert_eq!(one(r#" [{"telemetry":{"a":1}},{"telemetry":{"a":2}}]"#).len(), 2);
        let value = |payload| read(Heading::Value("a\"b"), payload).unwrap()[0].telemetry().get("a\"b").cloned();
        assert!(value("21.5").is_some() && value("\"on\"").is_some() && value(" null ").is_some());
    }

    #[test]
    fn a_message_counts_as_many_as_it_has_readings_and_no_more_than_may_come_at_once_are_read() {
        let list = |count| format!(" [{}]", vec![r#"{"telemetry":{"a":1}}"#; count].join(","));
        for count in [0, 1, 64, 10_000] {
            let (payload, readings) = (list(count), read(Heading::Telemetry, &list(count)).unwrap());
            assert_eq!(readings.len(), count);
            assert_eq!(weight_of(payload.as_bytes()), count.max(1) + payload.len() / 1024);
        }
        assert_eq!(read(Heading::Telemetry, &list(10_001)).unwrap_err().kind(), "too-many-readings");
        assert_eq!((weight_of(br#"{"a":"{{{{"}"#), weight_of(b"21.5"), weight_of(&[b' '; 2048])), (1, 1, 3));
    }

    #[test]
    fn what_is_no_reading_is_refused_with_its_place() {
        for (heading, payload, status) in [
            (Heading::Telemetry, "", 400),
            (Heading::Telemetry, "21.5", 422),
            (Heading::Telemetry, "{\"a\":[]}", 422),
            (Heading::Telemetry, "{\"telemetry\":{\"a\":1},\"tz\":1}", 422),
            (Heading::Telemetry, "{\"telemetry\":{\"a\":1},\"ts\":\"yesterday\"}", 422),
            (Heading::Telemetry, "{\"\\u0000\":1}", 422),
            (Heading::Telemetry, "{\"telemetry\":{\"\\u0000\":1}}", 422),
            (Heading::Telemetry, "[{\"telemetry\":{\"\\u0000\":1}}]", 422),
            (Heading::Value("\u{7f}"), "1", 422),
            (Heading::Value("a"), "hello", 400),
            (Heading::Value("a"), "1,\"b\":2", 400),
            (Heading::Value("a"), "1}{", 400),
            (Heading::Value("a"), "{}", 422),
            (Heading::Value("a"), "NaN", 400),
        ] {
            assert_eq!(read(heading, payload).unwrap_err().status, status, "{payload}");
        }
        let keys: Vec<_> = (0..1000).map(|number| format!("\"k{number}\":1")).collect();
        assert_eq!(read(Heading::Telemetry, &format!("{{{}}}", keys.join(","))).unwrap_err().status, 422);
        assert_eq!(read(Heading::Value(&"k".repeat(65)), "1").unwrap_err().status, 422);
    }

    proptest! {
        #[test]
        fn one_value_stays_one_value(key in "\\PC{1,20}", payload in "[\\[\\]{}\",:a0-9 ]{0,12}") {
            if let Ok(readings) = read(Heading::Value(&key), &payload) {
                prop_assert_eq!(readings[0].telemetry().len(), 1);
                prop_assert!(readings[0].telemetry().get(&key).is_some());
            }
        }

        #[test]
        fn no_payload_breaks_the_reader(payload in prop::collection::vec(any::<u8>(), 0..40)) {
            let message = Message::new("t", payload, QoS::AtMostOnce);
            let _ = read_readings(Heading::Telemetry, message.publish());
            let _ = read_readings(Heading::Value("a"), message.publish());
        }
    }
}
