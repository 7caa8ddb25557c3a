//! The words of commands: what a device is told to do, and what it answers.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ids::CommandId;
use super::text::wrapped_text;
use super::time::Timestamp;

/// The longest name of a command, in characters.
pub const COMMAND_NAME_MAX: usize = 64;
/// The longest parameters of a command, in bytes of JSON.
pub const PARAMS_MAX: usize = 16 * 1024;
/// The longest result of a command, in bytes of JSON.
pub const RESULT_MAX: usize = 64 * 1024;
/// The command by which an emergency stop reaches a device; people stop modules by their own resource.
pub const EMERGENCY_STOP: &str = "emergency_stop";

/// What a device is told to do, e.g. `open`: 1 to 64 of `A-Z a-z 0-9 . _ : -`, starting with a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandName(Arc<str>);

/// A text that is no name of a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the name of a command; use 1 to {COMMAND_NAME_MAX} of `A-Z a-z 0-9 . _ : -`, starting with a letter or a digit"
)]
pub struct CommandNameError(String);

impl std::str::FromStr for CommandName {
    type Err = CommandNameError;

    fn from_str(text: &str) -> Result<Self, CommandNameError> {
        let starts_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        let is_written_well =
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-'));
        if starts_well && is_written_well && text.len() <= COMMAND_NAME_MAX {
            return Ok(Self(text.into()));
        }
        Err(CommandNameError(text.chars().take(COMMAND_NAME_MAX).collect()))
    }
}

wrapped_text!(CommandName);

/// A command as it goes to a device.
#[derive(Debug, Clone)]
pub struct Command {
    /// Which command; the device names it in its answer. It may come more than once, with the same id.
    pub id: CommandId,
    /// What to do.
    pub name: CommandName,
    /// How; finished JSON, `null` for nothing.
    pub params: Box<RawValue>,
    /// Until when somebody waits; none for an emergency stop, which is told until it is acknowledged.
    pub deadline: Option<Timestamp>,
}

/// What a device answered to a command.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandResult {
    /// Which command, as the device wrote it.
    pub command_id: String,
    /// Whether it did it.
    pub ok: bool,
    /// What came of it, any JSON.
    #[serde(default = "null")]
    pub result: Box<RawValue>,
}

/// The JSON of nothing.
#[must_use]
pub fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_commands_follow_their_rule() {
        for good in ["open", "a", "light:set.color", "2-step_x", &"x".repeat(64)] {
            assert!(good.parse::<CommandName>().is_ok(), "{good}");
        }
        for bad in ["", " ", ".a", "a b", "a/b", "é", &"x".repeat(65)] {
            assert!(bad.parse::<CommandName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_answer_without_a_result_has_the_result_null() {
        let answer: CommandResult = serde_json::from_str(r#"{"commandId":"c","ok":true}"#).unwrap();
        assert_eq!((answer.ok, answer.result.get()), (true, "null"));
    }
}
