//! Emergency stops as people see them: a page at a time, with a few questions to the database however many stops and modules
//! there are.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::entry::Entry;
use super::super::error::ModuleError;
use super::super::stop::{ListStops, StopModule, StopModules, StopView};
use super::{Desk, View};
use crate::auth::Principal;
use crate::domain::grant::Permission;
use crate::domain::ids::{ModuleId, StopId};
use crate::domain::stop::{EmergencyStop, StopScope};
use crate::store::stops::{self, Answered, Concerning};

impl Desk {
    /// A page of the stops that concern modules of this person, those in force first, then the newest.
    pub async fn list_stops(&self, asked: ListStops) -> Result<(Vec<StopView>, u64), ModuleError> {
        let ListStops { by, active, module, skip, limit } = asked;
        let module = module.map(|id| self.visible(&id, &by)).transpose()?;
        let whom = match (&module, View::of(&by)) {
            (Some(entry), _) => Concerning::Module(entry.id.clone(), entry.meta.load().kind.clone()),
            (None, View::All) => Concerning::Everybody,
            (None, View::Of(owner)) => Concerning::Owner(owner),
        };
        let mut in_force = Vec::new();
        if active != Some(false) {
            in_force.extend(self.shared.stops.load().all().rev().cloned());
        }
        in_force.retain(|stop| match &module {
            Some(entry) => holds(&stop.scope, entry),
            None => self.may_see(&by, &stop.scope),
        });
        let (mut total, skipped) = (in_force.len() as u64, usize::try_from(skip).unwrap_or(usize::MAX));
        let mut page: Vec<_> =
            in_force.iter().skip(skipped).take(limit).map(|stop| EmergencyStop::clone(stop)).collect();
        if active != Some(true) {
            let skip = i64::try_from(skip.saturating_sub(total)).unwrap_or(i64::MAX);
            let limit = i64::try_from(limit - page.len()).unwrap_or(i64::MAX);
            let (cleared, more) = self.store.read(move |conn| stops::cleared(conn, &whom, skip, limit)).await?;
            total += more.unsigned_abs();
            page.extend(cleared);
        }
        Ok((self.views_of(&by, &page).await?, total))
    }

    /// A page of the modules that a stop concerns, as far as this person may see them, in the order of their ids.
    pub async fn stop_modules(&self, asked: StopModules) -> Result<(Vec<StopModule>, u64), ModuleError> {
        let StopModules { by, id, module, skip, limit } = asked;
        let stop = self.visible_stop(&by, &id).await?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let (page, total) = match module {
            Some(module) => {
                let entry = self.visible(&module, &by).ok().filter(|entry| holds(&stop.scope, entry));
                let total = u64::from(entry.is_some());
                (entry.into_iter().skip(skip).take(limit).collect(), total)
            }
            None => self.in_scope(&by, &stop.scope, skip, limit),
        };
        let ids: Vec<ModuleId> = page.iter().map(|entry| entry.id.clone()).collect();
        let answers = self.store.read(move |conn| stops::answers_to(conn, &id, &ids)).await?;
        Ok((page.iter().map(|entry| StopModule::of(entry, answers.get(&entry.id))).collect(), total))
    }

    /// A stop that this person may see, also one that is not stored yet.
    pub(super) async fn visible_stop(&self, by: &Principal, id: &StopId) -> Result<EmergencyStop, ModuleError> {
        let in_force = self.shared.stops.load().get(id).map(|stop| EmergencyStop::clone(stop));
        let wanted = id.clone();
        let found = match in_force {
            Some(stop) => Some(stop),
            None => self.store.read(move |conn| stops::find(conn, &wanted)).await?,
        };
        found.filter(|stop| self.may_see(by, &stop.scope)).ok_or(ModuleError::NoSuchStop)
    }

    /// A stop and how far it has come.
    pub(super) async fn view_of(&self, by: &Principal, stop: &EmergencyStop) -> Result<StopView, ModuleError> {
        let views = self.views_of(by, std::slice::from_ref(stop)).await?;
        views.into_iter().next().ok_or(ModuleError::NoSuchStop)
    }

    /// A stop that is in force: it is, also while nobody can say what was answered to it.
    pub(super) async fn view_in_force(&self, by: &Principal, stop: &EmergencyStop) -> StopView {
        match self.view_of(by, stop).await {
            Ok(view) => view,
            Err(_) => self.view_with(by, &Census::of(self, by), stop, &HashMap::new()),
        }
    }

    /// Stops and how far each has come, with one question to the database.
    async fn views_of(&self, by: &Principal, page: &[EmergencyStop]) -> Result<Vec<StopView>, ModuleError> {
        let stored: Vec<_> = page.iter().map(|stop| stop.id.clone()).filter(|id| !self.is_unstored(id)).collect();
        let mut answered = HashMap::new();
        if !stored.is_empty() {
            let view = View::of(by);
            let counting = self.store.read(move |conn| match &view {
                View::All => stops::count_answers(conn, &stored, None),
                View::Of(owner) => stops::count_answers(conn, &stored, Some(owner)),
            });
            answered = counting.await?;
        }
        let census = Census::of(self, by);
        Ok(page.iter().map(|stop| self.view_with(by, &census, stop, &answered)).collect())
    }

    fn view_with(
        &self,
        by: &Principal,
        census: &Census,
        stop: &EmergencyStop,
        answered: &HashMap<StopId, Answered>,
    ) -> StopView {
        let concerned = match &stop.scope {
            StopScope::All => census.all,
            StopScope::Type(kind) => census.by_kind.get(&kind.as_str().to_ascii_lowercase()).copied().unwrap_or(0),
            StopScope::Module(id) => usize::from(self.visible(id, by).is_ok()),
        };
        let answered = answered.get(&stop.id).copied().unwrap_or_default();
        StopView::of(stop, !self.is_unstored(&stop.id), concerned, answered)
    }

    fn may_see(&self, by: &Principal, scope: &StopScope) -> bool {
        by.may(Permission::ModulesAll) || self.catalogue.borrow().of(&View::of(by)).any(|entry| holds(scope, entry))
    }

    fn in_scope(&self, by: &Principal, scope: &StopScope, skip: usize, limit: usize) -> (Vec<Arc<Entry>>, u64) {
        let catalogue = self.catalogue.borrow();
        let (mut total, mut page) = (0, Vec::new());
        for (place, entry) in catalogue.of(&View::of(by)).filter(|entry| holds(scope, entry)).enumerate() {
            total += 1;
            if place >= skip && page.len() < limit {
                page.push(Arc::clone(entry));
            }
        }
        (page, total)
    }
}

/// How many modules somebody may see, and of which type: counted once for all stops of a page.
#[derive(Default)]
struct Census {
    all: usize,
    by_kind: HashMap<String, usize>,
}

impl Census {
    fn of(desk: &Desk, by: &Principal) -> Self {
        let (catalogue, mut census) = (desk.catalogue.borrow(), Self::default());
        for entry in catalogue.of(&View::of(by)) {
            census.all += 1;
            *census.by_kind.entry(entry.meta.load().kind.as_str().to_ascii_lowercase()).or_default() += 1;
        }
        census
    }
}

/// Whether a stop of that scope concerns a module.
pub(super) fn holds(scope: &StopScope, entry: &Entry) -> bool {
    scope.holds(&entry.id, &entry.meta.load().kind)
}
