//! Emergency stops: in force first, and told to the devices before anybody else; then stored, and only then told to people.
//!
//! A stop that cannot be stored is in force all the same, as long as this hub runs, and storing it is tried until it
//! succeeds. A stop is cleared the other way about: it is in force until it is stored that it is not.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::{sleep, timeout};

use super::super::command::{ActiveStops, LookAtStops, StopState, take_back};
use super::super::error::ModuleError;
use super::super::stop::{ClearStop, MakeStop, StopView};
use super::stop_views::holds;
use super::{Desk, View};
use crate::auth::Principal;
use crate::broker::Publish;
use crate::domain::audit::{Action, Deed};
use crate::domain::event::NewEvent;
use crate::domain::grant::Permission;
use crate::domain::ids::{ModuleId, StopId};
use crate::domain::module::ModuleKind;
use crate::domain::stop::{EmergencyStop, StopScope};
use crate::domain::time::Timestamp;
use crate::store::announcements::{self, Announced};
use crate::store::stops;
use crate::store::{StoreError, audit};

/// How long the broker may take for an event.
const TELL_TIMEOUT: Duration = Duration::from_secs(5);
/// How many modules are told of at once.
const TOLD_AT_ONCE: usize = 100;
/// How long whoever makes a stop waits for it to be stored, and how soon that is tried again.
const STORE_PATIENCE: Duration = Duration::from_secs(3);
const STORE_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How many stops may be in force that are not stored.
const UNSTORED_MAX: usize = 1024;

/// What is told once a stop is stored: of the stop, and of the commands that it has taken back.
type Made = (Option<Announced>, Vec<Announced>);

impl Desk {
    /// Stops modules; answers also whether that is new. Who stops what stands still already changes nothing.
    pub async fn make_stop(self: Rc<Self>, asked: MakeStop) -> Result<(StopView, bool), ModuleError> {
        let MakeStop { by, scope, reason } = asked;
        self.check_scope(&by, &scope)?;
        let known = self.shared.stops.load().same(&scope).cloned();
        if let Some(stop) = known {
            return Ok((self.view_in_force(&by, &stop).await, false));
        }
        if self.unstored.borrow().len() >= UNSTORED_MAX {
            return Err(ModuleError::Busy);
        }
        let (id, created_at) = (StopId::generate(), Timestamp::now());
        let stop = Arc::new(EmergencyStop { id, scope, reason, by: by.user_id.clone(), created_at, cleared: None });
        self.change_unstored(|unstored| unstored.insert(stop.id.clone()));
        self.put_in_force(self.shared.stops.load().with(Arc::clone(&stop)), &stop.scope, Some(&stop));
        // It goes on also when nobody waits any more.
        let keeping =
            actix::spawn(Rc::clone(&self).keep_stop(Arc::clone(&stop), by.deed(Action::StopMake, &stop.scope)));
        if timeout(STORE_PATIENCE, keeping).await.is_err() && self.is_unstored(&stop.id) {
            tracing::error!(stop.id = %stop.id, "an emergency stop is in force, but not stored yet");
        }
        Ok((self.view_in_force(&by, &stop).await, true))
    }

    /// Lets modules go on; clearing again changes nothing.
    pub async fn clear_stop(&self, ClearStop { by, id, wanted }: ClearStop) -> Result<(StopView, bool), ModuleError> {
        let stop = self.visible_stop(&by, &id).await?;
        self.check_scope(&by, &stop.scope)?;
        // Who makes a stop holds the turn until it is stored.
        let _turn = self.stopping.turn().await?;
        self.check_scope(&by, &stop.scope)?;
        let stop = Arc::new(EmergencyStop { cleared: Some((Timestamp::now(), by.user_id.clone())), ..stop });
        let (row, event) = (Arc::clone(&stop), NewEvent::emergency_stop_updated(&stop, None, StopState::Cleared));
        let looked = Arc::clone(&stop);
        let clearing = self.store.write_surely(
            move |conn| {
                // Who was told that it failed must not find later that it was done.
                if !wanted.holds() {
                    return Err(StoreError::Busy);
                }
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
        self.put_in_force(self.shared.stops.load().without(&id), &stop.scope, None);
        self.announce(Vec::from_iter(announced)).await;
        self.tell_stop(&stop, StopState::Cleared).await;
        Ok((self.view_of(&by, &stop).await?, true))
    }

    /// Who may not clear the stop of a type takes no module out of it by giving it another type.
    pub(super) fn check_stays_held(
        &self,
        by: &Principal,
        id: &ModuleId,
        before: &ModuleKind,
        after: &ModuleKind,
    ) -> Result<(), ModuleError> {
        let stops = self.shared.stops.load();
        let left = stops.of(id, before).find(|stop| !stop.scope.holds(id, after));
        match left.filter(|_| !by.may(Permission::ModulesAll)) {
            Some(stop) => Err(ModuleError::HeldByType(id.clone(), stop.id.clone())),
            None => Ok(()),
        }
    }

    /// Has the module of an id look at the stops again, as it has another type.
    pub(super) fn look_at_stops(&self, id: &ModuleId) {
        if let Some(actor) = self.running(id) {
            actor.do_send(LookAtStops::default());
        }
    }

    /// Whether a stop is in force that is not stored yet.
    pub(super) fn is_unstored(&self, id: &StopId) -> bool {
        self.unstored.borrow().contains(id)
    }

    /// Replaces the stops in force, and has all running modules in scope look; those that are not running look when their
    /// device comes.
    fn put_in_force(&self, stops: ActiveStops, scope: &StopScope, made: Option<&Arc<EmergencyStop>>) {
        self.shared.metrics.stops_active(stops.all().len());
        self.shared.stops.store(Arc::new(stops));
        let catalogue = self.catalogue.borrow();
        let stopped = catalogue.of(&View::All).filter(|entry| holds(scope, entry));
        for actor in stopped.filter_map(|entry| self.running(&entry.id)) {
            actor.do_send(LookAtStops { made: made.cloned() });
        }
    }

    /// Stores a stop that is in force, and tells people of it then: events tell of nothing that a restart forgets.
    async fn keep_stop(self: Rc<Self>, stop: Arc<EmergencyStop>, deed: Deed) {
        let storing = async {
            let made = self.store_stop(&stop, deed).await;
            self.change_unstored(|unstored| unstored.remove(&stop.id));
            made
        };
        // It has its turn before anybody can clear it, and is stored also while others are told of.
        let (_turn, (made, taken_back)) = join(self.stopping.turn_to_follow(), storing).await;
        self.announce(Vec::from_iter(made)).await;
        self.shared.tell_taken_back(taken_back).await;
        self.tell_stop(&stop, StopState::Pending).await;
    }

    /// Stores a stop, what it takes back and who made it, however often that has to be tried.
    async fn store_stop(&self, stop: &Arc<EmergencyStop>, deed: Deed) -> Made {
        loop {
            match self.try_to_store(stop, deed.clone()).await {
                Ok(made) => return made,
                Err(error) => {
                    tracing::error!(stop.id = %stop.id, %error, "an emergency stop is in force and cannot be stored");
                }
            }
            sleep(STORE_AGAIN_AFTER).await;
        }
    }

    async fn try_to_store(&self, stop: &Arc<EmergencyStop>, deed: Deed) -> Result<Made, StoreError> {
        let (row, id) = (Arc::clone(stop), stop.id.clone());
        let event = NewEvent::emergency_stop_updated(stop, None, StopState::Pending);
        let storing = self.store.write_surely(
            move |conn| {
                stops::insert(conn, &row)?;
                audit::insert(conn, &deed, row.created_at)?;
                let made = announcements::add(conn, event)?;
                Ok((Some(made), take_back(conn, &row.scope, row.created_at)?))
            },
            // The events are left in the database, where the broker finds them.
            move |conn| Ok(stops::find(conn, &id)?.map(|_| (None, Vec::new()))),
        );
        storing.await
    }

    fn change_unstored(&self, change: impl FnOnce(&mut HashSet<StopId>) -> bool) {
        let mut unstored = self.unstored.borrow_mut();
        change(&mut unstored);
        self.shared.metrics.stops_unstored(unstored.len());
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
}
