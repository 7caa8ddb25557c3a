//! What a simulated module does when it is told something.

use serde_json::{Value, json};

/// The frames that answer a command or a desired state: `ping` gives `pong`, `set` takes its parameters over into the
/// reported state, `emergency_stop` is acknowledged, and a desired state is reported as it is.
pub fn obey(told: &Value) -> Vec<Value> {
    match told["type"].as_str() {
        Some("command") => answers(told),
        Some("desired") => vec![reported(&told["desired"])],
        _ => Vec::new(),
    }
}

fn answers(command: &Value) -> Vec<Value> {
    let result = |ok: bool, result: Value| json!({ "type": "result", "commandId": command["commandId"], "ok": ok, "result": result });
    match command["command"].as_str().unwrap_or_default() {
        "ping" => vec![result(true, json!("pong"))],
        "emergency_stop" => vec![result(true, json!("stopped"))],
        "set" if command["params"].is_object() => {
            vec![reported(&command["params"]), result(true, command["params"].clone())]
        }
        "set" => vec![result(false, json!("give the parameters as an object"))],
        other => vec![result(false, json!(format!("`{other}` is not known; use `ping` or `set`")))],
    }
}

fn reported(state: &Value) -> Value {
    json!({ "type": "reported", "reported": state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_answered_once() {
        for (command, params, ok, frames) in [
            ("ping", json!(null), true, 1),
            ("set", json!({"light": "on"}), true, 2),
            ("set", json!(1), false, 1),
            ("emergency_stop", json!({}), true, 1),
            ("dance", json!(null), false, 1),
        ] {
            let told = json!({"type": "command", "commandId": "c", "command": command, "params": params});
            let answers = obey(&told);
            let result = answers.last().unwrap();
            assert_eq!(
                (answers.len(), &result["ok"], &result["commandId"]),
                (frames, &json!(ok), &json!("c")),
                "{command}"
            );
        }
        assert_eq!(obey(&json!({"type": "desired", "desired": {"a": 1}}))[0]["reported"], json!({"a": 1}));
        assert!(obey(&json!({"type": "ack", "id": 1})).is_empty());
    }
}
