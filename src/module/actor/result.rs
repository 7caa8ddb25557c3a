//! What a device answers: to whoever waits, and into the database.

use actix::prelude::*;
use serde_json::value::RawValue;

use super::super::command::{Outcome, TakeResult, UnderWay};
use super::super::error::ModuleError;
use super::Module;
use crate::domain::command::{CommandResult, RESULT_MAX};
use crate::domain::ids::CommandId;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::commands::{self, Settled};

/// What a device's answer is answered.
pub(super) type Answered = ResponseFuture<Result<(), ModuleError>>;

pub(super) fn ready(result: Result<(), ModuleError>) -> Answered {
    Box::pin(std::future::ready(result))
}

impl Module {
    fn take_result(&mut self, told: CommandResult, ctx: &mut Context<Self>) -> Answered {
        if let Err(error) = self.check(None) {
            return ready(Err(error));
        }
        if told.result.get().len() > RESULT_MAX {
            return ready(Err(ModuleError::LongResult(RESULT_MAX)));
        }
        if let Some(stop) = self.stop_of(&told.command_id) {
            return self.take_stop_answer(stop, told, ctx);
        }
        let Ok(id) = told.command_id.parse::<CommandId>() else { return ready(Err(ModuleError::NoSuchCommand)) };
        let taken = self.commanding.ledger.take(&id);
        let now = Timestamp::now();
        // What the hub has taken in time counts as such.
        let at = taken.as_ref().and_then(|one| one.command.deadline).map_or(now, |deadline| deadline.min(now));
        let (answer, answered) = tokio::sync::oneshot::channel();
        let (store, module_id, CommandResult { ok, result, .. }) =
            (self.shared.store.clone(), self.entry.id.clone(), told);
        let (key, stored) = (id.clone(), result.clone());
        let settling = async move {
            store.write(move |conn| commands::settle(conn, &module_id, key.as_str(), ok, &stored, at)).await
        };
        self.work(settling, ctx, move |settled, module, ctx| {
            let told = module.settled(taken, id, ok, result, settled, ctx);
            // The device may have gone.
            let _ = answer.send(told);
        });
        Box::pin(async move { answered.await.unwrap_or(Err(ModuleError::Busy)) })
    }

    fn settled(
        &mut self,
        taken: Option<UnderWay>,
        id: CommandId,
        ok: bool,
        result: Box<RawValue>,
        settled: Result<Settled, StoreError>,
        ctx: &mut Context<Self>,
    ) -> Result<(), ModuleError> {
        let settled = match settled {
            Ok(settled) => settled,
            Err(error) => {
                self.wait_again(taken, ctx);
                return Err(error.into());
            }
        };
        // An earlier answer that was not stored has left it there.
        if let Some(one) = taken.or_else(|| self.commanding.ledger.take(&id)) {
            self.shared.metrics.command("answered");
            self.tell_command(&id, &one.command.name.clone(), "answered", Some(ok), ctx);
            one.answer(Ok(Outcome { command_id: id, ok, result }));
        } else if settled == Settled::Late {
            self.shared.metrics.command("late");
        }
        match settled {
            Settled::InTime | Settled::Again => Ok(()),
            Settled::Late => Err(ModuleError::LateResult),
            Settled::Unknown => Err(ModuleError::NoSuchCommand),
        }
    }

    /// Has a command wait for the same answer again, as this one was not stored: until its deadline, or for no longer when
    /// a stop has come.
    fn wait_again(&mut self, taken: Option<UnderWay>, ctx: &mut Context<Self>) {
        let Some(one) = taken else { return };
        // The first timer may have found nothing.
        self.expire_later(&one.command, ctx);
        self.commanding.ledger.add(one);
        self.look_at_stops(ctx);
    }
}

impl Handler<TakeResult> for Module {
    type Result = Answered;

    fn handle(&mut self, TakeResult(told): TakeResult, ctx: &mut Self::Context) -> Self::Result {
        self.take_result(told, ctx)
    }
}
