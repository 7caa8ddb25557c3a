//! What a device and the hub say to each other over `/ws/module`; pure.

use std::borrow::Cow;
use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::command::{Desired, ToDevice};
use crate::domain::command::{CommandName, CommandResult, null};
use crate::domain::document::{Document, MergePatch};
use crate::domain::ids::{CommandId, ModuleId};
use crate::domain::problem::{Problem, read_json, read_json_text};
use crate::domain::telemetry::{Plain, Reading, Telemetry};
use crate::domain::time::Timestamp;

/// A frame of a device.
#[derive(Debug)]
pub enum DeviceFrame {
    /// Says who it is.
    Identify(Identify),
    /// Reports.
    Telemetry(Reading),
    /// Answers a command.
    Result(CommandResult),
    /// Reports its state.
    Reported(MergePatch),
}

/// `{"type":"identify","moduleId","token"}`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identify {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    /// Who it says it is.
    pub module_id: ModuleId,
    /// The token that proves it.
    pub token: String,
}

impl fmt::Debug for Identify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identify").field("module_id", &self.module_id).finish_non_exhaustive()
    }
}

/// A frame that cannot be taken, with its id if it has one.
#[derive(Debug)]
pub struct BadFrame {
    /// The frame's id.
    pub id: Option<u64>,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What every frame has.
#[derive(Deserialize)]
struct Head {
    r#type: String,
    #[serde(default)]
    id: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TelemetryFrame<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(default)]
    id: Option<u64>,
    #[serde(default)]
    ts: Option<Timestamp>,
    telemetry: Telemetry,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResultFrame {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    #[serde(default, rename = "id")]
    _id: Option<u64>,
    command_id: String,
    ok: bool,
    #[serde(default = "null")]
    result: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportedFrame {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    #[serde(default, rename = "id")]
    _id: Option<u64>,
    reported: MergePatch,
}

impl DeviceFrame {
    /// Reads a frame and its id.
    ///
    /// # Errors
    /// [`BadFrame`] with a problem that names the place.
    pub fn read(text: &str) -> Result<(Option<u64>, Self), BadFrame> {
        // By far the most frames are reports, and as they must be.
        if let Some((id, reading)) = read_report(text) {
            return Ok((id, Self::Telemetry(reading)));
        }
        // It may be a report all the same, which needs no other look.
        if let Some(TelemetryFrame { r#type, id, ts, telemetry }) = read_json_text(text)
            && r#type == "telemetry"
        {
            return Ok((id, Self::Telemetry(Reading::new(ts, telemetry))));
        }
        let head: Head = read(None, text)?;
        let id = head.id.as_ref().and_then(serde_json::Value::as_u64);
        let frame = match head.r#type.as_str() {
            "identify" => Self::Identify(read(id, text)?),
            "telemetry" => {
                let TelemetryFrame { ts, telemetry, .. } = read(id, text)?;
                Self::Telemetry(Reading::new(ts, telemetry))
            }
            "result" => {
                let ResultFrame { command_id, ok, result, .. } = read(id, text)?;
                Self::Result(CommandResult { command_id, ok, result })
            }
            "reported" => {
                let ReportedFrame { reported, .. } = read(id, text)?;
                Self::Reported(reported)
            }
            _ => {
                let problem = Problem::new("invalid-fields", 422, "some fields are not as they must be")
                    .with_error("/type", "use `identify`, `telemetry`, `result` or `reported`");
                return Err(BadFrame { id, problem });
            }
        };
        Ok((id, frame))
    }
}

/// Reads a report, if it is plain.
fn read_report(text: &str) -> Option<(Option<u64>, Reading)> {
    let mut plain = Plain::new(text);
    let (mut is_report, mut id, mut ts, mut reading) = (false, None, None, None);
    plain.object(|plain, key| {
        match key {
            "type" if !is_report && plain.text()? == "telemetry" => is_report = true,
            "id" if id.is_none() => id = Some(plain.number()?.as_u64()?),
            "ts" if ts.is_none() => ts = Some(plain.time()?),
            "telemetry" if reading.is_none() => reading = Some(Reading::take_values(plain)?),
            _ => return None,
        }
        Some(())
    })?;
    let is_whole = is_report && plain.is_at_end();
    reading.filter(|_| is_whole).map(|reading| (id, reading.at(ts)))
}

fn read<'de, T: Deserialize<'de>>(id: Option<u64>, text: &'de str) -> Result<T, BadFrame> {
    read_json(text.as_bytes()).map_err(|problem| BadFrame { id, problem })
}

/// A frame of the hub.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum HubFrame<'a> {
    /// The device is known.
    #[serde(rename_all = "camelCase")]
    Welcome {
        /// Who it is.
        module_id: &'a ModuleId,
    },
    /// A reading is stored.
    Ack {
        /// The id of its frame.
        id: u64,
    },
    /// The device is to do something; one may come again, with the same id.
    #[serde(rename_all = "camelCase")]
    Command {
        /// Which command.
        command_id: &'a CommandId,
        /// What to do.
        command: &'a CommandName,
        /// How.
        params: &'a RawValue,
        /// Until when somebody waits for the answer; null for an emergency stop.
        deadline: Option<Timestamp>,
    },
    /// The state that people want.
    Desired {
        /// The whole state.
        desired: &'a Document,
        /// Its version.
        version: i64,
    },
    /// Something went wrong.
    Error {
        /// The id of the frame at fault.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// What.
        problem: &'a Problem,
    },
    /// The hub closes, and this device has a moment of its own to come back.
    #[serde(rename_all = "camelCase")]
    Bye {
        /// The close code.
        code: u16,
        /// Why, in words.
        reason: &'a str,
        /// How long until then.
        retry_after_ms: u64,
    },
}

impl<'a> From<&'a ToDevice> for HubFrame<'a> {
    fn from(word: &'a ToDevice) -> Self {
        match word {
            ToDevice::Command(command) => Self::Command {
                command_id: &command.id,
                command: &command.name,
                params: &command.params,
                deadline: command.deadline,
            },
            ToDevice::Desired(Desired { desired, version }) => Self::Desired { desired, version: *version },
        }
    }
}

impl HubFrame<'_> {
    /// The frame as text.
    pub fn to_text(&self) -> String {
        // Plain strings and numbers; writing them cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_are_read_with_their_ids() {
        let (id, frame) = DeviceFrame::read(r#"{"type":"telemetry","id":7,"telemetry":{"a":1}}"#).unwrap();
        assert_eq!(id, Some(7));
        assert!(matches!(frame, DeviceFrame::Telemetry(reading) if reading.telemetry().len() == 1));
        let (_, frame) =
            DeviceFrame::read(r#"{"telemetry":{},"type":"telemetry","ts":"2026-05-01T12:00:00Z"}"#).unwrap();
        assert!(matches!(frame, DeviceFrame::Telemetry(reading) if reading.ts.is_some()));
        let (_, frame) = DeviceFrame::read(r#"{"type":"telemetr\u0079","telemetry":{}}"#).unwrap();
        assert!(matches!(frame, DeviceFrame::Telemetry(_)), "however it is written");
        let frame = DeviceFrame::read(r#"{"type":"identify","moduleId":"MC-1","token":"cm_secret"}"#).unwrap();
        assert!(!format!("{frame:?}").contains("secret"));
        assert!(DeviceFrame::read(r#"{"type":"result","commandId":"c","ok":true,"result":{"x":[1]}}"#).is_ok());
    }

    #[test]
    fn no_field_may_come_twice() {
        for twice in [
            r#""type":"telemetry""#,
            r#""type":"result""#,
            r#""id":1"#,
            r#""ts":"2026-01-01T00:00:00Z""#,
            r#""telemetry":{}"#,
        ] {
            for text in [
                format!(r#"{{{twice},{twice},"type":"telemetry","telemetry":{{"a":1}}}}"#),
                format!(r#"{{{twice},"type":"telemetry","id":1,"ts":"2026-01-01T00:00:00Z","telemetry":{{"a":1}}}}"#),
            ] {
                assert_eq!(DeviceFrame::read(&text).unwrap_err().problem.status, 422, "{text}");
            }
        }
    }

    #[test]
    fn faults_are_told_with_their_place() {
        for (text, status, pointer, id) in [
            (r#"{"type":"telemetry","id":7,"telemetry":{"a":[]}}"#, 422, "/telemetry/a", Some(7)),
            (r#"{"type":"telemetry","id":"x","telemetry":{}}"#, 422, "/id", None),
            (r#"{"type":"telemetry","id":-1,"telemetry":{}}"#, 422, "/id", None),
            (r#"{"type":"telemetry","id":1,"telemetry":{},"tz":1}"#, 422, "/tz", Some(1)),
            (r#"{"type":"shout","id":2}"#, 422, "/type", Some(2)),
            (r#"{"type":"identify","moduleId":"a b","token":""}"#, 422, "/moduleId", None),
            (r#"{"type":1}"#, 422, "/type", None),
            (r#"{"type":{"telemetry":null},"telemetry":{}}"#, 422, "/type", None),
            (r#"{"type":"shout","telemetry":{}}"#, 422, "/type", None),
        ] {
            let bad = DeviceFrame::read(text).unwrap_err();
            let told = bad.problem.errors.first().map_or("", |error| error.pointer.as_str());
            assert_eq!((bad.problem.status, told, bad.id), (status, pointer, id), "{text}");
        }
        for text in ["", "x", "[", r#"{"type":"telemetry","telemetry":{"a":NaN}}"#] {
            assert_eq!(DeviceFrame::read(text).unwrap_err().problem.status, 400, "{text}");
        }
        for text in ["7", "[]", "null", "{}"] {
            assert_eq!(DeviceFrame::read(text).unwrap_err().problem.status, 422, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in ".*") {
            let _ = DeviceFrame::read(&text);
        }
    }
}
