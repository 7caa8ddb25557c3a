//! The emergency stops in force, as all module actors see them; pure.

use std::sync::Arc;

use serde::Serialize;

use crate::domain::ids::{ModuleId, StopId};
use crate::domain::module::ModuleKind;
use crate::domain::stop::{EmergencyStop, StopScope};

/// How far a stop has come with one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StopState {
    /// The module has not answered; it is told again and again while it is connected.
    Pending,
    /// The module has answered that it could not stop; it is told again and again.
    Refused,
    /// The module stands still.
    Acknowledged,
    /// The stop is over.
    Cleared,
}

/// The stops in force, oldest first; replaced as a whole.
#[derive(Debug, Clone, Default)]
pub struct ActiveStops(Vec<Arc<EmergencyStop>>);

impl ActiveStops {
    /// Those that the database holds.
    #[must_use]
    pub fn new(stops: Vec<EmergencyStop>) -> Self {
        Self(stops.into_iter().map(Arc::new).collect())
    }

    /// All of them.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Arc<EmergencyStop>> + ExactSizeIterator {
        self.0.iter()
    }

    /// Those that concern a module.
    pub fn of(&self, id: &ModuleId, kind: &ModuleKind) -> impl Iterator<Item = &Arc<EmergencyStop>> {
        self.0.iter().filter(move |stop| stop.scope.holds(id, kind))
    }

    /// The stop in force for exactly this scope.
    #[must_use]
    pub fn same(&self, scope: &StopScope) -> Option<&Arc<EmergencyStop>> {
        self.0.iter().find(|stop| stop.scope.is_same(scope))
    }

    /// The stop with that id.
    #[must_use]
    pub fn get(&self, id: &StopId) -> Option<&Arc<EmergencyStop>> {
        self.0.iter().find(|stop| stop.id == *id)
    }

    /// These and one more.
    #[must_use]
    pub fn with(&self, stop: Arc<EmergencyStop>) -> Self {
        Self(self.0.iter().cloned().chain([stop]).collect())
    }

    /// These without one.
    #[must_use]
    pub fn without(&self, id: &StopId) -> Self {
        Self(self.0.iter().filter(|stop| stop.id != *id).cloned().collect())
    }
}
