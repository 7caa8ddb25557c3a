//! Emergency stops: told before everything else, and again and again until the device acknowledges.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde_json::json;

use super::super::command::{LookAtStops, StopState, ToDevice, take_back};
use super::super::error::ModuleError;
use super::result::{Answered, ready};
use super::{Module, RETRY_AFTER};
use crate::domain::command::{Command, CommandResult, EMERGENCY_STOP};
use crate::domain::event::{self, NewEvent};
use crate::domain::stop::{EmergencyStop, StopScope};
use crate::domain::time::Timestamp;
use crate::store::stops::{self, StopAnswer};
use crate::store::{Store, StoreError};

/// How often, and how soon, an answer to a stop is tried to be stored that is not stored itself yet.
const ANSWER_RETRIES: usize = 10;
const ANSWER_AGAIN_AFTER: Duration = Duration::from_millis(100);

impl Module {
    /// The first stop in force that concerns the module.
    pub(super) fn stop_in_force(&self) -> Option<Arc<EmergencyStop>> {
        let (active, meta) = (self.shared.stops.load(), self.entry.meta.load());
        active.of(&self.entry.id, &meta.kind).next().cloned()
    }

    /// The stop in force with this id, if it concerns the module.
    pub(super) fn stop_of(&self, id: &str) -> Option<Arc<EmergencyStop>> {
        let (active, meta) = (self.shared.stops.load(), self.entry.meta.load());
        active.of(&self.entry.id, &meta.kind).find(|stop| stop.id.as_str() == id).cloned()
    }

    /// Takes all commands back if the module must stand still, and tells the device so; if it need not any more, the
    /// device is told what people want.
    pub(super) fn look_at_stops(&mut self, ctx: &mut Context<Self>) {
        let active = self.shared.stops.load_full();
        self.commanding.answers.retain(|id, _| active.get(id).is_some());
        let stop = self.stop_in_force();
        let was_stopped = std::mem::replace(&mut self.commanding.is_stopped, stop.is_some());
        if let Some(stop) = stop {
            self.take_commands_back(&stop, ctx);
        } else if was_stopped {
            self.tell_desired();
        }
        self.urge(ctx);
    }

    fn take_commands_back(&mut self, stop: &EmergencyStop, ctx: &mut Context<Self>) {
        // What is on its way from the database is older than the stop.
        self.commanding.was_stopped = true;
        if self.commanding.ledger.is_empty() {
            return;
        }
        for one in self.commanding.ledger.take_all() {
            one.answer(Err(ModuleError::Stopped(self.entry.id.clone(), stop.id.clone())));
        }
        self.cancel_stored(ctx);
    }

    /// Takes back in the database what was taken back in memory, until that succeeds; people are told of what is stored.
    fn cancel_stored(&mut self, ctx: &mut Context<Self>) {
        let (shared, id, at) = (Arc::clone(&self.shared), self.entry.id.clone(), Timestamp::now());
        let cancelling = async move {
            loop {
                let scope = StopScope::Module(id.clone());
                match shared.store.write(move |conn| take_back(conn, &scope, at)).await {
                    Ok(announced) => break shared.tell_taken_back(announced).await,
                    Err(error) => {
                        tracing::error!(module.id = %id, %error, "commands taken back by a stop still look open");
                        tokio::time::sleep(RETRY_AFTER).await;
                    }
                }
            }
        };
        self.work(cancelling, ctx, |(), _, _| {});
    }

    /// Tells the device of every stop that it has not acknowledged; again after a while.
    fn urge(&mut self, ctx: &mut Context<Self>) {
        if let Some(earlier) = self.commanding.urging.take() {
            ctx.cancel_future(earlier);
        }
        if self.commanding.deliver.is_none() || self.farewell.is_some() {
            return;
        }
        let (active, meta) = (self.shared.stops.load(), self.entry.meta.load());
        let pending = active.of(&self.entry.id, &meta.kind);
        let pending = pending.filter(|stop| self.commanding.answers.get(&stop.id) != Some(&true));
        let mut is_pending = false;
        for command in pending.filter_map(|stop| command_of(stop)) {
            is_pending = true;
            self.commanding.tell(ToDevice::Command(Arc::new(command)));
        }
        if is_pending {
            self.commanding.urging = Some(ctx.run_later(self.shared.options.stop_retry, Self::urge));
        }
    }

    /// The device has answered a stop.
    pub(super) fn take_stop_answer(
        &mut self,
        stop: Arc<EmergencyStop>,
        CommandResult { ok, result, .. }: CommandResult,
        ctx: &mut Context<Self>,
    ) -> Answered {
        if self.commanding.answers.get(&stop.id) == Some(&true) {
            return ready(Ok(()));
        }
        let (answer, answered) = tokio::sync::oneshot::channel();
        let told = StopAnswer {
            stop_id: stop.id.clone(),
            module_id: self.entry.id.clone(),
            ok,
            result: result.get().to_owned(),
            answered_at: Timestamp::now(),
        };
        let store = self.shared.store.clone();
        self.work(store_answer(store, told), ctx, move |stored, module, ctx| {
            let stored = stored.map_err(ModuleError::from).map(|()| module.stop_answered(&stop, ok, ctx));
            // The device may have gone.
            let _ = answer.send(stored);
        });
        Box::pin(async move { answered.await.unwrap_or(Err(ModuleError::Busy)) })
    }

    fn stop_answered(&mut self, stop: &EmergencyStop, ok: bool, ctx: &mut Context<Self>) {
        let before = self.commanding.answers.insert(stop.id.clone(), ok);
        if before == Some(ok) {
            return;
        }
        let state = if ok { StopState::Acknowledged } else { StopState::Refused };
        let meta = self.entry.meta.load_full();
        let facts = meta.facts(&self.entry.id);
        self.tell_people(NewEvent::emergency_stop_updated(stop, Some(facts), state), ctx);
    }
}

/// Stores an answer, which may have come before the stop was stored: a device hears of that first.
async fn store_answer(store: Store, answer: StopAnswer) -> Result<(), StoreError> {
    for _ in 0..ANSWER_RETRIES {
        let told = answer.clone();
        match store.write(move |conn| stops::answer(conn, &told)).await {
            Err(StoreError::Conflict(_)) => tokio::time::sleep(ANSWER_AGAIN_AFTER).await,
            stored => return stored,
        }
    }
    Err(StoreError::Busy)
}

/// A stop as the device hears it: the command `emergency_stop` with the stop's own id.
fn command_of(stop: &EmergencyStop) -> Option<Command> {
    let params = event::json(&json!({ "scope": stop.scope.name(), "reason": stop.reason }));
    Some(Command { id: stop.id.as_str().parse().ok()?, name: EMERGENCY_STOP.parse().ok()?, params, deadline: None })
}

impl Handler<LookAtStops> for Module {
    type Result = ();

    fn handle(&mut self, LookAtStops { made }: LookAtStops, ctx: &mut Self::Context) {
        if let Some(stop) = made {
            self.take_commands_back(&stop, ctx);
        }
        self.look_at_stops(ctx);
    }
}
