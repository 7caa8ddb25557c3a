//! The events that a client may send, as requests of its session; pure.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::packet;
use crate::domain::problem::{Problem, read_json};
use crate::session::speech::{CommandWish, Request, Wish, read_pace};

/// What the packages of Socket.IO keep for themselves.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Topics {
    topics: Vec<String>,
    #[serde(rename = "maxRate")]
    max_rate: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    page: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Token {
    access_token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Command {
    module_id: String,
    command: String,
    params: Option<Box<RawValue>>,
    timeout_ms: Option<u64>,
}

impl From<Command> for Wish {
    fn from(Command { module_id, command, params, timeout_ms }: Command) -> Self {
        Self::Command { module: module_id, wish: CommandWish { command, params, timeout_ms } }
    }
}

/// Reads an event: the number of its answer, then a JSON array of its name and one object.
///
/// # Errors
/// The number of the answer, and what is wrong with it.
pub fn read(text: &str) -> Result<Request, (Option<u64>, Problem)> {
    let (id, json) = text.split_at(text.find('[').unwrap_or(text.len()));
    let id = id.parse().ok();
    let arguments = packet::arguments(json).unwrap_or_default();
    let name = arguments.first().and_then(|name| serde_json::from_str::<String>(name.get()).ok());
    match wish_of(name.as_deref().unwrap_or_default(), arguments.get(1..).unwrap_or_default()) {
        Ok(wish) => Ok(Request { id, wish }),
        Err(problem) => Err((id, problem)),
    }
}

fn wish_of(name: &str, arguments: &[&RawValue]) -> Result<Wish, Problem> {
    match name {
        "subscribe" => {
            let Topics { topics, max_rate } = the_object(arguments)?;
            Ok(Wish::Subscribe { topics, pace: read_pace(max_rate)? })
        }
        "register_page" => {
            the_object(arguments).map(|Page { page }| Wish::Subscribe { topics: vec![page], pace: None })
        }
        "unsubscribe" => the_object(arguments).map(|Topics { topics, .. }| Wish::Unsubscribe(topics)),
        "token" => the_object(arguments).map(|Token { access_token }| Wish::Token(access_token)),
        "module_command" => the_object::<Command>(arguments).map(Wish::from),
        _ => Err(unknown(name)),
    }
}

fn the_object<'a, T: Deserialize<'a>>(arguments: &[&'a RawValue]) -> Result<T, Problem> {
    match arguments {
        [object] => read_json(object.get().as_bytes()),
        _ => {
            let problem = Problem::new("invalid-fields", 422, "some fields are not as they must be");
            Err(problem.with_error("", "send the event with one object, and a callback if you like"))
        }
    }
}

fn unknown(name: &str) -> Problem {
    let known = "use `subscribe`, `unsubscribe`, `register_page`, `module_command` or `token`";
    if RESERVED.contains(&name) {
        return Problem::new("reserved-event", 422, format!("`{name}` belongs to Socket.IO itself; {known}"));
    }
    let name: String = name.chars().take(40).collect();
    Problem::new("unknown-event", 422, format!("`{name}` is not an event that the hub takes; {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_or_refused_with_the_number_of_their_answer() {
        let request = read(r#"12["subscribe",{"topics":["modules"]}]"#).unwrap();
        assert!(
            matches!((request.id, request.wish), (Some(12), Wish::Subscribe { topics, .. }) if topics == ["modules"])
        );
        let request = read(r#"["register_page",{"page":"admin"}]"#).unwrap();
        assert!(matches!((request.id, request.wish), (None, Wish::Subscribe { topics, .. }) if topics == ["admin"]));
        for (bad, id, kind) in [
            (r#"3["dance",{}]"#, Some(3), "unknown-event"),
            (r#"["connect"]"#, None, "reserved-event"),
            (r#"4["disconnecting",{}]"#, Some(4), "reserved-event"),
            (r#"5[7]"#, Some(5), "unknown-event"),
            (r#"["subscribe"]"#, None, "invalid-fields"),
            (r#"["subscribe",["modules"]]"#, None, "invalid-fields"),
            (r#"["subscribe",{"topics":["modules"]},{}]"#, None, "invalid-fields"),
            (r#"["subscribe",{"topics":[],"maxRate":0}]"#, None, "invalid-fields"),
            (r#"6["subscribe",{"_placeholder":true,"num":0}]"#, Some(6), "invalid-fields"),
            (r#"["module_command",{"moduleId":"M"}]"#, None, "invalid-fields"),
        ] {
            let (told, problem) = read(bad).unwrap_err();
            assert_eq!((told, problem.kind()), (id, kind), "{bad}");
        }
        let command = r#"["module_command",{"moduleId":"M","command":"open","params":{"a":[1]}}]"#;
        assert!(matches!(read(command).unwrap().wish, Wish::Command { .. }));
    }
}
