//! Commands: stored first, then told to the device, told again when it comes back, until it answers or nobody waits.

use std::collections::HashMap;
use std::sync::Arc;

use actix::prelude::*;

use super::super::command::{Desired, Ledger, Outcome, Repeat, SendCommand, ToDevice, UnderWay};
use super::super::error::ModuleError;
use super::Module;
use super::twin::TwinCell;
use crate::domain::command::{Command, CommandName};
use crate::domain::event::NewEvent;
use crate::domain::ids::{CommandId, StopId, UserId};
use crate::domain::time::Timestamp;
use crate::store::commands::{self, CommandRecord, CommandsKept};
use crate::store::stops::{self, StopAnswer};
use crate::store::{Connection, StoreError};

/// What the module is told and what it answers.
///
/// Invariant: a command is in the database before the device hears of it, and in `ledger` as long as its answer may come.
/// Invariant: while a stop is in force that concerns the module, `ledger` is empty, and the device is told no desired state.
#[derive(Default)]
pub(super) struct Commanding {
    pub(super) deliver: Option<Recipient<ToDevice>>,
    pub(super) ledger: Ledger,
    /// What the device answered to the stops in force: whether it stands still.
    pub(super) answers: HashMap<StopId, bool>,
    pub(super) urging: Option<SpawnHandle>,
    /// Whether a stop was in force when the actor last looked.
    pub(super) is_stopped: bool,
    pub(super) twin: TwinCell,
    pub(super) desired: Option<Desired>,
    /// Whether what an earlier actor left in the database is known.
    pub(super) is_loaded: bool,
    /// Whether a stop has concerned the module since this actor began: what an earlier actor left is taken back.
    pub(super) was_stopped: bool,
    /// How much is on its way to or from the database.
    pub(super) at_work: usize,
}

impl Commanding {
    /// A device has connected.
    pub(super) fn connect(&mut self, deliver: Recipient<ToDevice>) {
        self.deliver = Some(deliver);
    }

    /// The device is gone.
    pub(super) fn disconnect(&mut self) {
        self.deliver = None;
    }

    /// Whether nobody waits for anything.
    pub(super) fn is_idle(&self) -> bool {
        self.ledger.is_empty()
    }

    /// Whether nothing is on its way.
    pub(super) const fn is_quiet(&self) -> bool {
        self.at_work == 0
    }

    /// Everybody waits in vain.
    pub(super) fn fail_all(&mut self, error: &ModuleError) {
        self.deliver = None;
        self.ledger.take_all().for_each(|one| one.answer(Err(error.clone())));
    }

    pub(super) fn tell(&self, word: ToDevice) {
        if let Some(deliver) = &self.deliver {
            // Few: commands are bounded by the ledger, stops by their number.
            deliver.do_send(word);
        }
    }
}

/// What an earlier actor of the module left in the database.
type Left = (Vec<CommandRecord>, Vec<StopAnswer>);

impl Module {
    /// Tells a device that has just connected what it does not know yet.
    pub(super) fn greet_device(&mut self, ctx: &mut Context<Self>) {
        if self.commanding.is_loaded {
            return self.tell_device(ctx);
        }
        let (store, id, began) = (self.shared.store.clone(), self.entry.id.clone(), self.began);
        let most = i64::try_from(self.shared.options.max_commands).unwrap_or(i64::MAX);
        let cell = self.commanding.twin.clone();
        let loading = async move {
            let module = id.clone();
            let left: Left = store
                .read(move |conn: &mut Connection| {
                    let waiting = commands::open(conn, &module, began, Timestamp::now(), most)?;
                    Ok((waiting, stops::answers_of(conn, &module)?))
                })
                .await?;
            let twin = cell.read(&store, &id).await?;
            Ok((left, twin))
        };
        self.work(loading, ctx, |loaded: Result<_, StoreError>, module, ctx| {
            match loaded {
                Ok(((waiting, answers), twin)) => {
                    module.take_over(waiting, answers, ctx);
                    module.note_desired(&twin);
                }
                Err(error) => {
                    tracing::warn!(module.id = %module.entry.id, %error, "what waits for a module cannot be read yet");
                    ctx.run_later(super::RETRY_AFTER, |module, ctx| {
                        if module.commanding.deliver.is_some() && !module.commanding.is_loaded {
                            module.greet_device(ctx);
                        }
                    });
                }
            }
            module.tell_device(ctx);
        });
    }

    fn take_over(&mut self, waiting: Vec<CommandRecord>, answers: Vec<StopAnswer>, ctx: &mut Context<Self>) {
        self.commanding.is_loaded = true;
        for answer in answers {
            self.commanding.answers.entry(answer.stop_id).or_insert(answer.ok);
        }
        if self.commanding.was_stopped {
            return;
        }
        for CommandRecord { id, name, params, deadline, .. } in waiting {
            let command = Arc::new(Command { id, name, params, deadline: Some(deadline) });
            self.expire_later(&command, ctx);
            self.commanding.ledger.add(UnderWay::stored(command));
        }
    }

    /// Tells the device everything that is in force: stops first.
    fn tell_device(&mut self, ctx: &mut Context<Self>) {
        self.look_at_stops(ctx);
        for command in self.commanding.ledger.tellable() {
            self.commanding.tell(ToDevice::Command(Arc::clone(command)));
        }
        self.tell_desired();
    }

    /// Does something with the database, and goes on with what came of it.
    pub(super) fn work<T: 'static>(
        &mut self,
        work: impl Future<Output = T> + 'static,
        ctx: &mut Context<Self>,
        then: impl FnOnce(T, &mut Self, &mut Context<Self>) + 'static,
    ) {
        self.commanding.at_work += 1;
        let done = work.into_actor(self).map(move |result, module, ctx| {
            module.commanding.at_work -= 1;
            then(result, module, ctx);
            module.leave_if_removed(ctx);
        });
        ctx.spawn(done);
    }

    fn begin_command(
        &mut self,
        SendCommand { by, command }: SendCommand,
        ctx: &mut Context<Self>,
    ) -> Result<tokio::sync::oneshot::Receiver<Result<Outcome, ModuleError>>, ModuleError> {
        self.check(None)?;
        let id = &self.entry.id;
        if let Some(stop) = self.stop_in_force() {
            return Err(ModuleError::Stopped(id.clone(), stop.id.clone()));
        }
        if self.commanding.deliver.is_none() {
            return Err(ModuleError::Offline(id.clone()));
        }
        if self.commanding.ledger.len() >= self.shared.options.max_commands {
            return Err(ModuleError::TooManyCommands(self.commanding.ledger.len()));
        }
        self.last_work = tokio::time::Instant::now();
        let now = Timestamp::now();
        let deadline = Some(now.plus(command.timeout));
        let command = Command { id: CommandId::generate(), name: command.name, params: command.params, deadline };
        let command = Arc::new(command);
        let (under_way, answered) = UnderWay::new(Arc::clone(&command));
        self.commanding.ledger.add(under_way);
        self.expire_later(&command, ctx);
        self.store_command(by, command, now, ctx);
        Ok(answered)
    }

    fn store_command(&mut self, by: UserId, command: Arc<Command>, now: Timestamp, ctx: &mut Context<Self>) {
        let (store, module_id) = (self.shared.store.clone(), self.entry.id.clone());
        let max_age = i64::try_from(self.shared.options.commands_max_age.as_millis()).unwrap_or(i64::MAX);
        let kept = CommandsKept {
            count: i64::try_from(self.shared.options.commands_kept).unwrap_or(i64::MAX),
            since: Timestamp::from_millis(now.as_millis().saturating_sub(max_age)),
        };
        let stored = Arc::clone(&command);
        let storing =
            async move { store.write(move |conn| commands::insert(conn, &module_id, &by, &stored, now, kept)).await };
        self.work(storing, ctx, move |stored, module, ctx| match stored {
            Ok(()) => {
                // Taken back, or over, meanwhile: people were told so, and nothing is to follow that.
                let Some(command) = module.commanding.ledger.stored(&command.id) else { return };
                module.tell_command(&command.id, &command.name, "sent", None, ctx);
                module.shared.metrics.command("sent");
                module.commanding.tell(ToDevice::Command(command));
            }
            Err(error) => {
                tracing::error!(module.id = %module.entry.id, %error, "a command was not stored");
                if let Some(one) = module.commanding.ledger.take(&command.id) {
                    one.answer(Err(ModuleError::Unavailable));
                }
            }
        });
    }

    /// Answers whoever waits when the device has not in time.
    pub(super) fn expire_later(&self, command: &Arc<Command>, ctx: &mut Context<Self>) {
        let left = command.deadline.map(|deadline| deadline.since(Timestamp::now())).unwrap_or_default();
        let command = Arc::clone(command);
        ctx.run_later(left, move |module, ctx| {
            let Some(one) = module.commanding.ledger.take(&command.id) else { return };
            module.shared.metrics.command("expired");
            module.tell_command(&command.id, &command.name, "expired", None, ctx);
            one.answer(Err(ModuleError::NoAnswer));
        });
    }

    pub(super) fn tell_command(
        &mut self,
        id: &CommandId,
        name: &CommandName,
        status: &'static str,
        ok: Option<bool>,
        ctx: &mut Context<Self>,
    ) {
        self.tell_people(NewEvent::command_updated(&self.entry.id, id, name, status, ok), ctx);
    }

    /// Has an event published, unless the module is gone.
    pub(super) fn tell_people(&mut self, event: NewEvent, ctx: &mut Context<Self>) {
        if self.farewell.is_none() {
            self.push_event(event);
            self.pump(ctx);
        }
    }
}

impl Handler<SendCommand> for Module {
    type Result = ResponseFuture<Result<Outcome, ModuleError>>;

    fn handle(&mut self, asked: SendCommand, ctx: &mut Self::Context) -> Self::Result {
        let began = self.begin_command(asked, ctx);
        Box::pin(async move { began?.await.unwrap_or(Err(ModuleError::Busy)) })
    }
}

impl Handler<Repeat> for Module {
    type Result = ();

    fn handle(&mut self, Repeat(connection): Repeat, ctx: &mut Self::Context) {
        if self.link.as_ref().is_some_and(|(known, _)| *known == connection) && self.commanding.is_loaded {
            self.tell_device(ctx);
        }
    }
}
