//! Lists in pages.

use serde::{Deserialize, Serialize};

use super::problem::ApiError;
use crate::domain::problem::Faults;

/// The last page that can be asked for.
pub const PAGE_MAX: u32 = i32::MAX.unsigned_abs();

/// The most items on a page.
pub const PER_PAGE_MAX: u32 = 100;

/// Which page of a list, as it stands in the address: `?page=1&perPage=20`.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Counted from 1; D 1.
    #[param(minimum = 1)]
    pub page: Option<u32>,
    /// Items on a page, 1 to 100; D 20.
    #[param(minimum = 1, maximum = 100)]
    pub per_page: Option<u32>,
}

/// A page that exists, perhaps empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Counted from 1.
    pub number: u32,
    /// Items on it, 1 to 100.
    pub size: u32,
}

impl PageQuery {
    /// The page, checked.
    ///
    /// # Errors
    /// 422 for a page or size that cannot be.
    pub fn check(self) -> Result<Page, ApiError> {
        let page = Page { number: self.page.unwrap_or(1), size: self.per_page.unwrap_or(20) };
        let mut faults = Faults::default();
        if !(1..=PAGE_MAX).contains(&page.number) {
            faults.add("/page", "pages are counted from 1, and no list has that many");
        }
        if !(1..=PER_PAGE_MAX).contains(&page.size) {
            faults.add("/perPage", "a page holds 1 to 100 items");
        }
        if faults.is_empty() {
            return Ok(page);
        }
        Err(faults.into_problem("invalid-query", 422, "the query of the address is not as it must be").into())
    }
}

impl Page {
    /// How many items stand before it.
    #[must_use]
    pub const fn offset(self) -> u64 {
        (self.number as u64 - 1) * self.size as u64
    }
}

/// One page of a list: `{items, page, perPage, total}`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Which page, from 1.
    pub page: u32,
    /// How many items a page holds.
    pub per_page: u32,
    /// How many items there are on all pages.
    pub total: u64,
}

impl<T> Listed<T> {
    /// A page of items.
    #[must_use]
    pub const fn new(items: Vec<T>, page: Page, total: u64) -> Self {
        Self { items, page: page.number, per_page: page.size, total }
    }
}
