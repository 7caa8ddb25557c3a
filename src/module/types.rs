//! Which types of modules there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::{Message, MessageResponse};
use serde::Serialize;

use super::entry::{Entry, Status};
use crate::auth::Principal;
use crate::domain::module::ModuleKind;

/// Asks for a page of the types of the modules that a person may see, in their order.
#[derive(Debug, Message)]
#[rtype(result = "TypePage")]
pub struct ListTypes {
    /// Who asks.
    pub by: Principal,
    /// Only those with this text in them, case ignored.
    pub search: Option<String>,
    /// How many to leave out at the start.
    pub skip: u64,
    /// How many to show at most.
    pub limit: usize,
}

/// Some of the types.
#[derive(Debug, MessageResponse)]
pub struct TypePage {
    /// The types of the page.
    pub types: Vec<TypeView>,
    /// How many there are on all pages.
    pub total: u64,
}

/// A type and its modules, as far as one may see them; case makes no difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ModuleType)]
pub struct TypeView {
    /// The type, as one of its modules writes it.
    #[schema(value_type = String)]
    pub r#type: ModuleKind,
    /// How many modules are of it.
    pub modules: usize,
    /// How many of these are there.
    pub online: usize,
}

/// The types of some modules, in their order.
pub fn types_of<'a>(entries: impl Iterator<Item = &'a Arc<Entry>>, search: Option<&str>) -> Vec<TypeView> {
    let search = search.map(str::to_ascii_lowercase);
    let mut types: BTreeMap<String, TypeView> = BTreeMap::new();
    for entry in entries {
        let meta = entry.meta.load();
        let name = meta.kind.as_str().to_ascii_lowercase();
        if search.as_ref().is_some_and(|text| !name.contains(text)) {
            continue;
        }
        let view = types.entry(name).or_insert_with(|| TypeView { r#type: meta.kind.clone(), modules: 0, online: 0 });
        view.modules += 1;
        view.online += usize::from(entry.live.load().status == Status::Online);
    }
    types.into_values().collect()
}
