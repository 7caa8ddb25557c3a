//! Commands to modules: they wait as long as they must, beside all other frames of the client.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde_json::value::RawValue;

use super::actor::Session;
use super::flow::Flow;
use super::messages::CommandModule;
use super::speech::{CommandWish, Word};
use crate::domain::ids::ModuleId;
use crate::domain::problem::Problem;

/// How many commands of one client may wait.
const COMMANDS_MAX: usize = 16;
/// How long a command may take; longer than any that the configuration allows.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(660);

type Answered = Result<Result<Box<RawValue>, Problem>, MailboxError>;

impl Session {
    /// Has a module do something, and tells the client later what came of it.
    pub(super) fn command(&mut self, id: Option<u64>, module: &str, wish: CommandWish) -> Flow {
        match self.ask_commander(module, wish) {
            Err(problem) => {
                self.refuse(id, &problem);
                Box::pin(fut::ready(()))
            }
            Ok(asked) => {
                self.commanding += 1;
                let asked = asked.into_actor(self).map(move |answer, session, _| session.commanded(id, answer));
                Box::pin(fut::ready(()).map(move |(), _: &mut Self, ctx: &mut Context<Self>| {
                    ctx.spawn(asked);
                }))
            }
        }
    }

    fn ask_commander(
        &self,
        module: &str,
        wish: CommandWish,
    ) -> Result<impl Future<Output = Answered> + 'static + use<>, Problem> {
        let unknown = || Problem::new("not-found", 404, "there is nothing here, or you may not see it");
        let module: ModuleId = module.parse().map_err(|_| unknown())?;
        let Some(commands) = &self.house.commands else {
            return Err(Problem::new("not-available", 501, "this door takes no commands to modules"));
        };
        if self.commanding >= COMMANDS_MAX {
            let detail = format!(
                "{COMMANDS_MAX} commands of this connection wait already; send this one when some are answered"
            );
            return Err(Problem::new("too-many-commands", 429, detail));
        }
        let asked = CommandModule { principal: Arc::clone(&self.principal), module, wish };
        Ok(commands.send(asked).timeout(COMMAND_TIMEOUT))
    }

    fn commanded(&mut self, id: Option<u64>, answer: Answered) {
        self.commanding -= 1;
        let busy = || Err(Problem::new("unavailable", 503, "the hub is busy; try again in a moment"));
        match answer.unwrap_or_else(|_| busy()) {
            Ok(data) => self.say(&Word::Answer { id, data: &data }),
            Err(problem) => self.refuse(id, &problem),
        }
    }
}
