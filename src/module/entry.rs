//! What registry and module actor share of one module, without locks.

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::Serialize;

use super::alarm::Watch;
use super::clock::Clock;
use crate::auth::Principal;
use crate::domain::event::payload::{ModuleFacts, Presence};
use crate::domain::grant::Permission;
use crate::domain::ids::{ModuleId, UserId};
use crate::domain::module::{ModuleKind, ModuleName, TokenHash};
use crate::domain::telemetry::LatestState;
use crate::domain::time::Timestamp;
use crate::store::modules::{ModuleRecord, StoredModule};
use crate::store::readings::ModuleNumber;

/// Whether a module is there.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A connection is open, or a reading came lately.
    Online,
    /// Neither.
    #[default]
    Offline,
}

/// What people can change of a module; replaced by the registry alone.
#[derive(Debug, Clone)]
pub struct Meta {
    /// What people call it.
    pub name: ModuleName,
    /// What kind it is.
    pub kind: ModuleKind,
    /// Whose it is; none for a module that only admins see.
    pub owner: Option<UserId>,
    /// The hash of its token.
    pub token_hash: TokenHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When any of this last changed.
    pub updated_at: Timestamp,
}

/// What the module itself changes; replaced by its actor alone.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Whether it is there.
    pub status: Status,
    /// When it last connected or said something.
    pub last_seen: Option<Timestamp>,
    /// What it last said.
    pub telemetry: Arc<LatestState>,
    /// The times given to its readings that name none.
    pub clock: Clock,
}

/// One module in memory; stays as long as the module exists, while actors come and go.
#[derive(Debug)]
pub struct Entry {
    /// Which module.
    pub id: ModuleId,
    /// Its number in the history; another module of that id has another.
    pub number: ModuleNumber,
    /// What people can change.
    pub meta: ArcSwap<Meta>,
    /// What the module changes.
    pub live: ArcSwap<Live>,
    /// What the rules for its alarms look at.
    pub watch: Watch,
}

impl Entry {
    /// A module as it was stored; offline until it says something.
    #[must_use]
    pub fn new(stored: StoredModule) -> Self {
        let StoredModule { record, number, telemetry, last_seen, clock, .. } = stored;
        let (telemetry, clock) = (Arc::new(LatestState::new(telemetry)), Clock::after(clock));
        let live = Live { status: Status::Offline, last_seen, telemetry, clock };
        Self {
            id: record.id.clone(),
            number,
            meta: ArcSwap::from_pointee(Meta::from(record)),
            live: ArcSwap::from_pointee(live),
            watch: Watch::default(),
        }
    }

    /// Whether a person may see it.
    #[must_use]
    pub fn is_visible_to(&self, who: &Principal) -> bool {
        who.may(Permission::ModulesAll) || self.meta.load().owner.as_ref() == Some(&who.user_id)
    }
}

impl Live {
    /// Whether it is there, as far as its events go.
    #[must_use]
    pub fn presence(&self) -> Presence {
        Presence { is_online: self.status == Status::Online, last_seen: self.last_seen }
    }
}

impl Meta {
    /// The module as far as its events go.
    #[must_use]
    pub fn facts<'a>(&'a self, id: &'a ModuleId) -> ModuleFacts<'a> {
        ModuleFacts { id, name: self.name.as_str(), kind: self.kind.as_str(), owner: self.owner.as_ref() }
    }

    /// The module as it is stored.
    #[must_use]
    pub fn record(&self, id: &ModuleId) -> ModuleRecord {
        ModuleRecord {
            id: id.clone(),
            name: self.name.clone(),
            kind: self.kind.clone(),
            owner: self.owner.clone(),
            token_hash: self.token_hash,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

impl From<ModuleRecord> for Meta {
    fn from(record: ModuleRecord) -> Self {
        Self {
            name: record.name,
            kind: record.kind,
            owner: record.owner,
            token_hash: record.token_hash,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

/// A module as it is shown outside.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Module)]
pub struct ModuleView {
    /// Its id, e.g. `MC-1001-STN`.
    #[schema(value_type = String)]
    pub module_id: ModuleId,
    /// What people call it.
    #[schema(value_type = String)]
    pub name: ModuleName,
    /// What kind it is, e.g. `Station`.
    #[schema(value_type = String)]
    pub r#type: ModuleKind,
    /// Whose it is; null for a module that only admins see.
    #[schema(value_type = Option<String>)]
    pub user_id: Option<UserId>,
    /// Whether it is there.
    pub status: Status,
    /// When it last connected or said something.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen: Option<Timestamp>,
    /// What it last said: values by key.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub telemetry: Arc<LatestState>,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When name, type, owner or token last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<&Entry> for ModuleView {
    fn from(entry: &Entry) -> Self {
        let (meta, live) = (entry.meta.load(), entry.live.load());
        Self {
            module_id: entry.id.clone(),
            name: meta.name.clone(),
            r#type: meta.kind.clone(),
            user_id: meta.owner.clone(),
            status: live.status,
            last_seen: live.last_seen,
            telemetry: Arc::clone(&live.telemetry),
            created_at: meta.created_at,
            updated_at: meta.updated_at,
        }
    }
}
