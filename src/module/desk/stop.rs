//! Emergency stops: in the database first, then in force, then told: to the devices before anybody else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::super::command::{LookAtStops, StopState, take_back};
use super::super::entry::Entry;
use super::super::error::ModuleError;
use super::super::stop::{ClearStop, ListStops, MakeStop, StopModule, StopModules, StopView};
use super::{Desk, View};
use crate::auth::Principal;
use crate::broker::Publish;
use crate::domain::event::NewEvent;
use crate::domain::grant::Permission;
use crate::domain::ids::{ModuleId, StopId};
use crate::domain::stop::{EmergencyStop, StopScope};
use crate::domain::time::Timestamp;
use crate::store::announcements;
use crate::store::stops::{self, StopAnswer};

/// How long the broker may take for an event.
const TELL_TIMEOUT: Duration = Duration::from_secs(5);
/// How many modules are told of at once.
const TOLD_AT_ONCE: usize = 100;
/// How many cleared stops can be looked at.
const CLEARED_SHOWN: i64 = 1000;

type Answers = HashMap<ModuleId, StopAnswer>;

impl Desk {
    /// Stops modules; answers also whether that is new. Who stops what stands still already changes nothing.
    pub async fn make_stop(&self, MakeStop { by, scope, reason }: MakeStop) -> Result<(StopView, bool), ModuleError> {
        self.check_scope(&by, &scope)?;
        // A line of its own: it waits for no other change of modules.
        let _turn = self.stopping.lock().await;
        if let Some(stop) = self.shared.stops.load().same(&scope).cloned() {
            return Ok((self.view_of(&by, &stop).await?, false));
        }
        let (id, created_at) = (StopId::generate(), Timestamp::now());
        let stop = Arc::new(EmergencyStop { id, scope, reason, by: by.user_id.clone(), created_at, cleared: None });
        let (row, event) = (Arc::clone(&stop), NewEvent::emergency_stop_updated(&stop, None, StopState::Pending));
        let id = stop.id.clone();
        let making = self.store.write_surely(
            move |conn| {
                stops::insert(conn, &row)?;
                let made = announcements::add(conn, event)?;
                Ok((Some(made), take_back(conn, &row.scope, row.created_at)?))
            },
            // The events are left in the database, where the broker finds them.
            move |conn| Ok(stops::find(conn, &id)?.map(|_| (None, Vec::new()))),
        );
        let (made, taken_back) = making.await?;
        self.shared.stops.store(Arc::new(self.shared.stops.load().with(Arc::clone(&stop))));
        self.have_looked(&stop.scope, Some(&stop));
        self.shared.metrics.stops_active(self.shared.stops.load().all().len());
        self.announce(Vec::from_iter(made)).await;
        self.shared.tell_taken_back(taken_back).await;
        self.tell_stop(&stop, StopState::Pending).await;
        Ok((self.view_of(&by, &stop).await?, true))
    }

    /// Lets modules go on; clearing again changes nothing.
    pub async fn clear_stop(&self, ClearStop { by, id }: ClearStop) -> Result<(StopView, bool), ModuleError> {
        let stop = self.visible_stop(&by, &id).await?;
        self.check_scope(&by, &stop.scope)?;
        let _turn = self.stopping.lock().await;
        let stop = Arc::new(EmergencyStop { cleared: Some((Timestamp::now(), by.user_id.clone())), ..stop });
        let (row, event) = (Arc::clone(&stop), NewEvent::emergency_stop_updated(&stop, None, StopState::Cleared));
        let looked = Arc::clone(&stop);
        let clearing = self.store.write_surely(
            move |conn| {
                let Some((at, by)) = &row.cleared else { return Ok((false, None)) };
                let was_active = stops::clear(conn, &row.id, *at, by)?;
                Ok((was_active, was_active.then(|| announcements::add(conn, event)).transpose()?))
            },
            move |conn| {
                let found = stops::find(conn, &looked.id)?.filter(|found| found.cleared == looked.cleared);
                Ok(found.map(|_| (true, None)))
            },
        );
        let (was_active, announced) = clearing.await?;
        if !was_active {
            let stop = self.visible_stop(&by, &id).await?;
            return Ok((self.view_of(&by, &stop).await?, false));
        }
        self.shared.stops.store(Arc::new(self.shared.stops.load().without(&id)));
        self.have_looked(&stop.scope, None);
        self.shared.metrics.stops_active(self.shared.stops.load().all().len());
        self.announce(Vec::from_iter(announced)).await;
        self.tell_stop(&stop, StopState::Cleared).await;
        Ok((self.view_of(&by, &stop).await?, true))
    }

    /// A page of the stops that concern modules of this person, those in force first, then the newest.
    pub async fn list_stops(&self, asked: ListStops) -> Result<(Vec<StopView>, u64), ModuleError> {
        let ListStops { by, active, module, skip, limit } = asked;
        let mut found: Vec<EmergencyStop> = Vec::new();
        if active != Some(false) {
            found.extend(self.shared.stops.load().all().rev().map(|stop| EmergencyStop::clone(stop)));
        }
        if active != Some(true) {
            found.extend(self.store.read(|conn| stops::cleared(conn, CLEARED_SHOWN)).await?);
        }
        let module = module.map(|id| self.visible(&id, &by)).transpose()?;
        found.retain(|stop| match &module {
            Some(entry) => stop.scope.holds(&entry.id, &entry.meta.load().kind),
            None => self.may_see(&by, &stop.scope),
        });
        let total = found.len() as u64;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let mut views = Vec::new();
        for stop in found.iter().skip(skip).take(limit) {
            views.push(self.view_of(&by, stop).await?);
        }
        Ok((views, total))
    }

    /// A page of the modules that a stop concerns, as far as this person may see them, in the order of their ids.
    pub async fn stop_modules(&self, asked: StopModules) -> Result<(Vec<StopModule>, u64), ModuleError> {
        let StopModules { by, id, skip, limit } = asked;
        let stop = self.visible_stop(&by, &id).await?;
        let (entries, answers) = (self.in_scope(&by, &stop.scope), self.answers_to(&id).await?);
        let total = entries.len() as u64;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let page = entries.iter().skip(skip).take(limit);
        Ok((page.map(|entry| StopModule::of(entry, answers.get(&entry.id))).collect(), total))
    }

    /// Has the module of an id look at the stops again, as it has another type.
    pub(super) fn look_at_stops(&self, id: &ModuleId) {
        if let Some(actor) = self.running(id) {
            actor.do_send(LookAtStops::default());
        }
    }

    /// Has all running modules in scope look at the stops; those that are not running look when their device comes.
    fn have_looked(&self, scope: &StopScope, made: Option<&Arc<EmergencyStop>>) {
        let catalogue = self.catalogue.borrow();
        let stopped = catalogue.of(&View::All).filter(|entry| holds(scope, entry));
        for actor in stopped.filter_map(|entry| self.running(&entry.id)) {
            actor.do_send(LookAtStops { made: made.cloned() });
        }
    }

    /// Tells people of every module in scope; what the broker does not take they see when they ask.
    async fn tell_stop(&self, stop: &EmergencyStop, state: StopState) {
        let stopped: Vec<_> =
            self.catalogue.borrow().of(&View::All).filter(|entry| holds(&stop.scope, entry)).cloned().collect();
        for part in stopped.chunks(TOLD_AT_ONCE) {
            let told = part.iter().map(|entry| {
                let event = NewEvent::emergency_stop_updated(stop, Some(entry.meta.load().facts(&entry.id)), state);
                self.shared.publish.send(Publish(event)).timeout(TELL_TIMEOUT)
            });
            if join_all(told).await.iter().any(|told| !matches!(told, Ok(Ok(_)))) {
                tracing::warn!(stop.id = %stop.id, "not everybody was told of an emergency stop");
                return;
            }
        }
    }

    /// Owners stop and clear what is theirs; types and everything only those who may see all modules.
    fn check_scope(&self, by: &Principal, scope: &StopScope) -> Result<(), ModuleError> {
        match scope {
            _ if by.may(Permission::ModulesAll) && !matches!(scope, StopScope::Module(_)) => Ok(()),
            // Also for a module that is gone: its stop can be cleared.
            StopScope::Module(_) if by.may(Permission::ModulesAll) && self.is_stopped(scope) => Ok(()),
            StopScope::Module(id) => self.visible(id, by).map(drop),
            StopScope::Type(_) | StopScope::All => Err(ModuleError::AdminsOnly),
        }
    }

    fn is_stopped(&self, scope: &StopScope) -> bool {
        self.shared.stops.load().same(scope).is_some()
    }

    fn may_see(&self, by: &Principal, scope: &StopScope) -> bool {
        by.may(Permission::ModulesAll) || self.catalogue.borrow().of(&View::of(by)).any(|entry| holds(scope, entry))
    }

    async fn visible_stop(&self, by: &Principal, id: &StopId) -> Result<EmergencyStop, ModuleError> {
        let wanted = id.clone();
        let found = self.store.read(move |conn| stops::find(conn, &wanted)).await?;
        found.filter(|stop| self.may_see(by, &stop.scope)).ok_or(ModuleError::NoSuchStop)
    }

    fn in_scope(&self, by: &Principal, scope: &StopScope) -> Vec<Arc<Entry>> {
        self.catalogue.borrow().of(&View::of(by)).filter(|entry| holds(scope, entry)).cloned().collect()
    }

    async fn answers_to(&self, id: &StopId) -> Result<Answers, ModuleError> {
        let wanted = id.clone();
        let answers = self.store.read(move |conn| stops::answers_to(conn, &wanted)).await?;
        Ok(answers.into_iter().map(|answer| (answer.module_id.clone(), answer)).collect())
    }

    async fn view_of(&self, by: &Principal, stop: &EmergencyStop) -> Result<StopView, ModuleError> {
        let (entries, answers) = (self.in_scope(by, &stop.scope), self.answers_to(&stop.id).await?);
        let states = entries.iter().map(|entry| StopModule::state_of(answers.get(&entry.id)));
        Ok(StopView::of(stop, states))
    }
}

fn holds(scope: &StopScope, entry: &Entry) -> bool {
    scope.holds(&entry.id, &entry.meta.load().kind)
}
