//! The actor that sends commands to modules on behalf of people, whatever door they come by.

use std::rc::Rc;
use std::time::Duration;

use actix::prelude::*;
use serde_json::value::RawValue;

use super::audit::{NOTE_TIMEOUT, Note};
use crate::config;
use crate::domain::audit::Action;
use crate::domain::command::{CommandName, EMERGENCY_STOP, PARAMS_MAX, null};
use crate::domain::event::json;
use crate::domain::grant::Permission;
use crate::domain::problem::Problem;
use crate::domain::topic::Topic;
use crate::module::{self, Directory, ModuleError, NewCommand, SendCommand, WrongTokens};
use crate::observe::Metrics;
use crate::session::{CommandModule, CommandWish};

/// How many commands may ask at once.
const MAILBOX: usize = 1024;

/// Judges who may command what, has it written down, and waits for what the module answers.
pub struct Commander {
    modules: Rc<Directory>,
    audit: Recipient<Note>,
    limits: config::Commands,
    metrics: Metrics,
}

impl Commander {
    /// Sends to the modules of a registry.
    #[must_use]
    pub fn new(
        modules: Addr<module::Registry>,
        audit: Recipient<Note>,
        limits: config::Commands,
        metrics: Metrics,
    ) -> Self {
        // No module shows it a token.
        let modules = Rc::new(Directory::new(modules, WrongTokens::default()));
        Self { modules, audit, limits, metrics }
    }

    fn read(&self, wish: CommandWish) -> Result<NewCommand, Problem> {
        let name = wish.command.parse::<CommandName>();
        let name = name.map_err(|error| invalid("/command", error.to_string()))?;
        if name.as_str() == EMERGENCY_STOP {
            return Err(invalid("/command", "stop a module by `POST /api/v1/emergency-stops`"));
        }
        let params = wish.params.unwrap_or_else(null);
        if params.get().len() > PARAMS_MAX {
            return Err(invalid("/params", format!("the parameters are longer than {PARAMS_MAX} bytes; send less")));
        }
        let timeout = wish.timeout_ms.map_or(self.limits.timeout, Duration::from_millis);
        if timeout.is_zero() || timeout > self.limits.max_timeout {
            let most = self.limits.max_timeout.as_millis();
            return Err(invalid("/timeoutMs", format!("wait for 1 to {most} milliseconds")));
        }
        Ok(NewCommand { name, params, timeout })
    }
}

fn invalid(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::new("invalid-fields", 422, "some fields are not as they must be").with_error(pointer, detail)
}

impl Actor for Commander {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<CommandModule> for Commander {
    type Result = ResponseFuture<Result<Box<RawValue>, Problem>>;

    fn handle(
        &mut self,
        CommandModule { principal, module, wish }: CommandModule,
        _: &mut Self::Context,
    ) -> Self::Result {
        let (modules, audit, metrics) = (Rc::clone(&self.modules), self.audit.clone(), self.metrics.clone());
        let command = self.read(wish);
        Box::pin(async move {
            let wanted = Permission::ModulesCommand;
            if !principal.may(wanted) {
                let detail = format!("this needs the permission `{}`", wanted.name());
                return Err(Problem::new("forbidden", 403, detail));
            }
            let command = command?;
            modules.see(&principal, &module).await.map_err(|error| error.problem())?;
            let deed = principal.deed(Action::ModuleCommand, Topic::Module(module.clone()));
            let patience = command.timeout + module::ANSWER_TIMEOUT;
            let asked = modules.ask(&module, SendCommand { by: principal.user_id.clone(), command }, patience);
            let noting = async {
                // The command itself is stored with who asked; the log keeps what the audit cannot take.
                if !matches!(audit.send(Note(deed)).timeout(NOTE_TIMEOUT).await, Ok(Ok(()))) {
                    tracing::error!(module.id = %module, "a command is not in the audit");
                }
            };
            let (outcome, ()) = tokio::join!(asked, noting);
            let outcome = outcome.inspect_err(|error: &ModuleError| {
                if !matches!(error, ModuleError::NoAnswer) {
                    metrics.command("refused");
                }
            });
            outcome.map(|outcome| json(&outcome)).map_err(|error| error.problem())
        })
    }
}
