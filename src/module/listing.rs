//! Which modules a list shows, in which order.

use std::cmp::Ordering;
use std::sync::Arc;

use super::entry::{Entry, Live, Meta, Status};

/// Which modules a list shows; what is none shows all.
#[derive(Debug, Clone, Default)]
pub struct ModuleFilter {
    /// Only these.
    pub status: Option<Status>,
    /// Only this kind, case ignored.
    pub kind: Option<String>,
    /// Only those with this text in id or name, case ignored.
    pub search: Option<String>,
}

/// The order of a list; those alike follow their ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ModuleSort {
    /// By what.
    pub key: SortKey,
    /// From the last to the first.
    pub descending: bool,
}

/// What a list can be sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SortKey {
    /// The id.
    #[default]
    ModuleId,
    /// The name, case ignored.
    Name,
    /// The type.
    Type,
    /// Online first.
    Status,
    /// When it was last seen; those never seen come first.
    LastSeen,
    /// When it was made.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
}

/// A text that is no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "use `moduleId`, `name`, `type`, `status`, `lastSeen`, `createdAt` or `updatedAt`, with a `-` before it to turn the order round"
)]
pub struct SortError;

impl std::str::FromStr for ModuleSort {
    type Err = SortError;

    fn from_str(text: &str) -> Result<Self, SortError> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let key = match name {
            "moduleId" => SortKey::ModuleId,
            "name" => SortKey::Name,
            "type" => SortKey::Type,
            "status" => SortKey::Status,
            "lastSeen" => SortKey::LastSeen,
            "createdAt" => SortKey::CreatedAt,
            "updatedAt" => SortKey::UpdatedAt,
            _ => return Err(SortError),
        };
        Ok(Self { key, descending })
    }
}

impl ModuleFilter {
    /// The modules that fit, of some that are in the order of their ids.
    pub fn of<'a>(&self, entries: impl Iterator<Item = &'a Arc<Entry>>) -> Vec<Arc<Entry>> {
        let search = self.search.as_ref().map(|text| text.to_lowercase());
        entries.filter(|entry| self.fits(entry, search.as_deref())).cloned().collect()
    }

    fn fits(&self, entry: &Entry, search: Option<&str>) -> bool {
        let has_status = self.status.is_none_or(|status| entry.live.load().status == status);
        let meta = entry.meta.load();
        has_status
            && self.kind.as_ref().is_none_or(|kind| meta.kind.as_str().eq_ignore_ascii_case(kind))
            && search.is_none_or(|text| {
                entry.id.as_str().to_lowercase().contains(text) || meta.name.as_str().to_lowercase().contains(text)
            })
    }
}

impl ModuleSort {
    /// Puts modules that are in the order of their ids into this one.
    pub fn sort(self, entries: &mut [Arc<Entry>]) {
        if self.key != SortKey::ModuleId {
            // Read once: what a module does while its list is sorted must not confuse the order.
            let mut keyed: Vec<_> = entries
                .iter()
                .map(|entry| (entry.meta.load_full(), entry.live.load_full(), Arc::clone(entry)))
                .collect();
            match self.key {
                SortKey::Name => keyed.sort_by_cached_key(|(meta, ..)| meta.name.as_str().to_lowercase()),
                key => keyed.sort_by(|one, other| compare(key, (&one.0, &one.1), (&other.0, &other.1))),
            }
            for (place, (_, _, entry)) in entries.iter_mut().zip(keyed) {
                *place = entry;
            }
        }
        if self.descending {
            entries.reverse();
        }
    }
}

fn compare(key: SortKey, one: (&Meta, &Live), other: (&Meta, &Live)) -> Ordering {
    match key {
        SortKey::ModuleId => Ordering::Equal,
        SortKey::Name => one.0.name.cmp(&other.0.name),
        SortKey::Type => one.0.kind.cmp(&other.0.kind),
        SortKey::Status => one.1.status.cmp(&other.1.status),
        SortKey::LastSeen => one.1.last_seen.cmp(&other.1.last_seen),
        SortKey::CreatedAt => one.0.created_at.cmp(&other.0.created_at),
        SortKey::UpdatedAt => one.0.updated_at.cmp(&other.0.updated_at),
    }
}
