//! What modules are told: commands, desired states, emergency stops; and how they find their owner.

mod claims;
mod moves;
mod orders;
mod stops;
mod twin;

use serde_json::{Value, json};

use crate::support::{Account, Answer, TestDevice};

const ID: &str = "MC-1001-STN";
const COMMANDS: &str = "/api/v1/modules/MC-1001-STN/commands";

/// Reads the next command that a device is given, past everything else.
async fn next_command(device: &mut TestDevice) -> Value {
    loop {
        let frame = device.next().await.expect("the socket stays open");
        if frame["type"] == "command" {
            return frame;
        }
    }
}

/// The problem of the next frame that tells of one.
async fn refusal(device: &mut TestDevice) -> Value {
    loop {
        let frame = device.next().await.expect("the socket stays open");
        if frame["type"] == "error" {
            return frame["problem"].clone();
        }
    }
}

/// Answers a command as the device does.
async fn answer(device: &mut TestDevice, command: &Value, ok: bool, result: Value) {
    let frame = json!({"type": "result", "commandId": command["commandId"], "ok": ok, "result": result});
    device.send(frame).await;
}

/// Sends a command and does not wait for what comes of it.
fn ask(owner: &Account, body: Value) -> actix_rt::task::JoinHandle<Answer> {
    let owner = owner.clone();
    actix_rt::spawn(async move { owner.post(COMMANDS, body).await })
}
