//! What modules last said, for an order of events that goes on after a start.

use std::collections::HashMap;

use crate::domain::event::NewEvent;
use crate::domain::event::payload::ModuleFacts;
use crate::domain::ids::ModuleId;
use crate::domain::time::Timestamp;
use crate::store::modules::StoredModule;
use crate::store::twins::Twin;

/// The stored telemetry of all modules as events, in the order in which it came.
#[must_use]
pub fn newest_states(stored: &[StoredModule]) -> Vec<NewEvent> {
    let mut told: Vec<_> = stored.iter().filter_map(|module| Some((module.telemetry_at?, module))).collect();
    told.sort_by_key(|(at, _)| *at);
    let event = |(at, StoredModule { record, telemetry, .. }): (Timestamp, &StoredModule)| {
        let facts = ModuleFacts {
            id: &record.id,
            name: record.name.as_str(),
            kind: record.kind.as_str(),
            owner: record.owner.as_ref(),
        };
        NewEvent { at, ..NewEvent::telemetry_updated(facts, telemetry.values()) }
    };
    told.into_iter().map(event).collect()
}

/// The stored twins of all modules as events.
#[must_use]
pub fn newest_twins(twins: &[(ModuleId, Twin)], stored: &[StoredModule]) -> Vec<NewEvent> {
    let owners: HashMap<_, _> = stored.iter().map(|module| (&module.record.id, module.record.owner.as_ref())).collect();
    let event = |(id, twin)| NewEvent::twin_updated(id, owners.get(id).copied().flatten(), twin);
    twins.iter().map(|(id, twin)| event((id, twin))).collect()
}
