//! Where the registry does its work: all modules, their actors, and the line in which changes wait.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix::prelude::*;
use serde::Serialize;
use serde_json::value::RawValue;

use super::actor::{CloseLink, Module};
use super::alarm::{Enter, Warden};
use super::catalogue::{Catalogue, View};
use super::entry::{Entry, ModuleView};
use super::error::ModuleError;
use super::house::{Parts, Shared};
use super::line::Line;
use super::messages::{DrainLinks, ListCommands, ListModules, Located, ModuleCounts, ModulePage};
use super::types::{ListTypes, TypePage, types_of};
use crate::auth::{ModuleWithdrawn, Principal, Throttle};
use crate::config::{Auth, Pairing};
use crate::domain::event::json;
use crate::domain::ids::{ModuleId, StopId};
use crate::domain::module::TokenHash;
use crate::store::Store;
use crate::store::commands::{self, CommandRecord};
use crate::store::modules::StoredModule;

mod change;
mod claim;
mod stop;
mod stop_views;
mod tell;

/// How many changes may wait for their turn.
const WAITING_MAX: usize = 1024;

/// All modules and their actors.
pub struct Desk {
    store: Store,
    shared: Arc<Shared>,
    withdrawn: Option<Recipient<ModuleWithdrawn>>,
    catalogue: RefCell<Catalogue>,
    actors: RefCell<HashMap<ModuleId, Addr<Module>>>,
    arbiters: Vec<ArbiterHandle>,
    started: Cell<usize>,
    /// In which what is to be changed waits.
    line: Line,
    /// Somebody waits for the turn to look what another process changed.
    is_about_to_look: Cell<bool>,
    /// In which stops wait to be stored, to be told of and to be cleared.
    stopping: Line,
    /// The stops in force that are not stored yet.
    unstored: RefCell<HashSet<StopId>>,
    warden: Addr<Warden>,
    pairing: Pairing,
    claims: Throttle,
    snapshots: RefCell<Snapshots>,
}

/// Finished snapshots of one moment.
#[derive(Default)]
struct Snapshots {
    version: u64,
    by_view: HashMap<View, Arc<RawValue>>,
}

impl Desk {
    /// A desk with what the database holds.
    pub fn new(parts: Parts, stored: Vec<StoredModule>) -> Self {
        let shared = Shared::new(&parts);
        shared.metrics.stops_active(parts.stops.all().len());
        let mut catalogue = Catalogue::default();
        for module in stored {
            catalogue.insert(Arc::new(Entry::new(module)));
        }
        // Its mailbox is not full before the first module is there.
        parts.warden.do_send(Enter(catalogue.of(&View::All).cloned().collect()));
        Self {
            store: parts.store,
            shared,
            withdrawn: parts.withdrawn,
            catalogue: RefCell::new(catalogue),
            actors: RefCell::default(),
            arbiters: parts.arbiters,
            started: Cell::new(0),
            line: Line::new(WAITING_MAX),
            stopping: Line::new(WAITING_MAX),
            unstored: RefCell::default(),
            claims: throttle_of(&parts.pairing),
            warden: parts.warden,
            pairing: parts.pairing,
            is_about_to_look: Cell::new(false),
            snapshots: RefCell::default(),
        }
    }

    /// The module, if the person may see it.
    pub fn visible(&self, id: &ModuleId, to: &Principal) -> Result<Arc<Entry>, ModuleError> {
        let catalogue = self.catalogue.borrow();
        catalogue.visible(id, to).cloned().ok_or_else(|| ModuleError::NotFound(id.clone()))
    }

    /// The module with that token.
    pub fn by_token(&self, hash: &TokenHash) -> Option<ModuleId> {
        self.catalogue.borrow().by_token(hash).cloned()
    }

    /// How many modules there are.
    pub fn count(&self) -> ModuleCounts {
        ModuleCounts { total: self.catalogue.borrow().len(), online: self.shared.online.load(Ordering::Relaxed) }
    }

    /// A page of what the person may see.
    pub fn list(&self, asked: &ListModules) -> ModulePage {
        let mut entries = asked.filter.of(self.catalogue.borrow().of(&View::of(&asked.by)));
        asked.sort.sort(&mut entries);
        let total = entries.len() as u64;
        let skip = usize::try_from(asked.skip).unwrap_or(usize::MAX);
        ModulePage { entries: entries.into_iter().skip(skip).take(asked.limit).collect(), total }
    }

    /// A page of the types of what the person may see.
    pub fn types(&self, asked: &ListTypes) -> TypePage {
        let types = types_of(self.catalogue.borrow().of(&View::of(&asked.by)), asked.search.as_deref());
        let total = types.len() as u64;
        let skip = usize::try_from(asked.skip).unwrap_or(usize::MAX);
        TypePage { types: types.into_iter().skip(skip).take(asked.limit).collect(), total }
    }

    /// `{modules: […]}` of what the person may see; made again only after a change.
    pub fn snapshot(&self, by: &Principal) -> Arc<RawValue> {
        #[derive(Serialize)]
        struct Modules {
            modules: Vec<ModuleView>,
        }
        // Read first: a change in the middle then makes this snapshot old at once.
        let version = self.shared.version.load(Ordering::Acquire);
        let mut snapshots = self.snapshots.borrow_mut();
        if snapshots.version != version {
            *snapshots = Snapshots { version, by_view: HashMap::new() };
        }
        let view = View::of(by);
        if let Some(snapshot) = snapshots.by_view.get(&view) {
            return Arc::clone(snapshot);
        }
        let modules = self.catalogue.borrow().of(&view).map(|entry| ModuleView::from(&**entry)).collect();
        let snapshot: Arc<RawValue> = json(&Modules { modules }).into();
        snapshots.by_view.insert(view, Arc::clone(&snapshot));
        snapshot
    }

    /// The module's actor, started if there is none.
    pub fn locate(&self, id: &ModuleId) -> Result<Located, ModuleError> {
        let entry = self.catalogue.borrow().get(id).cloned().ok_or_else(|| ModuleError::NotFound(id.clone()))?;
        if let Some(actor) = self.running(id) {
            return Ok(Located { actor, entry });
        }
        let arbiter = &self.arbiters[self.started.get() % self.arbiters.len()];
        self.started.set(self.started.get() + 1);
        let (shared, known) = (Arc::clone(&self.shared), Arc::clone(&entry));
        let actor = Module::start_in_arbiter(arbiter, move |_| Module::new(known, shared));
        self.actors.borrow_mut().insert(id.clone(), actor.clone());
        Ok(Located { actor, entry })
    }

    /// A page of what a module was told, newest first, and how much there is.
    pub async fn commands(&self, asked: ListCommands) -> Result<(Vec<CommandRecord>, u64), ModuleError> {
        let ListCommands { by, id, skip, limit } = asked;
        let id = self.visible(&id, &by)?.id.clone();
        let skip = i64::try_from(skip).unwrap_or(i64::MAX);
        let (records, total) = self.store.read(move |conn| commands::list(conn, &id, skip, limit.into())).await?;
        Ok((records, total.unsigned_abs()))
    }

    /// Ends the links of all modules, which come back one after the other.
    pub fn drain_links(&self, drain: DrainLinks) {
        // The hub stops once; a second word changes nothing.
        let _ = self.shared.stopping.set(drain);
        let actors = self.actors.borrow();
        for (place, actor) in actors.values().enumerate() {
            actor.do_send(CloseLink(drain.end(drain.moments.moment(place, actors.len()))));
        }
    }

    fn running(&self, id: &ModuleId) -> Option<Addr<Module>> {
        self.actors.borrow().get(id).filter(|actor| actor.connected()).cloned()
    }
}

/// Counts codes that people try.
fn throttle_of(pairing: &Pairing) -> Throttle {
    let attempts = pairing.attempts;
    Throttle::new(&Auth { address_attempts: attempts, account_attempts: attempts, ..Auth::default() })
}
