//! The commands of one module that wait for an answer; pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::super::error::ModuleError;
use super::messages::Outcome;
use crate::domain::command::Command;
use crate::domain::ids::CommandId;

/// Where whoever asked waits for what came of a command.
type Answer = oneshot::Sender<Result<Outcome, ModuleError>>;

/// One command that waits.
#[derive(Debug)]
pub struct UnderWay {
    /// The command.
    pub command: Arc<Command>,
    /// Whether it is in the database, and so may be told to the device.
    pub is_stored: bool,
    /// Who waits; nobody for a command from before a restart.
    answer: Option<Answer>,
}

impl UnderWay {
    /// A command that is not stored yet; gives also where its answer will come.
    pub fn new(command: Arc<Command>) -> (Self, oneshot::Receiver<Result<Outcome, ModuleError>>) {
        let (answer, answered) = oneshot::channel();
        (Self { command, is_stored: false, answer: Some(answer) }, answered)
    }

    /// A command that was stored earlier, and for which nobody waits.
    pub const fn stored(command: Arc<Command>) -> Self {
        Self { command, is_stored: true, answer: None }
    }

    /// Tells whoever waits.
    pub fn answer(self, result: Result<Outcome, ModuleError>) {
        if let Some(answer) = self.answer {
            // Who asked may have gone.
            let _ = answer.send(result);
        }
    }
}

/// All commands of a module that wait, oldest first.
#[derive(Debug, Default)]
pub struct Ledger(BTreeMap<CommandId, UnderWay>);

impl Ledger {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one that is not there yet.
    pub fn add(&mut self, one: UnderWay) {
        self.0.entry(one.command.id.clone()).or_insert(one);
    }

    /// A command is stored; gives it if it still waits.
    pub fn stored(&mut self, id: &CommandId) -> Option<Arc<Command>> {
        let one = self.0.get_mut(id)?;
        one.is_stored = true;
        Some(Arc::clone(&one.command))
    }

    /// Takes one out.
    pub fn take(&mut self, id: &CommandId) -> Option<UnderWay> {
        self.0.remove(id)
    }

    /// Takes all out.
    pub fn take_all(&mut self) -> impl Iterator<Item = UnderWay> + use<> {
        std::mem::take(&mut self.0).into_values()
    }

    /// What may be told to the device, oldest first.
    pub fn tellable(&self) -> impl Iterator<Item = &Arc<Command>> {
        self.0.values().filter(|one| one.is_stored).map(|one| &one.command)
    }
}
