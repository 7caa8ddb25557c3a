//! The actor that knows all modules.

use std::rc::Rc;

use actix::prelude::*;

use super::claim::{ClaimCode, ClaimModule, IssueCode, RevokeCode};
use super::desk::Desk;
use super::entry::ModuleView;
use super::error::ModuleError;
use super::house::Parts;
use super::messages::{
    ByToken, CountModules, CreateModule, Created, DeleteModule, DrainLinks, GetModule, ListCommands, ListModules,
    Locate, Located, ModuleCounts, ModulePage, RotateCredential, Rotated, TakeSnapshot, UpdateModule,
};
use super::stop::{ClearStop, ListStops, MakeStop, StopModule, StopModules, StopView};
use super::types::{ListTypes, TypePage};
use crate::auth::AccountChanged;
use crate::domain::ids::ModuleId;
use crate::store::commands::CommandRecord;
use crate::store::modules::StoredModule;

/// How many messages may wait for the registry.
const MAILBOX: usize = 4096;

/// Knows all modules; what they do themselves is their actors' business.
///
/// Invariant: a change is in the database before it is in memory, in memory before its event is published; the changes
/// of all modules happen one after the other. An emergency stop alone is in force before it is stored.
pub struct Registry(Rc<Desk>);

impl Registry {
    /// A registry of what the database holds.
    #[must_use]
    pub fn new(parts: Parts, stored: Vec<StoredModule>) -> Self {
        Self(Rc::new(Desk::new(parts, stored)))
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<CreateModule> for Registry {
    type Result = ResponseFuture<Result<Created, ModuleError>>;

    fn handle(&mut self, CreateModule { by, module }: CreateModule, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.create(&by, module).await })
    }
}

impl Handler<UpdateModule> for Registry {
    type Result = ResponseFuture<Result<ModuleView, ModuleError>>;

    fn handle(&mut self, UpdateModule { by, id, change }: UpdateModule, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.update(&by, &id, change).await })
    }
}

impl Handler<DeleteModule> for Registry {
    type Result = ResponseFuture<Result<(), ModuleError>>;

    fn handle(&mut self, DeleteModule { by, id }: DeleteModule, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.delete(&by, &id).await })
    }
}

impl Handler<RotateCredential> for Registry {
    type Result = ResponseFuture<Result<Rotated, ModuleError>>;

    fn handle(&mut self, RotateCredential { by, id }: RotateCredential, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.rotate(&by, &id).await })
    }
}

impl Handler<AccountChanged> for Registry {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, change: AccountChanged, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        match change {
            AccountChanged::Removed { user_id, orphans } => {
                Box::pin(async move { desk.disown(&user_id, &orphans).await })
            }
            AccountChanged::Outside { .. } => Box::pin(async move { desk.look_outside().await }),
            _ => Box::pin(std::future::ready(())),
        }
    }
}

impl Handler<MakeStop> for Registry {
    type Result = ResponseFuture<Result<(StopView, bool), ModuleError>>;

    fn handle(&mut self, asked: MakeStop, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.make_stop(asked).await })
    }
}

impl Handler<ClearStop> for Registry {
    type Result = ResponseFuture<Result<(StopView, bool), ModuleError>>;

    fn handle(&mut self, asked: ClearStop, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.clear_stop(asked).await })
    }
}

impl Handler<ListStops> for Registry {
    type Result = ResponseFuture<Result<(Vec<StopView>, u64), ModuleError>>;

    fn handle(&mut self, asked: ListStops, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.list_stops(asked).await })
    }
}

impl Handler<StopModules> for Registry {
    type Result = ResponseFuture<Result<(Vec<StopModule>, u64), ModuleError>>;

    fn handle(&mut self, asked: StopModules, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.stop_modules(asked).await })
    }
}

impl Handler<IssueCode> for Registry {
    type Result = ResponseFuture<Result<ClaimCode, ModuleError>>;

    fn handle(&mut self, IssueCode { by, id }: IssueCode, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.issue_code(&by, &id).await })
    }
}

impl Handler<RevokeCode> for Registry {
    type Result = ResponseFuture<Result<(), ModuleError>>;

    fn handle(&mut self, RevokeCode { by, id }: RevokeCode, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.revoke_code(&by, &id).await })
    }
}

impl Handler<ClaimModule> for Registry {
    type Result = ResponseFuture<Result<ModuleView, ModuleError>>;

    fn handle(&mut self, ClaimModule { by, code }: ClaimModule, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.claim(&by, &code).await })
    }
}

impl Handler<ListCommands> for Registry {
    type Result = ResponseFuture<Result<(Vec<CommandRecord>, u64), ModuleError>>;

    fn handle(&mut self, asked: ListCommands, _: &mut Self::Context) -> Self::Result {
        let desk = Rc::clone(&self.0);
        Box::pin(async move { desk.commands(asked).await })
    }
}

impl Handler<ListModules> for Registry {
    type Result = ModulePage;

    fn handle(&mut self, asked: ListModules, _: &mut Self::Context) -> Self::Result {
        self.0.list(&asked)
    }
}

impl Handler<ListTypes> for Registry {
    type Result = TypePage;

    fn handle(&mut self, asked: ListTypes, _: &mut Self::Context) -> Self::Result {
        self.0.types(&asked)
    }
}

impl Handler<GetModule> for Registry {
    type Result = Result<ModuleView, ModuleError>;

    fn handle(&mut self, GetModule { by, id }: GetModule, _: &mut Self::Context) -> Self::Result {
        self.0.visible(&id, &by).map(|entry| ModuleView::from(&*entry))
    }
}

impl Handler<Locate> for Registry {
    type Result = Result<Located, ModuleError>;

    fn handle(&mut self, Locate(id): Locate, _: &mut Self::Context) -> Self::Result {
        self.0.locate(&id)
    }
}

impl Handler<ByToken> for Registry {
    type Result = Option<ModuleId>;

    fn handle(&mut self, ByToken(hash): ByToken, _: &mut Self::Context) -> Self::Result {
        self.0.by_token(&hash)
    }
}

impl Handler<TakeSnapshot> for Registry {
    type Result = MessageResult<TakeSnapshot>;

    fn handle(&mut self, TakeSnapshot { by }: TakeSnapshot, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.0.snapshot(&by))
    }
}

impl Handler<CountModules> for Registry {
    type Result = ModuleCounts;

    fn handle(&mut self, _: CountModules, _: &mut Self::Context) -> Self::Result {
        self.0.count()
    }
}

impl Handler<DrainLinks> for Registry {
    type Result = ();

    fn handle(&mut self, drain: DrainLinks, _: &mut Self::Context) {
        self.0.drain_links(drain);
    }
}
