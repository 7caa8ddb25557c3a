//! Stand-in until the modules arrive.
use crate::auth::Principal;
use crate::domain::ids::ModuleId;
use crate::domain::problem::Problem;
use crate::pipe::{Closed, Outbox, Received};
use actix::prelude::*;
use std::rc::Rc;
use std::sync::Arc;
pub struct Registry;
impl Actor for Registry {
    type Context = Context<Self>;
}
#[derive(Clone)]
pub struct LinkOptions;
pub struct House {
    pub options: LinkOptions,
    pub registry: Addr<Registry>,
}
pub struct Link;
impl Link {
    pub fn new(_: Option<ModuleId>, _: Outbox, _: Rc<House>) -> Self {
        Link
    }
}
impl Actor for Link {
    type Context = Context<Self>;
}
impl Handler<Received> for Link {
    type Result = ();
    fn handle(&mut self, _: Received, _: &mut Context<Self>) {}
}
impl Handler<Closed> for Link {
    type Result = ();
    fn handle(&mut self, _: Closed, _: &mut Context<Self>) {}
}
#[derive(Message)]
#[rtype(result = "Arc<serde_json::value::RawValue>")]
pub struct TakeSnapshot {
    pub by: Principal,
}
#[derive(Message)]
#[rtype(result = "Result<String,E>")]
pub struct GetModule {
    pub by: Principal,
    pub id: ModuleId,
}
impl Handler<TakeSnapshot> for Registry {
    type Result = MessageResult<TakeSnapshot>;
    fn handle(&mut self, _: TakeSnapshot, _: &mut Context<Self>) -> Self::Result {
        MessageResult(crate::domain::event::json(&0).into())
    }
}
impl Handler<GetModule> for Registry {
    type Result = Result<String, E>;
    fn handle(&mut self, _: GetModule, _: &mut Context<Self>) -> Self::Result {
        Err(E)
    }
}
#[derive(Debug)]
pub struct E;
impl E {
    pub fn problem(&self) -> Problem {
        Problem::new("x", 404, "x")
    }
}
#[derive(Message)]
#[rtype(result = "ModuleCounts")]
pub struct CountModules;
#[derive(Default, MessageResponse)]
pub struct ModuleCounts {
    pub total: usize,
    pub online: usize,
}
pub async fn identify(_: &Addr<Registry>, _: Option<&str>, _: &str) -> Result<ModuleId, E> {
    Err(E)
}
impl LinkOptions {
    pub fn of(_: &crate::config::Config) -> Self {
        LinkOptions
    }
}
#[derive(Message)]
#[rtype(result = "()")]
pub struct DrainLinks;
impl Handler<DrainLinks> for Registry {
    type Result = ();
    fn handle(&mut self, _: DrainLinks, _: &mut Context<Self>) {}
}
impl Handler<CountModules> for Registry {
    type Result = ModuleCounts;
    fn handle(&mut self, _: CountModules, _: &mut Context<Self>) -> ModuleCounts {
        ModuleCounts { total: 0, online: 0 }
    }
}
