//! Commands and the twin while the database is slow, or takes nothing.

use serde_json::Value;
use tokio::sync::mpsc;

use super::*;
use crate::domain::command::{self, CommandResult};
use crate::domain::ids::UserId;
use crate::module::{ChangeDesired, NewCommand, ReadTwin, SendCommand, TakeResult};
use crate::store::modules;
use crate::store::twins::{self, Twin};

/// A device that hands on what it is told.
struct Ear(mpsc::UnboundedSender<ToDevice>);

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Handler<EndLink> for Ear {
    type Result = ();

    fn handle(&mut self, _: EndLink, _: &mut Self::Context) {}
}

impl Handler<ToDevice> for Ear {
    type Result = ();

    fn handle(&mut self, word: ToDevice, _: &mut Self::Context) {
        self.0.send(word).unwrap();
    }
}

/// A module that is in the database, with a device.
async fn attached() -> (Bench, mpsc::UnboundedReceiver<ToDevice>) {
    let bench = Bench::new();
    bench.shared.store.write(|conn| modules::insert(conn, &testing::module("MC-1001-STN"))).await.unwrap();
    let (told, heard) = mpsc::unbounded_channel();
    let link = Ear(told).start();
    let (end, deliver) = (link.clone().recipient(), link.recipient());
    let attach = Attach { connection: 1, end, deliver, token: TokenHash::of("cm_good") };
    bench.module.send(attach).await.unwrap().unwrap();
    (bench, heard)
}

fn command(timeout: Duration) -> SendCommand {
    let command = NewCommand { name: "open".parse().unwrap(), params: command::null(), timeout };
    SendCommand { by: UserId::generate(), command }
}

fn desired(json: &str) -> ChangeDesired {
    ChangeDesired { patch: serde_json::from_str(json).unwrap(), expected: None }
}

impl Bench {
    fn rename_table(&self, from: &str, to: &str) {
        self.scratch.say(&format!("ALTER TABLE {from} RENAME TO {to}"));
    }

    /// How far people were told that commands have come; a reading makes sure that all was told.
    async fn statuses(&self, reading: &str) -> Vec<String> {
        assert!(self.report(reading).await.unwrap().is_ok());
        let told = self.told("rt_command_updated");
        told.iter()
            .map(|data| serde_json::from_str::<Value>(data).unwrap()["status"].as_str().unwrap().into())
            .collect()
    }
}

#[actix::test]
async fn nothing_is_told_of_a_command_after_its_end() {
    let (bench, _heard) = attached().await;
    let lock = bench.scratch.lock();

    let answer = bench.module.send(command(MOMENT)).await.unwrap();
    assert!(matches!(answer, Err(ModuleError::NoAnswer)), "{answer:?}");
    drop(lock);
    // It is stored behind the command.
    bench.module.send(desired(r#"{"speed":1}"#)).await.unwrap().unwrap();

    assert_eq!(bench.statuses(r#"{"speed":1}"#).await, ["expired"]);
}

#[actix::test]
async fn an_answer_that_is_not_stored_is_told_when_it_comes_again() {
    let (bench, mut heard) = attached().await;
    let asked = actix_rt::spawn(bench.module.send(command(PRESENCE)));
    let Some(ToDevice::Command(command)) = heard.recv().await else { panic!("no command came") };
    let result = || TakeResult(CommandResult { command_id: command.id.to_string(), ok: true, result: command::null() });

    bench.rename_table("commands", "hidden");
    let refused = bench.module.send(result()).await.unwrap();
    assert!(matches!(refused, Err(ModuleError::Unavailable)), "{refused:?}");
    assert_eq!(bench.statuses(r#"{"speed":1}"#).await, ["sent"]);
    assert!(!asked.is_finished());
    bench.rename_table("hidden", "commands");

    bench.module.send(result()).await.unwrap().unwrap();
    assert!(asked.await.unwrap().unwrap().unwrap().ok);
    assert_eq!(bench.statuses(r#"{"speed":2}"#).await, ["sent", "answered"]);
}

#[actix::test]
async fn a_twin_whose_change_failed_is_read_again() {
    let (bench, _heard) = attached().await;
    let twin = bench.module.send(desired(r#"{"speed":1}"#)).await.unwrap().unwrap();
    bench.rename_table("twins", "hidden");
    assert!(bench.module.send(desired(r#"{"speed":2}"#)).await.unwrap().is_err());
    bench.rename_table("hidden", "twins");

    // As after a commit whose answer was lost.
    let stored = Twin { desired_version: 2, ..Twin::clone(&twin) };
    let saving = bench.shared.store.write(move |conn| twins::save(conn, &"MC-1001-STN".parse().unwrap(), &stored));
    saving.await.unwrap();

    assert_eq!(bench.module.send(ReadTwin { token: None }).await.unwrap().unwrap().desired_version, 2);
}
