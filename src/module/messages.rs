//! What can be said to the registry.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Addr, Message, MessageResponse};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::actor::{EndLink, Module};
use super::claim::ClaimCode;
use super::entry::{Entry, ModuleView};
use super::error::ModuleError;
use super::listing::{ModuleFilter, ModuleSort};
use crate::auth::Principal;
use crate::domain::ids::{ModuleId, UserId};
use crate::domain::module::{ModuleKind, ModuleName, TokenHash};
use crate::domain::moments::Moments;
use crate::store::commands::CommandRecord;

/// A module to be registered.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewModule {
    /// 1 to 64 of `A-Z a-z 0-9 . _ -`, starting with a letter or a digit.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", example = "MC-1001-STN")]
    pub module_id: ModuleId,
    /// 1 to 100 characters.
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$", example = "North gate")]
    pub name: ModuleName,
    /// 1 to 50 of `A-Z a-z 0-9 space _ -`.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]([A-Za-z0-9 _-]{0,48}[A-Za-z0-9_-])?$", example = "Station")]
    pub r#type: ModuleKind,
    /// Whose it will be; the caller's if left out. Others, or null for nobody, only by admins.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9-]{1,64}$")]
    pub user_id: Option<Option<UserId>>,
    /// Whether to give it a claim code, by which a user becomes its owner; admins only, and it is nobody's until then.
    #[serde(default)]
    pub claimable: bool,
}

/// What to change of a module; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModuleChange {
    /// 1 to 100 characters.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$")]
    pub name: Option<ModuleName>,
    /// 1 to 50 of `A-Z a-z 0-9 space _ -`.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]([A-Za-z0-9 _-]{0,48}[A-Za-z0-9_-])?$")]
    pub r#type: Option<ModuleKind>,
    /// The new owner; null, for nobody, only by admins.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9-]{1,64}$")]
    pub user_id: Option<Option<UserId>>,
}

/// Tells a field that is null from one that is left out.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<UserId>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Registers a module.
#[derive(Debug, Message)]
#[rtype(result = "Result<Created, ModuleError>")]
pub struct CreateModule {
    /// Who asks.
    pub by: Principal,
    /// What to register.
    pub module: NewModule,
}

/// A module and its token, shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Created {
    /// The module.
    pub module: ModuleView,
    /// Its token.
    pub token: String,
    /// Its claim code, if it was to have one.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimCode>,
}

/// Asks for a page of the modules a person may see.
#[derive(Debug, Message)]
#[rtype(result = "ModulePage")]
pub struct ListModules {
    /// Who asks.
    pub by: Principal,
    /// Which ones.
    pub filter: ModuleFilter,
    /// In which order.
    pub sort: ModuleSort,
    /// How many to leave out at the start.
    pub skip: u64,
    /// How many to show at most.
    pub limit: usize,
}

/// Some modules of a list.
#[derive(Debug, MessageResponse)]
pub struct ModulePage {
    /// The modules of the page.
    pub entries: Vec<Arc<Entry>>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Asks for a page of what a module was told, newest first, and how much there is.
#[derive(Debug, Message)]
#[rtype(result = "Result<(Vec<CommandRecord>, u64), ModuleError>")]
pub struct ListCommands {
    /// Who asks.
    pub by: Principal,
    /// Which module.
    pub id: ModuleId,
    /// How many to leave out at the start.
    pub skip: u64,
    /// How many to show at most.
    pub limit: u32,
}

/// Asks for one module, if a person may see it.
#[derive(Debug, Message)]
#[rtype(result = "Result<ModuleView, ModuleError>")]
pub struct GetModule {
    /// Who asks.
    pub by: Principal,
    /// Which module.
    pub id: ModuleId,
}

/// Changes a module.
#[derive(Debug, Message)]
#[rtype(result = "Result<ModuleView, ModuleError>")]
pub struct UpdateModule {
    /// Who asks.
    pub by: Principal,
    /// Which module.
    pub id: ModuleId,
    /// What to change.
    pub change: ModuleChange,
}

/// Removes a module.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ModuleError>")]
pub struct DeleteModule {
    /// Who asks.
    pub by: Principal,
    /// Which module.
    pub id: ModuleId,
}

/// Gives a module a new token; the old one stops working.
#[derive(Debug, Message)]
#[rtype(result = "Result<Rotated, ModuleError>")]
pub struct RotateCredential {
    /// Who asks.
    pub by: Principal,
    /// Which module.
    pub id: ModuleId,
}

/// A module's new token, shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Rotated {
    /// The token.
    pub token: String,
}

/// Asks for the actor of a module; starts it if need be.
#[derive(Debug, Message)]
#[rtype(result = "Result<Located, ModuleError>")]
pub struct Locate(pub ModuleId);

/// Where a module is found, for as long as its actor runs.
#[derive(Debug, Clone)]
pub struct Located {
    /// Its actor.
    pub actor: Addr<Module>,
    /// What is known of it, without asking the actor.
    pub(super) entry: Arc<Entry>,
}

/// Asks which module has a token.
#[derive(Debug, Message)]
#[rtype(result = "Option<ModuleId>")]
pub struct ByToken(pub TokenHash);

/// Asks for `{modules: […]}` with all modules a person may see.
///
/// Never older than the events published before it was asked for.
#[derive(Debug, Message)]
#[rtype(result = "Arc<RawValue>")]
pub struct TakeSnapshot {
    /// Who asks.
    pub by: Principal,
}

/// Asks how many modules there are.
#[derive(Debug, Message)]
#[rtype(result = "ModuleCounts")]
pub struct CountModules;

/// How many modules there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, MessageResponse)]
pub struct ModuleCounts {
    /// All.
    pub total: usize,
    /// Those online.
    pub online: usize,
}

/// Ends every link, each with its own moment to come back: the hub stops.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct DrainLinks {
    /// When devices come back.
    pub moments: Moments,
    /// Until when they are answered what is under way; what is not by then is taken back.
    pub answers_until: Instant,
}

impl DrainLinks {
    /// The end of a link whose device comes back after that.
    pub(super) fn end(&self, retry_after: Duration) -> EndLink {
        EndLink { retry_after: Some(retry_after), answers_until: Some(self.answers_until), ..EndLink::RESTART }
    }
}
